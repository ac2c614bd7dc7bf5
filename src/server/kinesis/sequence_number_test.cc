#include "server/kinesis/sequence_number.h"

#include <gtest/gtest.h>

namespace freshet::kinesis {
namespace {

TEST(SequenceNumber, IsTwentySevenDigitsAndComesBack) {
  std::string text = format_sequence_number({Position{1ull << 40}, 7});
  EXPECT_EQ(text, "400000001099511627776000007");
  std::optional<SequenceNumber> number = parse_sequence_number(text);
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(number->position.value, 1ull << 40);
  EXPECT_EQ(number->partition, 7u);
}

TEST(SequenceNumber, HoldsTheLargestPositionAndPartition) {
  std::string text = format_sequence_number({Position{UINT64_MAX}, kPartitionIdMax});
  EXPECT_EQ(text, "418446744073709551615999999");
  EXPECT_EQ(parse_sequence_number(text)->position.value, UINT64_MAX);
}

TEST(SequenceNumber, TextOrderIsPositionOrder) {
  std::uint64_t values[] = {0, 1, 9, 10, 99, 1ull << 40, (1ull << 40) + 1, UINT64_MAX};
  for (std::size_t i = 1; i < std::size(values); ++i) {
    EXPECT_LT(format_sequence_number({Position{values[i - 1]}, 3}),
              format_sequence_number({Position{values[i]}, 3}));
  }
}

TEST(SequenceNumber, ForeignTextIsRefused) {
  for (const char* text : {"", "0", "4", "49590338271490256608559692538361571095921575989136588898",
                           "300000001099511627776000007", "40000000109951162777600000",
                           "40000000109951162777600000x", "4-0000001099511627776000007",
                           "499999999999999999999000000", "418446744073709551616000000"}) {
    EXPECT_FALSE(parse_sequence_number(text).has_value()) << text;
  }
}

TEST(ShardId, HasTwelveDigits) {
  EXPECT_EQ(format_shard_id(7), "shardId-000000000007");
  EXPECT_EQ(parse_shard_id("shardId-000000000007"), 7u);
  for (const char* text : {"", "shardId-7", "shardId-00000000000x", "ShardId-000000000007",
                           "shardId-999999999999", "shardId-0000000000071"}) {
    EXPECT_FALSE(parse_shard_id(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace freshet::kinesis

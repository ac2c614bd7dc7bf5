#include "archive/iceberg/transform.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace freshet::archive::iceberg {
namespace {

constexpr std::int64_t kDayUs = std::int64_t{86'400} * 1'000'000;
constexpr std::int64_t kHourUs = std::int64_t{3'600} * 1'000'000;

TEST(Transform, ADayBeginsAtMidnightUtcBeforeTheEpochToo) {
  EXPECT_EQ(day_of_us(0), 0);
  EXPECT_EQ(day_of_us(kDayUs - 1), 0);
  EXPECT_EQ(day_of_us(kDayUs), 1);
  EXPECT_EQ(day_of_us(-1), -1);
  EXPECT_EQ(day_of_us(-kDayUs), -1);
  EXPECT_EQ(day_of_us(-kDayUs - 1), -2);
  EXPECT_EQ(day_of_us(1'510'871'468'000'000), 17'486);  // 2017-11-16T22:31:08Z
}

TEST(Transform, AnHourIsRoundedDownBeforeTheEpochToo) {
  EXPECT_EQ(hour_of_us(kHourUs - 1), 0);
  EXPECT_EQ(hour_of_us(kHourUs), 1);
  EXPECT_EQ(hour_of_us(-1), -1);
  EXPECT_EQ(hour_of_us(-kHourUs - 1), -2);
  EXPECT_EQ(hour_of_us(1'510'871'468'000'000), 419'686);
}

TEST(Transform, ARangeWithoutAnEndStaysOneInHours) {
  EXPECT_EQ(hour_of_us(std::numeric_limits<std::int64_t>::max()),
            std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(hour_of_us(std::numeric_limits<std::int64_t>::min()),
            std::numeric_limits<std::int32_t>::min());
}

// Iceberg's specification, appendix B.
TEST(Transform, BucketsHashAsTheSpecificationSays) {
  constexpr std::int32_t kAll = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(bucket_of_long(34, kAll), 2'017'239'379);
  EXPECT_EQ(bucket_of_bytes("iceberg", kAll), 1'210'000'089);
  EXPECT_EQ(murmur3_x86_32("iceberg"), 1'210'000'089u);
  EXPECT_EQ(static_cast<std::int32_t>(murmur3_x86_32(std::string_view("\0\1\2\3", 4))),
            -188'683'207);
  // f79c3e09-677c-4bbd-a479-3f349cb785e7
  EXPECT_EQ(bucket_of_uuid({0xf79c3e09677c4bbd, 0xa4793f349cb785e7}, kAll), 1'488'055'340);
}

TEST(Transform, EveryBucketIsInRangeAlsoForNegativeHashes) {
  for (std::int64_t value = -1'000; value < 1'000; ++value) {
    std::int32_t bucket = bucket_of_long(value, 16);
    EXPECT_GE(bucket, 0);
    EXPECT_LT(bucket, 16);
  }
}

// MurmurHash3's own test values.
TEST(Transform, MurmurTakesTailsAndSeeds) {
  EXPECT_EQ(murmur3_x86_32("", 0), 0u);
  EXPECT_EQ(murmur3_x86_32("", 1), 0x514e28b7u);
  EXPECT_EQ(murmur3_x86_32("a", 0x9747b28c), 0x7fa09ea6u);
  EXPECT_EQ(murmur3_x86_32("ab", 0x9747b28c), 0x74875592u);
  EXPECT_EQ(murmur3_x86_32("abc", 0x9747b28c), 0xc84a62ddu);
  EXPECT_EQ(murmur3_x86_32("abcd", 0x9747b28c), 0xf0478627u);
}

}  // namespace
}  // namespace freshet::archive::iceberg

// Listing and changing shards, as a client sees it.
#include "server/kinesis/door_test_support.h"
#include "server/kinesis/hash_key.h"
#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Shards : public DoorTest {
 protected:
  static Document named(std::string_view name) { return Document::map().set("StreamName", name); }
  void expect_error(const Reply& reply, std::string_view name, std::string_view words) {
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.error(), name) << reply.message();
    EXPECT_THAT(reply.message(), HasSubstr(std::string(words)));
  }
  Reply split(PartitionId shard, const std::string& hash) {
    return call(
        "SplitShard",
        named("s").set("ShardToSplit", format_shard_id(shard)).set("NewStartingHashKey", hash));
  }
  Reply merge(PartitionId one, PartitionId other) {
    return call("MergeShards", named("s")
                                   .set("ShardToMerge", format_shard_id(one))
                                   .set("AdjacentShardToMerge", format_shard_id(other)));
  }
  Reply scale(int count) {
    return call("UpdateShardCount",
                named("s").set("TargetShardCount", count).set("ScalingType", "UNIFORM_SCALING"));
  }
  static std::vector<int> ids(const Reply& reply) {
    std::vector<int> ids;
    for (const Document& shard : *at(reply.body, "Shards").items()) {
      ids.push_back(static_cast<int>(*parse_shard_id(text_of(at(shard, "ShardId")))));
    }
    return ids;
  }
  std::vector<int> filtered(Document filter) {
    Reply reply = call("ListShards", named("s").set("ShardFilter", std::move(filter)));
    EXPECT_EQ(reply.status, 200) << reply.message();
    return reply.status == 200 ? ids(reply) : std::vector<int>{};
  }
};
FRESHET_BOTH_ENCODINGS(Shards);

TEST_P(Shards, ASplitClosesTheParentAndGivesTwoChildrenAboveIt) {
  create("s");
  std::string middle = format_hash_key(HashKey{1} << 127);
  EXPECT_EQ(split(0, middle).status, 200);
  Reply reply = call("ListShards", named("s"));
  EXPECT_THAT(ids(reply), ElementsAre(0, 1, 2));
  const Document& parent = at(reply.body, "Shards", 0);
  const Document& lower = at(reply.body, "Shards", 1);
  const Document& upper = at(reply.body, "Shards", 2);
  std::string end = text_of(at(parent, "SequenceNumberRange", "EndingSequenceNumber"));
  ASSERT_EQ(end.size(), 27u);
  EXPECT_EQ(text_of(at(lower, "ParentShardId")), "shardId-000000000000");
  EXPECT_TRUE(at(lower, "AdjacentParentShardId").is_null());
  EXPECT_EQ(text_of(at(upper, "HashKeyRange", "StartingHashKey")), middle);
  EXPECT_EQ(text_of(at(lower, "HashKeyRange", "EndingHashKey")),
            "170141183460469231731687303715884105727");
  EXPECT_LT(end, text_of(at(lower, "SequenceNumberRange", "StartingSequenceNumber")));
}

TEST_P(Shards, AMergeNamesBothParentsInEitherOrder) {
  create("s", 2);
  EXPECT_EQ(merge(1, 0).status, 200);
  Reply reply = call("ListShards", named("s"));
  const Document& child = at(reply.body, "Shards", 2);
  EXPECT_EQ(text_of(at(child, "ParentShardId")), "shardId-000000000000");
  EXPECT_EQ(text_of(at(child, "AdjacentParentShardId")), "shardId-000000000001");
  EXPECT_EQ(text_of(at(child, "HashKeyRange", "StartingHashKey")), "0");
}

TEST_P(Shards, ReshardingThatMakesNoSenseIsRefused) {
  create("s", 3);
  expect_error(merge(0, 2), "InvalidArgumentException", "are not an adjacent pair of shards");
  expect_error(merge(0, 0), "InvalidArgumentException", "are not an adjacent pair of shards");
  expect_error(merge(0, 9), "ResourceNotFoundException", "Could not find shard");
  for (const char* hash : {"0", "1", "340282366920938463463374607431768211455",
                           "340282366920938463463374607431768211456"}) {
    expect_error(split(0, hash), "InvalidArgumentException", "is not both greater than one plus");
  }
  expect_error(split(0, "x"), "ValidationException", "at 'newStartingHashKey'");
  EXPECT_EQ(split(0, "100").status, 200);
  expect_error(split(0, "100"), "InvalidArgumentException", "has already been merged or split");
  expect_error(merge(0, 1), "InvalidArgumentException", "has already been merged or split");
}

TEST_P(Shards, ScalingGoesToTheDoubleAndTheHalfTenTimesADay) {
  create("s", 2);
  expect_error(scale(5), "LimitExceededException", "cannot scale up over double");
  Reply reply = scale(4);
  EXPECT_EQ(at(reply.body, "CurrentShardCount").integer(), 2);
  EXPECT_EQ(at(reply.body, "TargetShardCount").integer(), 4);
  EXPECT_EQ(reply.text("StreamName"), "s");
  expect_error(scale(1), "LimitExceededException", "cannot scale down below half");
  streams.control_failure = Error(Code::kUnavailable, "starting");
  EXPECT_EQ(scale(3).status, 500);  // does not count
  streams.control_failure.reset();
  for (int i = 0; i < 9; ++i) EXPECT_EQ(scale(i % 2 == 0 ? 3 : 4).status, 200);
  expect_error(scale(4), "LimitExceededException", "10 times in the last 24 hours");
  clock.advance_us(ScalingHistory::kWindowUs + 1);
  EXPECT_EQ(scale(4).status, 200);
  expect_error(call("UpdateShardCount", named("s").set("TargetShardCount", 4)),
               "ValidationException", "Value null at 'scalingType'");
}

TEST_P(Shards, FiltersPickShardsByIdAndTime) {
  create("s", 2);                   // 0 and 1 at 0 h
  clock.advance_us(3'600'000'000);  // 1 h: 0 becomes 2 and 3
  split(0, "100");
  clock.advance_us(3'600'000'000);  // 2 h: 2 and 3 become 4
  merge(2, 3);
  clock.advance_us(3'600'000'000);
  auto at_hour = [](double hours) {
    return Document::timestamp(kTestStartUs / 1000 + static_cast<std::int64_t>(hours * 3'600'000));
  };
  auto filter = [](const char* type) { return Document::map().set("Type", type); };
  EXPECT_THAT(ids(call("ListShards", named("s"))), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(filtered(filter("FROM_TRIM_HORIZON")), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(filtered(filter("AT_TRIM_HORIZON")), ElementsAre(0, 1));
  EXPECT_THAT(filtered(filter("AT_LATEST")), ElementsAre(1, 4));
  EXPECT_THAT(filtered(filter("AFTER_SHARD_ID").set("ShardId", "shardId-000000000002")),
              ElementsAre(3, 4));
  EXPECT_THAT(filtered(filter("AT_TIMESTAMP").set("Timestamp", at_hour(0.5))), ElementsAre(0, 1));
  EXPECT_THAT(filtered(filter("AT_TIMESTAMP").set("Timestamp", at_hour(1.5))),
              ElementsAre(1, 2, 3));
  EXPECT_THAT(filtered(filter("AT_TIMESTAMP").set("Timestamp", at_hour(-9))), ElementsAre(0, 1));
  EXPECT_THAT(filtered(filter("FROM_TIMESTAMP").set("Timestamp", at_hour(1.5))),
              ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(filtered(filter("FROM_TIMESTAMP").set("Timestamp", at_hour(0))),
              ElementsAre(0, 1, 2, 3, 4));
  clock.advance_us(24ll * 3'600'000'000 - 2 * 3'600'000'000 + 1'000'000);  // the horizon passes 1 h
  EXPECT_THAT(filtered(filter("AT_TRIM_HORIZON")), ElementsAre(1, 2, 3));
  auto refused = [&](Document shard_filter, const char* words) {
    expect_error(call("ListShards", named("s").set("ShardFilter", std::move(shard_filter))),
                 "InvalidArgumentException", words);
  };
  refused(filter("AT_TIMESTAMP"), "must have a Timestamp");
  refused(filter("AFTER_SHARD_ID"), "must have a ShardId");
  refused(filter("AT_LATEST").set("ShardId", "shardId-000000000002"), "cannot have a ShardId");
  refused(filter("AT_TIMESTAMP").set("Timestamp", at_hour(1000)), "in the future");
}

TEST_P(Shards, ListingsPageWithATokenThatExcludesTheName) {
  create("s", 5);
  Reply reply = call(
      "ListShards",
      named("s").set("MaxResults", 2).set("ShardFilter", Document::map().set("Type", "AT_LATEST")));
  EXPECT_THAT(ids(reply), ElementsAre(0, 1));
  std::string token = reply.text("NextToken");
  reply = call("ListShards", Document::map().set("NextToken", token).set("MaxResults", 2));
  EXPECT_THAT(ids(reply), ElementsAre(2, 3));
  reply = call("ListShards", Document::map().set("NextToken", reply.text("NextToken")));
  EXPECT_THAT(ids(reply), ElementsAre(4));
  EXPECT_TRUE(at(reply.body, "NextToken").is_null());
  expect_error(call("ListShards", named("s").set("NextToken", token)), "InvalidArgumentException",
               "NextToken and StreamName cannot be provided together.");
  expect_error(call("ListShards", Document::map().set("NextToken", "AAAA")),
               "InvalidArgumentException", "Invalid NextToken.");
  expect_error(call("ListShards", Document::map()), "InvalidArgumentException", "StreamName");
  clock.advance_us(300'000'001);
  expect_error(call("ListShards", Document::map().set("NextToken", token)),
               "ExpiredNextTokenException", "300 seconds");
}

TEST_P(Shards, ATokenOpensNothingToAnotherKey) {
  create("s", 2);
  Reply reply = call("ListShards", named("s").set("MaxResults", 1));
  expect_error(call_as(allowed({{"kinesis:*", "stream/t"}}), "ListShards",
                       Document::map().set("NextToken", reply.text("NextToken"))),
               "AccessDeniedException", "stream/s");
}

TEST_P(Shards, AThousandShardsAreAPageOfListShardsAndAHundredOfDescribeStream) {
  create("s", 1001);
  Reply reply = call("ListShards", named("s").set("MaxResults", 10'000));
  EXPECT_EQ(ids(reply).size(), 1000u);
  EXPECT_FALSE(reply.text("NextToken").empty());
  reply = call("DescribeStream", named("s").set("Limit", 10'000));
  EXPECT_EQ(size_of(at(reply.body, "StreamDescription", "Shards")), 100u);
  EXPECT_EQ(at(reply.body, "StreamDescription", "HasMoreShards").boolean(), true);
  reply = call("DescribeStream", named("s").set("ExclusiveStartShardId", "shardId-000000000999"));
  EXPECT_EQ(size_of(at(reply.body, "StreamDescription", "Shards")), 1u);
  EXPECT_EQ(at(reply.body, "StreamDescription", "HasMoreShards").boolean(), false);
}

TEST_P(Shards, TheCreationTimeTellsStreamsOfOneNameApart) {
  create("s");
  auto list = [&](std::int64_t ms) {
    return call("ListShards", named("s").set("StreamCreationTimestamp", Document::timestamp(ms)));
  };
  EXPECT_EQ(list(kTestStartUs / 1000).status, 200);
  expect_error(list(kTestStartUs / 1000 - 1), "ResourceNotFoundException", "not found");
}

}  // namespace
}  // namespace freshet::kinesis

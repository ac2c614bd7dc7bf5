// Streams and their settings, as a client sees them.
#include "server/kinesis/door_test_support.h"
#include "server/kinesis/errors.h"

namespace freshet::kinesis {
namespace {

using ::testing::HasSubstr;

class Streams : public DoorTest {
 protected:
  Document named(std::string_view name) { return Document::map().set("StreamName", name); }
  static std::string arn(std::string_view name) {
    return "arn:aws:kinesis:us-east-1:000000000000:stream/" + std::string(name);
  }
  void expect_error(const Reply& reply, std::string_view name, std::string_view words) {
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.error(), name) << reply.message();
    EXPECT_THAT(reply.message(), HasSubstr(std::string(words)));
  }
};
FRESHET_BOTH_ENCODINGS(Streams);

TEST_P(Streams, ACreatedStreamIsActiveAtTheFirstLook) {
  Reply reply = call("CreateStream", named("detections").set("ShardCount", 3));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.raw, "");
  reply = call("DescribeStream", named("detections"));
  const Document& stream = at(reply.body, "StreamDescription");
  EXPECT_EQ(text_of(at(stream, "StreamStatus")), "ACTIVE");
  EXPECT_EQ(text_of(at(stream, "StreamARN")), arn("detections"));
  EXPECT_EQ(text_of(at(stream, "StreamModeDetails", "StreamMode")), "PROVISIONED");
  EXPECT_EQ(at(stream, "RetentionPeriodHours").integer(), 24);
  EXPECT_EQ(at(stream, "StreamCreationTimestamp").timestamp_ms(), kTestStartUs / 1000);
  EXPECT_EQ(at(stream, "HasMoreShards").boolean(), false);
  ASSERT_EQ(size_of(at(stream, "Shards")), 3u);
  const Document& last = at(stream, "Shards", 2);
  EXPECT_EQ(text_of(at(last, "ShardId")), "shardId-000000000002");
  EXPECT_EQ(text_of(at(last, "HashKeyRange", "EndingHashKey")),
            "340282366920938463463374607431768211455");
  EXPECT_EQ(text_of(at(last, "SequenceNumberRange", "StartingSequenceNumber")).size(), 27u);
  EXPECT_TRUE(at(last, "SequenceNumberRange", "EndingSequenceNumber").is_null());
  EXPECT_TRUE(at(last, "ParentShardId").is_null());
}

TEST_P(Streams, TheSummaryCountsOpenShards) {
  create("s", 4);
  Reply reply = call("DescribeStreamSummary", Document::map().set("StreamARN", arn("s")));
  const Document& summary = at(reply.body, "StreamDescriptionSummary");
  EXPECT_EQ(at(summary, "OpenShardCount").integer(), 4);
  EXPECT_EQ(at(summary, "ConsumerCount").integer(), 0);
  EXPECT_EQ(at(summary, "MaxRecordSizeInKiB").integer(), 1024);
  EXPECT_EQ(text_of(at(summary, "EncryptionType")), "NONE");
  EXPECT_EQ(size_of(at(summary, "EnhancedMonitoring")), 1u);
}

TEST_P(Streams, BrokenShapesAreValidationErrorsInAwsWords) {
  expect_error(call("CreateStream", named("a b").set("ShardCount", 0)), "ValidationException",
               "2 validation errors detected: Value 'a b' at 'streamName' failed to satisfy "
               "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value "
               "'0' at 'shardCount' failed to satisfy constraint: Member must have value greater "
               "than or equal to 1");
  expect_error(call("CreateStream", Document::map()), "ValidationException",
               "1 validation error detected: Value null at 'streamName' failed to satisfy "
               "constraint: Member must not be null");
  expect_error(call("DescribeStream", named(std::string(129, 'n'))), "ValidationException",
               "Member must have length less than or equal to 128");
  expect_error(
      call("CreateStream",
           named("s").set("StreamModeDetails", Document::map().set("StreamMode", "FAST"))),
      "ValidationException",
      "Value 'FAST' at 'streamModeDetails.streamMode' failed to satisfy constraint: Member must "
      "satisfy enum value set: [PROVISIONED, ON_DEMAND]");
  expect_error(call("DescribeStream", Document::map().set("StreamARN", "arn:nonsense")),
               "ValidationException", "at 'streamARN'");
}

TEST_P(Streams, ValuesOfTheWrongKindAreSerializationErrors) {
  Reply reply = call("DescribeStream", Document::map().set("StreamName", 5));
  expect_error(reply, "SerializationException", "streamName must be a string");
  EXPECT_EQ(reply.header("x-freshet-error"), "FRS-2601");
  expect_error(call("CreateStream", named("s").set("ShardCount", "one")), "SerializationException",
               "shardCount must be an integer");
  expect_error(send_text("ListStreams", "\x7f{{{"), "SerializationException", "");
}

TEST_P(Streams, AnUnknownOperationSaysSoAndTheNextRequestIsServed) {
  expect_error(call("SubscribeToShard", Document::map()), "UnknownOperationException",
               "SubscribeToShard");
  EXPECT_EQ(call("ListStreams", Document::map()).status, 200);
  EXPECT_EQ(send_text("ListStreams", "").status, 200);
}

TEST_P(Streams, ASecondStreamOfTheNameIsInUse) {
  create("s");
  expect_error(call("CreateStream", named("s").set("ShardCount", 1)), "ResourceInUseException",
               "Stream s under account 000000000000 already exists.");
}

TEST_P(Streams, WhatIsNotThereIsNotFound) {
  for (const char* operation : {"DescribeStream", "DescribeStreamSummary", "ListShards",
                                "DeleteStream", "ListTagsForStream"}) {
    expect_error(call(operation, named("nowhere")), "ResourceNotFoundException",
                 "Stream nowhere under account 000000000000 not found.");
  }
  expect_error(call("DescribeStream",
                    Document::map().set("StreamARN",
                                        "arn:aws:kinesis:eu-west-1:000000000000:stream/nowhere")),
               "ResourceNotFoundException", "names no stream of this server");
}

TEST_P(Streams, NameAndArnMustAgree) {
  create("a");
  create("b");
  expect_error(call("DescribeStream", named("a").set("StreamARN", arn("b"))),
               "InvalidArgumentException", "name different streams");
  EXPECT_EQ(call("DescribeStream", named("a").set("StreamARN", arn("a"))).status, 200);
  expect_error(call("DescribeStream", Document::map()), "InvalidArgumentException",
               "Either StreamName or StreamARN must be provided");
}

TEST_P(Streams, ADeletedStreamIsGoneAndItsNameIsFree) {
  create("s");
  EXPECT_EQ(call("DeleteStream", named("s").set("EnforceConsumerDeletion", true)).status, 200);
  EXPECT_EQ(call("DescribeStream", named("s")).error(), "ResourceNotFoundException");
  create("s");
}

TEST_P(Streams, ListStreamsPagesByNameAndByToken) {
  for (const char* name : {"c", "a", "b", "d", "e"}) create(name);
  Reply reply = call("ListStreams", Document::map().set("Limit", 2));
  EXPECT_EQ(text_of(at(reply.body, "StreamNames", 0)), "a");
  EXPECT_EQ(text_of(at(reply.body, "StreamNames", 1)), "b");
  EXPECT_EQ(at(reply.body, "HasMoreStreams").boolean(), true);
  EXPECT_EQ(text_of(at(reply.body, "StreamSummaries", 1, "StreamARN")), arn("b"));
  reply = call("ListStreams",
               Document::map().set("Limit", 2).set("NextToken", reply.text("NextToken")));
  EXPECT_EQ(text_of(at(reply.body, "StreamNames", 0)), "c");
  reply = call("ListStreams", Document::map().set("ExclusiveStartStreamName", "d"));
  EXPECT_EQ(size_of(at(reply.body, "StreamNames")), 1u);
  EXPECT_EQ(at(reply.body, "HasMoreStreams").boolean(), false);
  EXPECT_TRUE(at(reply.body, "NextToken").is_null());
  expect_error(call("ListStreams", Document::map().set("NextToken", "!")),
               "InvalidArgumentException", "Invalid NextToken");
}

TEST_P(Streams, AKeySeesOnlyTheStreamsItMay) {
  for (const char* name : {"cam-1", "cam-2", "secret"}) create(name);
  gate::Principal cameras = allowed({{"kinesis:*", "stream/cam-*"}});
  Reply reply = call_as(cameras, "ListStreams", Document::map());
  EXPECT_EQ(size_of(at(reply.body, "StreamNames")), 2u);
  EXPECT_EQ(call_as(cameras, "DescribeStream", named("cam-1")).status, 200);
  expect_error(call_as(cameras, "DescribeStream", named("secret")), "AccessDeniedException",
               "kinesis:DescribeStream on resource: stream/secret");
  expect_error(call_as(cameras, "DescribeStream", named("none")), "AccessDeniedException", "");
  expect_error(call_as(allowed({}), "ListStreams", Document::map()), "AccessDeniedException", "");
  expect_error(call_as(allowed({}), "DescribeLimits", Document::map()), "AccessDeniedException",
               "");
}

TEST_P(Streams, NoOperationIsReachedWithoutARule) {
  create("s");
  gate::Principal nobody = allowed({});
  Document everything = named("s");
  everything.set("ShardCount", 1).set("ShardId", "shardId-000000000000");
  everything.set("ShardIteratorType", "LATEST").set("ShardToSplit", "shardId-000000000000");
  everything.set("NewStartingHashKey", "5").set("ShardToMerge", "shardId-000000000000");
  everything.set("AdjacentShardToMerge", "shardId-000000000000").set("TargetShardCount", 1);
  everything.set("ScalingType", "UNIFORM_SCALING").set("RetentionPeriodHours", 24);
  everything.set("MaxRecordSizeInKiB", 1024).set("StreamARN", arn("s"));
  everything.set("ResourceARN", arn("s")).set("PartitionKey", "k");
  everything.set("StreamModeDetails", Document::map().set("StreamMode", "PROVISIONED"));
  everything.set("Tags", Document::map().set("a", "b"));
  everything.set("TagKeys", Document::list().push("a"));
  everything.set("Data", Document::blob("x"));
  everything.set("Records",
                 Document::list().push(
                     Document::map().set("Data", Document::blob("x")).set("PartitionKey", "k")));
  everything.set("ShardIterator", iterator("s", "shardId-000000000000", "LATEST"));
  for (const char* operation : {"AddTagsToStream",
                                "CreateStream",
                                "DecreaseStreamRetentionPeriod",
                                "DeleteStream",
                                "DescribeLimits",
                                "DescribeStream",
                                "DescribeStreamSummary",
                                "GetRecords",
                                "GetShardIterator",
                                "IncreaseStreamRetentionPeriod",
                                "ListShards",
                                "ListStreams",
                                "ListTagsForResource",
                                "ListTagsForStream",
                                "MergeShards",
                                "PutRecord",
                                "PutRecords",
                                "RemoveTagsFromStream",
                                "SplitShard",
                                "TagResource",
                                "UntagResource",
                                "UpdateMaxRecordSize",
                                "UpdateShardCount",
                                "UpdateStreamMode"}) {
    Reply reply = call_as(nobody, operation, everything);
    EXPECT_EQ(reply.error(), "AccessDeniedException") << operation << ": " << reply.message();
  }
}

TEST_P(Streams, AnOnDemandStreamChoosesItsShardsAndIsNotResharded) {
  Document mode = Document::map().set("StreamMode", "ON_DEMAND");
  expect_error(call("CreateStream", named("s").set("StreamModeDetails", mode).set("ShardCount", 2)),
               "InvalidArgumentException", "ShardCount must not be given");
  expect_error(call("CreateStream", named("s")), "InvalidArgumentException",
               "ShardCount must be given");
  EXPECT_EQ(call("CreateStream", named("s").set("StreamModeDetails", mode)).status, 200);
  Reply reply = call("DescribeStreamSummary", named("s"));
  EXPECT_EQ(at(reply.body, "StreamDescriptionSummary", "OpenShardCount").integer(), 4);
  expect_error(call("UpdateShardCount",
                    named("s").set("TargetShardCount", 2).set("ScalingType", "UNIFORM_SCALING")),
               "ValidationException", "ON_DEMAND");
  Document provisioned = Document::map().set("StreamMode", "PROVISIONED");
  EXPECT_EQ(call("UpdateStreamMode",
                 Document::map().set("StreamARN", arn("s")).set("StreamModeDetails", provisioned))
                .status,
            200);
  EXPECT_EQ(call("UpdateShardCount",
                 named("s").set("TargetShardCount", 2).set("ScalingType", "UNIFORM_SCALING"))
                .status,
            200);
}

TEST_P(Streams, RetentionGrowsAndShrinksWithinItsBounds) {
  create("s");
  auto change = [&](const char* operation, std::int64_t hours) {
    return call(operation, named("s").set("RetentionPeriodHours", hours));
  };
  EXPECT_EQ(change("IncreaseStreamRetentionPeriod", 8760).status, 200);
  EXPECT_EQ(streams.find("s")->retention_us, 8760ll * 3'600'000'000);
  expect_error(change("IncreaseStreamRetentionPeriod", 100), "InvalidArgumentException",
               "can not be shorter than existing retention period (8760 hours)");
  expect_error(change("IncreaseStreamRetentionPeriod", 8761), "InvalidArgumentException",
               "Maximum allowed retention period is 8760 hours");
  EXPECT_EQ(change("DecreaseStreamRetentionPeriod", 24).status, 200);
  expect_error(change("DecreaseStreamRetentionPeriod", 48), "InvalidArgumentException",
               "can not be longer");
  expect_error(change("DecreaseStreamRetentionPeriod", 23), "InvalidArgumentException",
               "Minimum allowed retention period is 24 hours");
  Reply reply = call("DescribeStreamSummary", named("s"));
  EXPECT_EQ(at(reply.body, "StreamDescriptionSummary", "RetentionPeriodHours").integer(), 24);
}

TEST_P(Streams, TheRecordSizeCanBeRaisedToTenMebibytes) {
  create("s");
  auto update = [&](int kib) {
    return call("UpdateMaxRecordSize",
                Document::map().set("StreamARN", arn("s")).set("MaxRecordSizeInKiB", kib));
  };
  EXPECT_EQ(update(10240).status, 200);
  EXPECT_EQ(streams.find("s")->record_bytes_max, 10u << 20);
  expect_error(update(10241), "ValidationException", "less than or equal to 10240");
  expect_error(update(1023), "ValidationException", "greater than or equal to 1024");
  EXPECT_EQ(call("CreateStream", named("wide").set("ShardCount", 1).set("MaxRecordSizeInKiB", 2048))
                .status,
            200);
  EXPECT_EQ(streams.find("wide")->record_bytes_max, 2u << 20);
}

TEST_P(Streams, TagsAreAddedListedAndRemovedByBothGenerationsOfCalls) {
  create("s");
  Document tags = Document::map().set("team", "vision").set("env", "");
  EXPECT_EQ(call("AddTagsToStream", named("s").set("Tags", tags)).status, 200);
  Document more = Document::map().set("env", "test").set("zone", "1");
  EXPECT_EQ(
      call("TagResource", Document::map().set("ResourceARN", arn("s")).set("Tags", more)).status,
      200);
  Reply reply = call("ListTagsForStream", named("s").set("Limit", 2));
  EXPECT_EQ(size_of(at(reply.body, "Tags")), 2u);
  EXPECT_EQ(text_of(at(reply.body, "Tags", 0, "Key")), "env");
  EXPECT_EQ(text_of(at(reply.body, "Tags", 0, "Value")), "test");
  EXPECT_EQ(at(reply.body, "HasMoreTags").boolean(), true);
  reply = call("ListTagsForStream", named("s").set("ExclusiveStartTagKey", "team"));
  EXPECT_EQ(text_of(at(reply.body, "Tags", 0, "Key")), "zone");
  EXPECT_EQ(at(reply.body, "HasMoreTags").boolean(), false);
  EXPECT_EQ(call("RemoveTagsFromStream",
                 named("s").set("TagKeys", Document::list().push("team").push("unknown")))
                .status,
            200);
  EXPECT_EQ(call("UntagResource", Document::map()
                                      .set("ResourceARN", arn("s"))
                                      .set("TagKeys", Document::list().push("zone")))
                .status,
            200);
  reply = call("ListTagsForResource", Document::map().set("ResourceARN", arn("s")));
  EXPECT_EQ(size_of(at(reply.body, "Tags")), 1u);
}

TEST_P(Streams, FiftyTagsAreTheMost) {
  create("s");
  auto tags = [](int from, int to) {
    Document map = Document::map();
    for (int i = from; i < to; ++i) map.set("key" + std::to_string(i), "v");
    return map;
  };
  EXPECT_EQ(call("AddTagsToStream", named("s").set("Tags", tags(0, 50))).status, 200);
  EXPECT_EQ(call("AddTagsToStream", named("s").set("Tags", tags(10, 20))).status, 200);
  expect_error(call("AddTagsToStream", named("s").set("Tags", tags(50, 51))),
               "LimitExceededException", "51 tags");
  expect_error(call("AddTagsToStream", named("s").set("Tags", Document::map())),
               "ValidationException", "at 'tags'");
  expect_error(call("AddTagsToStream",
                    named("s").set("Tags", Document::map().set(std::string(129, 'k'), "v"))),
               "ValidationException", "less than or equal to 128");
  expect_error(call("AddTagsToStream",
                    named("s").set("Tags", Document::map().set("k", std::string(257, 'v')))),
               "ValidationException", "less than or equal to 256");
}

TEST_P(Streams, LimitsAreToldAndHold) {
  DoorConfig config;
  config.options.shards_max = 5;
  config.options.on_demand_streams_max = 0;
  rebuild(config);
  Document on_demand = Document::map().set("StreamMode", "ON_DEMAND");
  expect_error(call("CreateStream", named("o").set("StreamModeDetails", on_demand)),
               "LimitExceededException", "ON_DEMAND");
  create("s", 4);
  expect_error(call("CreateStream", named("t").set("ShardCount", 2)), "LimitExceededException",
               "would exceed the shard limit");
  Reply reply = call("DescribeLimits", Document::map());
  EXPECT_EQ(at(reply.body, "ShardLimit").integer(), 5);
  EXPECT_EQ(at(reply.body, "OpenShardCount").integer(), 4);
  EXPECT_EQ(at(reply.body, "OnDemandStreamCount").integer(), 0);
}

TEST_P(Streams, AFailureOfOursIsA500ThatTellsNoInternals) {
  create("s");
  streams.control_failure = Error(Code::kIo, 3001, "/secret/path: I/O error");
  Reply reply = call("DeleteStream", named("s"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.error(), "InternalFailureException");
  EXPECT_THAT(reply.message(), ::testing::Not(HasSubstr("secret")));
  EXPECT_THAT(reply.message(), HasSubstr("request-1"));
  streams.control_failure = Error(Code::kThrottled, "too many");
  reply = call("DeleteStream", named("s"));
  EXPECT_EQ(reply.error(), "LimitExceededException");
  EXPECT_EQ(reply.header("x-amz-retry-after"), "100");
}

// Calls that may wait never run on the caller's thread, and a full queue is told.
TEST(StreamsWaiting, CallsThatMayWaitGoToTheWorkers) {
  class Collecting : public io::Executor {
   public:
    bool post(std::function<void()> work) override {
      if (full) return false;
      posted.push_back(std::move(work));
      return true;
    }
    std::vector<std::function<void()>> posted;
    bool full = false;
  };
  io::ManualClock clock(kTestStartUs);
  MemoryStreams streams(clock);
  Collecting workers;
  gate::Door door = KinesisDoor(streams, workers, clock, DoorConfig{}).door();
  std::vector<int> statuses;
  auto create = [&] {
    gate::AwsRequest request;
    request.operation = "CreateStream";
    request.body = R"({"StreamName":"s","ShardCount":1})";
    door.handle(everything_allowed(), std::move(request),
                [&](http::Response response) { statuses.push_back(response.status); });
  };
  create();
  EXPECT_TRUE(statuses.empty());
  EXPECT_FALSE(streams.find("s").has_value());
  workers.posted.at(0)();
  EXPECT_EQ(statuses, std::vector<int>{200});
  workers.full = true;
  create();
  EXPECT_EQ(statuses, (std::vector<int>{200, 400}));
}

}  // namespace
}  // namespace freshet::kinesis

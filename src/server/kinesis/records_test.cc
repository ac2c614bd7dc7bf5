// Putting and reading records, as a client sees it.
#include "server/kinesis/door_test_support.h"
#include "server/kinesis/hash_key.h"
#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kShard0 = "shardId-000000000000";
constexpr const char* kShard1 = "shardId-000000000001";

class Records : public DoorTest {
 protected:
  static Document record(std::string_view key, std::string_view data) {
    return Document::map().set("PartitionKey", key).set("Data", Document::blob(std::string(data)));
  }
  static Document put_of(std::string_view stream, Document list) {
    return Document::map().set("StreamName", stream).set("Records", std::move(list));
  }
  void expect_error(const Reply& reply, std::string_view name, std::string_view words) {
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.error(), name) << reply.message();
    EXPECT_THAT(reply.message(), HasSubstr(std::string(words)));
  }
  Document iterator_request(std::string_view type) {
    Document request = Document::map();
    request.set("StreamName", "s").set("ShardId", kShard0).set("ShardIteratorType", type);
    return request;
  }
};
FRESHET_BOTH_ENCODINGS(Records);

TEST_P(Records, WhatIsPutIsReadBackExactly) {
  create("s");
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  std::string number = put("s", "caméra \"7\"\n", bytes);
  Reply reply = get(iterator("s", kShard0, "TRIM_HORIZON"));
  ASSERT_EQ(size_of(at(reply.body, "Records")), 1u);
  const Document& read = at(reply.body, "Records", 0);
  EXPECT_EQ(text_of(at(read, "SequenceNumber")), number);
  EXPECT_EQ(text_of(at(read, "PartitionKey")), "caméra \"7\"\n");
  EXPECT_EQ(at(read, "Data").blob_bytes(), bytes);
  EXPECT_EQ(at(read, "ApproximateArrivalTimestamp").timestamp_ms(), kTestStartUs / 1000);
  EXPECT_EQ(at(reply.body, "MillisBehindLatest").integer(), 0);
  EXPECT_FALSE(reply.text("NextShardIterator").empty());
}

// A4: answer i belongs to entry i.
TEST_P(Records, EachAnswerOfPutRecordsBelongsToItsEntry) {
  create("s", 4);
  Document list = Document::list();
  std::vector<std::string> keys;
  for (int i = 0; i < 500; ++i) {
    keys.push_back("camera-" + std::to_string(i * 7919 % 97));
    list.push(record(keys.back(), "data " + std::to_string(i)));
  }
  Reply reply = call("PutRecords", put_of("s", std::move(list)));
  ASSERT_EQ(reply.status, 200) << reply.message();
  EXPECT_EQ(at(reply.body, "FailedRecordCount").integer(), 0);
  ASSERT_EQ(size_of(at(reply.body, "Records")), 500u);
  std::map<std::string, std::string> data_by_number;
  for (int shard = 0; shard < 4; ++shard) {
    Reply read =
        get(iterator("s", format_shard_id(static_cast<PartitionId>(shard)), "TRIM_HORIZON"));
    for (const Document& each : *at(read.body, "Records").items()) {
      data_by_number[text_of(at(each, "SequenceNumber"))] = *at(each, "Data").blob_bytes();
    }
  }
  EXPECT_EQ(data_by_number.size(), 500u);
  std::optional<pipeline::StreamInfo> stream = streams.find("s");
  for (int i = 0; i < 500; ++i) {
    const Document& answer = at(reply.body, "Records", i);
    EXPECT_EQ(data_by_number[text_of(at(answer, "SequenceNumber"))], "data " + std::to_string(i));
    PartitionId shard = *parse_shard_id(text_of(at(answer, "ShardId")));
    HashKey hash = hash_of_partition_key(keys[static_cast<std::size_t>(i)]);
    EXPECT_LE(stream->partitions[shard].hash_first, hash);
    EXPECT_GE(stream->partitions[shard].hash_last, hash);
  }
}

TEST_P(Records, AnExplicitHashKeyChoosesTheShard) {
  create("s", 2);
  Document list = Document::list();
  list.push(record("k", "low").set("ExplicitHashKey", "0"));
  list.push(record("k", "high").set("ExplicitHashKey", "340282366920938463463374607431768211455"));
  Reply reply = call("PutRecords", put_of("s", std::move(list)));
  EXPECT_EQ(text_of(at(reply.body, "Records", 0, "ShardId")), kShard0);
  EXPECT_EQ(text_of(at(reply.body, "Records", 1, "ShardId")), kShard1);
}

TEST_P(Records, NothingIsAnsweredBeforeTheStreamSaysSo) {
  create("s");
  std::deque<std::function<void()>> held;
  streams.held = &held;
  std::optional<Reply> reply;
  start("PutRecords", put_of("s", Document::list().push(record("k", "x"))), reply);
  EXPECT_FALSE(reply.has_value());
  held.at(0)();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 200);
}

TEST_P(Records, AFullBudgetIsToldPerRecordInPutRecordsAndWholeInPutRecord) {
  create("s");
  streams.put_failure = Error(Code::kThrottled, "limits.memory is used up");
  Reply reply = call("PutRecords",
                     put_of("s", Document::list().push(record("a", "1")).push(record("b", "2"))));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(at(reply.body, "FailedRecordCount").integer(), 2);
  ASSERT_EQ(size_of(at(reply.body, "Records")), 2u);
  EXPECT_EQ(text_of(at(reply.body, "Records", 1, "ErrorCode")),
            "ProvisionedThroughputExceededException");
  EXPECT_THAT(text_of(at(reply.body, "Records", 1, "ErrorMessage")), HasSubstr("limits.memory"));
  EXPECT_TRUE(at(reply.body, "Records", 1, "SequenceNumber").is_null());
  EXPECT_EQ(reply.header("x-amz-retry-after"), "100");
  reply = call("PutRecord", record("a", "1").set("StreamName", "s"));
  expect_error(reply, "ProvisionedThroughputExceededException", "limits.memory");
  EXPECT_EQ(reply.header("x-amz-retry-after"), "100");
}

TEST_P(Records, AFullDiskIsAFailureOfOursThatMayPass) {
  create("s");
  streams.put_failure = Error(Code::kUnavailable, "the disk is full");
  Reply reply = call("PutRecords", put_of("s", Document::list().push(record("a", "1"))));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(text_of(at(reply.body, "Records", 0, "ErrorCode")), "InternalFailure");
  EXPECT_EQ(reply.header("x-amz-retry-after"), "100");
  reply = call("PutRecord", record("a", "1").set("StreamName", "s"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.error(), "InternalFailureException");
  EXPECT_EQ(reply.header("x-amz-retry-after"), "100");
}

TEST_P(Records, AStreamDeletedUnderAPutIsNotFound) {
  create("s");
  streams.put_failure = Error(Code::kNotFound, "stream s is gone");
  expect_error(call("PutRecords", put_of("s", Document::list().push(record("a", "1")))),
               "ResourceNotFoundException", "gone");
  expect_error(call("PutRecord", record("a", "1").set("StreamName", "s")),
               "ResourceNotFoundException", "gone");
}

TEST_P(Records, ARecordAboveTheStreamsSizeIsRefusedWithItsPlace) {
  create("s");
  std::string mebibyte(1 << 20, 'x');
  expect_error(
      call("PutRecords",
           put_of("s", Document::list().push(record("k", "small")).push(record("k", mebibyte)))),
      "InvalidArgumentException", "Record 2 of 2 is 1048577 bytes");
  EXPECT_TRUE(streams.seen.empty());
  EXPECT_EQ(call("PutRecord", record("k", mebibyte.substr(1)).set("StreamName", "s")).status, 200);
}

TEST_P(Records, BrokenPutsAreRefusedWhole) {
  create("s");
  expect_error(call("PutRecords", put_of("s", Document::list().push(record("", "x")))),
               "ValidationException", "'records.1.member.partitionKey'");
  expect_error(call("PutRecords", Document::map().set("StreamName", "s")), "ValidationException",
               "Value null at 'records'");
  expect_error(call("PutRecords", put_of("s", Document::list().push(5))), "SerializationException",
               "records.1");
  expect_error(call("PutRecords", put_of("s", Document::list())), "ValidationException",
               "Member must have length greater than or equal to 1");
  Document many = Document::list();
  for (int i = 0; i < 501; ++i) many.push(record("k", ""));
  expect_error(call("PutRecords", put_of("s", std::move(many))), "ValidationException",
               "less than or equal to 500");
  expect_error(call("PutRecords", put_of("nowhere", Document::list().push(record("k", "")))),
               "ResourceNotFoundException", "nowhere");
  expect_error(send_text("PutRecords", "\xff"), "SerializationException", "");
  expect_error(call("PutRecord", Document::map().set("StreamName", "s").set("PartitionKey", "k")),
               "ValidationException", "Value null at 'data'");
}

TEST_P(Records, EveryIteratorTypeStartsWhereItSays) {
  create("s");
  std::string first = put("s", "k", "1");
  clock.advance_us(1'000'000);
  std::string second = put("s", "k", "2");
  clock.advance_us(1'000'000);
  put("s", "k", "3");
  EXPECT_THAT(data_of(get(iterator("s", kShard0, "TRIM_HORIZON"))), ElementsAre("1", "2", "3"));
  EXPECT_THAT(data_of(get(iterator("s", kShard0, "AT_SEQUENCE_NUMBER", second))),
              ElementsAre("2", "3"));
  EXPECT_THAT(data_of(get(iterator("s", kShard0, "AFTER_SEQUENCE_NUMBER", second))),
              ElementsAre("3"));
  EXPECT_THAT(data_of(get(iterator("s", kShard0, "LATEST"))), IsEmpty());
  Reply at_time = call("GetShardIterator",
                       iterator_request("AT_TIMESTAMP")
                           .set("Timestamp", Document::timestamp(kTestStartUs / 1000 + 1000)));
  EXPECT_THAT(data_of(get(at_time.text("ShardIterator"))), ElementsAre("2", "3"));
  at_time = call("GetShardIterator",
                 iterator_request("AT_TIMESTAMP").set("Timestamp", Document::timestamp(0)));
  EXPECT_THAT(data_of(get(at_time.text("ShardIterator"))), ElementsAre("1", "2", "3"));
  // The bounds of a shard's range are numbers too.
  Reply shards = call("ListShards", Document::map().set("StreamName", "s"));
  std::string begin =
      text_of(at(shards.body, "Shards", 0, "SequenceNumberRange", "StartingSequenceNumber"));
  EXPECT_THAT(data_of(get(iterator("s", kShard0, "AT_SEQUENCE_NUMBER", begin))),
              ElementsAre("1", "2", "3"));
}

TEST_P(Records, LatestMissesNothingThatIsPutAfterTheCall) {
  create("s");
  put("s", "k", "before");
  std::string latest = iterator("s", kShard0, "LATEST");
  put("s", "k", "after");
  EXPECT_THAT(data_of(get(latest)), ElementsAre("after"));
}

TEST_P(Records, IteratorsAreRefusedWhereTheirArgumentsMakeNoSense) {
  create("s", 2);
  create("t", 2);
  std::string number;
  for (int i = 0; number.empty() || parse_sequence_number(number)->partition != 1; ++i) {
    number = put("s", "k" + std::to_string(i), "x");
  }
  auto numbered = [&](std::string_view type, std::string_view value) {
    return call("GetShardIterator", iterator_request(type).set("StartingSequenceNumber", value));
  };
  expect_error(numbered("AT_SEQUENCE_NUMBER", number), "InvalidArgumentException",
               "It encodes shardId-000000000001, while it was used in a call to a shard with "
               "shardId-000000000000");
  expect_error(numbered("TRIM_HORIZON", number), "InvalidArgumentException",
               "Request specified TRIM_HORIZON and also a StartingSequenceNumber.");
  expect_error(call("GetShardIterator", iterator_request("AFTER_SEQUENCE_NUMBER")),
               "InvalidArgumentException", "and no StartingSequenceNumber.");
  expect_error(numbered("AT_SEQUENCE_NUMBER", "12345"), "InvalidArgumentException", "is invalid.");
  expect_error(numbered("AT_SEQUENCE_NUMBER", format_sequence_number({Position{1ull << 50}, 0})),
               "InvalidArgumentException", "did not come from this stream");
  expect_error(numbered("AT_SEQUENCE_NUMBER", format_sequence_number({Position{1}, 0})),
               "InvalidArgumentException", "did not come from this stream");
  expect_error(numbered("AT_SEQUENCE_NUMBER", "012"), "ValidationException",
               "at 'startingSequenceNumber'");
  expect_error(
      call("GetShardIterator", iterator_request("AT_TIMESTAMP")
                                   .set("Timestamp", Document::timestamp(kTestStartUs / 1000 + 1))),
      "InvalidArgumentException", "cannot be greater than the currentTimestampInMillis");
  expect_error(call("GetShardIterator", iterator_request("AT_TIMESTAMP")),
               "InvalidArgumentException", "requires a Timestamp");
  expect_error(call("GetShardIterator", iterator_request("SOMEWHERE")), "ValidationException",
               "Member must satisfy enum value set: [AT_SEQUENCE_NUMBER");
  Document unknown = Document::map().set("StreamName", "s").set("ShardIteratorType", "LATEST");
  expect_error(call("GetShardIterator", unknown.set("ShardId", "shardId-000000000099")),
               "ResourceNotFoundException", "Could not find shard shardId-000000000099");
}

TEST_P(Records, AnIteratorLivesFiveMinutes) {
  create("s");
  std::string shard_iterator = iterator("s", kShard0, "TRIM_HORIZON");
  clock.advance_us(300'000'000);
  EXPECT_EQ(get(shard_iterator).status, 200);
  clock.advance_us(1);
  expect_error(get(shard_iterator), "ExpiredIteratorException", "300000 milliseconds");
}

TEST_P(Records, ForgedIteratorsAreRefused) {
  create("s");
  std::string shard_iterator = iterator("s", kShard0, "TRIM_HORIZON");
  EXPECT_LE(shard_iterator.size(), 512u);
  std::string forged = shard_iterator;
  forged[10] = forged[10] == 'A' ? 'B' : 'A';
  expect_error(get(forged), "InvalidArgumentException", "Invalid ShardIterator.");
  expect_error(get("AAAA"), "InvalidArgumentException", "Invalid ShardIterator.");
  expect_error(get(std::string(513, 'A')), "ValidationException", "less than or equal to 512");
  DoorConfig other;
  other.secret.fill(std::byte{8});
  rebuild(other);
  expect_error(get(shard_iterator), "InvalidArgumentException", "Invalid ShardIterator.");
}

TEST_P(Records, AnIteratorDoesNotOutliveItsStream) {
  create("s");
  std::string shard_iterator = iterator("s", kShard0, "TRIM_HORIZON");
  call("DeleteStream", Document::map().set("StreamName", "s"));
  expect_error(get(shard_iterator), "ResourceNotFoundException", "does not exist");
  create("s");  // a stream of the same name is another one
  put("s", "k", "of the new stream");
  expect_error(get(shard_iterator), "ResourceNotFoundException", "does not exist");
}

TEST_P(Records, AnIteratorOpensNothingToAnotherKey) {
  create("s");
  std::string shard_iterator = iterator("s", kShard0, "TRIM_HORIZON");
  Reply reply = call_as(allowed({{"kinesis:*", "stream/other"}}), "GetRecords",
                        Document::map().set("ShardIterator", shard_iterator));
  expect_error(reply, "AccessDeniedException", "stream/s");
  Document with_arn = Document::map().set("ShardIterator", shard_iterator);
  with_arn.set("StreamARN", "arn:aws:kinesis:us-east-1:000000000000:stream/other");
  expect_error(call("GetRecords", with_arn), "InvalidArgumentException", "belongs to stream s");
}

TEST_P(Records, ALimitCutsTheAnswerAndTheNextIteratorGoesOn) {
  create("s");
  for (int i = 0; i < 5; ++i) {
    put("s", "k", std::to_string(i));
    clock.advance_us(1'500);
  }
  Reply reply = get(iterator("s", kShard0, "TRIM_HORIZON"), 2);
  EXPECT_THAT(data_of(reply), ElementsAre("0", "1"));
  EXPECT_EQ(at(reply.body, "MillisBehindLatest").integer(), 5);  // 4.5 ms, never rounded to less
  reply = get(reply.text("NextShardIterator"), 2);
  EXPECT_THAT(data_of(reply), ElementsAre("2", "3"));
  EXPECT_EQ(at(reply.body, "MillisBehindLatest").integer(), 2);
  reply = get(reply.text("NextShardIterator"), 2);
  EXPECT_THAT(data_of(reply), ElementsAre("4"));
  EXPECT_EQ(at(reply.body, "MillisBehindLatest").integer(), 0);
  reply = get(reply.text("NextShardIterator"), 2);
  EXPECT_THAT(data_of(reply), IsEmpty());
  EXPECT_FALSE(reply.text("NextShardIterator").empty());
  expect_error(get(iterator("s", kShard0, "LATEST"), 10'001), "InvalidArgumentException", "10001");
  expect_error(get(iterator("s", kShard0, "LATEST"), 0), "ValidationException", "at 'limit'");
}

TEST_P(Records, AReaderBehindTheTrimHorizonGoesOnAtIt) {
  create("s");
  put("s", "k", "old");
  std::string shard_iterator = iterator("s", kShard0, "TRIM_HORIZON");
  Position horizon = streams.next_position();
  put("s", "k", "new");
  streams.trim("s", horizon);
  EXPECT_THAT(data_of(get(shard_iterator)), ElementsAre("new"));
}

TEST_P(Records, TrimmingThatNeverEndsIsNotAnExpiredIterator) {
  create("s");
  std::string shard_iterator = iterator("s", kShard0, "TRIM_HORIZON");
  streams.before_read = [&] { streams.trim("s", Position{streams.trim_horizon(1).value + 1'000}); };
  Reply reply = get(shard_iterator);
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.error(), "InternalFailureException");
}

TEST_P(Records, AReaderFollowsASplitAndAMergeAndSeesEveryRecordOnceInOrder) {
  create("s");
  std::map<std::string, std::vector<std::string>> wanted;
  int next = 0;
  auto put_some = [&](int count) {
    for (int i = 0; i < count; ++i, ++next) {
      std::string key = "k" + std::to_string(next % 5);
      put("s", key, std::to_string(next));
      wanted[key].push_back(std::to_string(next));
    }
  };
  put_some(20);
  EXPECT_EQ(call("SplitShard", Document::map()
                                   .set("StreamName", "s")
                                   .set("ShardToSplit", kShard0)
                                   .set("NewStartingHashKey", format_hash_key(HashKey{1} << 127)))
                .status,
            200);
  put_some(20);
  EXPECT_EQ(call("MergeShards", Document::map()
                                    .set("StreamName", "s")
                                    .set("ShardToMerge", "shardId-000000000001")
                                    .set("AdjacentShardToMerge", "shardId-000000000002"))
                .status,
            200);
  put_some(20);

  // As the client library does it: a parent to its end, then its children, each once.
  std::map<std::string, std::vector<std::string>> seen;
  std::vector<std::string> shards{kShard0};
  for (std::size_t i = 0; i < shards.size(); ++i) {
    std::string shard_iterator = iterator("s", shards[i], "TRIM_HORIZON");
    bool closed = false;
    for (int reads = 0; !shard_iterator.empty() && reads < 20; ++reads) {
      Reply reply = get(shard_iterator, 7);
      for (const Document& each : *at(reply.body, "Records").items()) {
        seen[text_of(at(each, "PartitionKey"))].push_back(*at(each, "Data").blob_bytes());
      }
      shard_iterator = reply.text("NextShardIterator");
      closed = shard_iterator.empty();
      if (!closed) {
        EXPECT_TRUE(at(reply.body, "ChildShards").is_null());
        continue;
      }
      for (const Document& child : *at(reply.body, "ChildShards").items()) {
        std::string id = text_of(at(child, "ShardId"));
        EXPECT_GE(size_of(at(child, "ParentShards")), 1u);
        EXPECT_FALSE(text_of(at(child, "HashKeyRange", "EndingHashKey")).empty());
        if (std::ranges::find(shards, id) == shards.end()) shards.push_back(id);
      }
    }
    EXPECT_EQ(closed, shards[i] != "shardId-000000000003") << shards[i];
  }
  EXPECT_EQ(shards.size(), 4u);
  EXPECT_EQ(seen, wanted);
}

}  // namespace
}  // namespace freshet::kinesis

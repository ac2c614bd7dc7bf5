#include "server/kinesis/put_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "common/base64.h"
#include "io/random.h"
#include "server/kinesis/hash_key.h"

namespace freshet::kinesis {
namespace {

using ::testing::HasSubstr;

Result<PutRequest> decode_list(std::string body) {
  gate::AwsRequest request;
  request.body = std::move(body);
  return decode_put_records(request);
}
Result<PutRequest> decode_one(std::string body) {
  gate::AwsRequest request;
  request.body = std::move(body);
  return decode_put_record(request);
}

void expect_refused(const std::string& body, int number, const char* words) {
  Result<PutRequest> put = decode_list(body);
  ASSERT_FALSE(put.has_value()) << body;
  EXPECT_EQ(put.error().number(), number) << body << put.error().message();
  EXPECT_THAT(put.error().message(), HasSubstr(words)) << body;
}

TEST(PutRequest, RecordsAreDecodedInOrder) {
  Result<PutRequest> put =
      decode_list(R"({"StreamName":"s","Records":[{"Data":"aGVsbG8=","PartitionKey":"a"},)"
                  R"({"PartitionKey":"b","ExplicitHashKey":"5","Data":""}]})");
  ASSERT_TRUE(put.has_value()) << put.error().message();
  EXPECT_EQ(put->reference.name, "s");
  ASSERT_EQ(put->batch.records.size(), 2u);
  EXPECT_EQ(put->batch.records[0].data, "hello");
  EXPECT_EQ(put->batch.records[0].partition_key, "a");
  EXPECT_EQ(put->batch.records[0].hash_key, hash_of_partition_key("a"));
  EXPECT_EQ(put->batch.records[1].data, "");
  EXPECT_EQ(put->batch.records[1].hash_key, HashKey{5});
}

TEST(PutRequest, MembersMayStandInAnyOrderWithBlanksEscapesAndUnknownOnes) {
  Result<PutRequest> put = decode_list(
      "\n{ \"New\" : {\"a\":[1,{\"b\":\"}\"}]} , \"Records\" :\t[ { \"Partition\\u004bey\" : "
      "\"\\u00e9\\\"\\ud83d\\ude00\" , \"Data\" :  \"\\/\\/8=\" , \"Later\":[true,null] } ] , "
      "\"StreamARN\": null, \"Stream\\u004eame\":\"s\\u002d1\" }  \r\n");
  ASSERT_TRUE(put.has_value()) << put.error().message();
  EXPECT_EQ(put->reference.name, "s-1");
  EXPECT_EQ(put->reference.arn, std::nullopt);
  ASSERT_EQ(put->batch.records.size(), 1u);
  EXPECT_EQ(put->batch.records[0].partition_key, "\xc3\xa9\"\xf0\x9f\x98\x80");
  EXPECT_EQ(put->batch.records[0].data, "\xff\xff");
}

TEST(PutRequest, NullIsAsIfMissing) {
  Result<PutRequest> put = decode_list(
      R"({"Records":[{"Data":"","ExplicitHashKey":null,"PartitionKey":"k"}],"StreamName":"s"})");
  ASSERT_TRUE(put.has_value()) << put.error().message();
  EXPECT_EQ(put->batch.records[0].hash_key, hash_of_partition_key("k"));
  expect_refused(R"({"Records":null,"StreamName":"s"})", kBrokenShape, "'records'");
  expect_refused(R"({"Records":[{"Data":null,"PartitionKey":"k"}]})", kBrokenShape,
                 "'records.1.member.data'");
}

TEST(PutRequest, ViewsSurviveTheMoveOfTheBatch) {
  Result<PutRequest> put =
      decode_list(R"({"StreamName":"s","Records":[{"Data":"eA==","PartitionKey":"k"}]})");
  ASSERT_TRUE(put.has_value());
  EventBatch moved = std::move(put->batch);
  std::vector<EventBatch> queue;
  queue.push_back(std::move(moved));
  queue.reserve(100);
  EXPECT_EQ(queue[0].records[0].data, "x");
  EXPECT_EQ(queue[0].records[0].partition_key, "k");
  EXPECT_GE(queue[0].records[0].data.data(), queue[0].arenas[0].data());
}

// Data is decoded where it stands: each length and every byte must come out as it went in.
TEST(PutRequest, DataOfEveryLengthComesOutAsItWentIn) {
  io::SeededRandom random(3);
  std::string body = R"({"StreamName":"s","Records":[)";
  std::vector<std::string> wanted;
  for (std::size_t length = 0; length < 300; ++length) {
    std::string bytes(length, '\0');
    random.fill(std::as_writable_bytes(std::span(bytes)));
    wanted.push_back(bytes);
    body += R"({"Data":")" + base64_encode(bytes) + R"(","PartitionKey":"k"},)";
  }
  body.back() = ']';
  Result<PutRequest> put = decode_list(body + "}");
  ASSERT_TRUE(put.has_value()) << put.error().message();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(put->batch.records[i].data, wanted[i]) << i;
  }
}

TEST(PutRequest, ABodyMuchLargerThanItsDataIsNotKept) {
  std::string body = R"({"Padding":")" + std::string(1 << 20, 'x') +
                     R"(","Records":[{"Data":"aGVsbG8=","PartitionKey":"\u0061b"}]})";
  Result<PutRequest> put = decode_list(body);
  ASSERT_TRUE(put.has_value());
  EXPECT_EQ(put->batch.records[0].data, "hello");
  EXPECT_EQ(put->batch.records[0].partition_key, "ab");
  ASSERT_EQ(put->batch.arenas.size(), 1u);
  EXPECT_LT(put->batch.arenas[0].capacity(), 1000u);
}

TEST(PutRequest, UnreadableBodiesAreSerializationErrors) {
  for (const char* body : {"",
                           "x",
                           "[]",
                           "null",
                           "\"text\"",
                           "{",
                           R"({"Records":)",
                           R"({"Records":[{"Data":"})",
                           R"({"Records":[{"Data":"","PartitionKey":"k"}]} trailing)",
                           R"({"Records":{}})",
                           R"({"Records":[1]})",
                           R"({"Records":["a"]})",
                           R"({"Records":[null]})",
                           R"({"Records":[{"Data":"","PartitionKey":5}]})",
                           R"({"Records":[{"Data":7,"PartitionKey":"k"}]})",
                           R"({"Records":[{"Data":["YQ=="],"PartitionKey":"k"}]})",
                           R"({"Records":[{"Data":"YQ==","PartitionKey":"\ud800"}]})",
                           R"({"Records":[{"Data":"YQ==","Data":"YQ==","PartitionKey":"k"}]})",
                           R"({"Records":[],"Records":[]})",
                           R"({"StreamName":1,"Records":[]})",
                           R"({"StreamName":"a","StreamName":"b","Records":[]})",
                           "{\"Records\":[{\"Data\":\"\",\"PartitionKey\":\"\xff\"}]}",
                           "{\"Records\":[{\"Data\":\"\",\"PartitionKey\":\"a\nb\"}]}"}) {
    expect_refused(body, kUnreadableBody, "");
  }
  for (const char* data : {"YQ=", "YQ", "Y", "YQ==YQ==", "Y Q=", "YR==", "=", "____", "\\u0000"}) {
    expect_refused(std::string(R"({"Records":[{"PartitionKey":"k","Data":")") + data + "\"}]}",
                   kUnreadableBody, "records.1.member.data is not base64");
  }
}

TEST(PutRequest, BrokenShapesNameTheRecord) {
  std::string good = R"({"Data":"YQ==","PartitionKey":"k"},)";
  expect_refused(R"({"StreamName":"s"})", kBrokenShape,
                 "1 validation error detected: Value null at 'records' failed to satisfy "
                 "constraint: Member must not be null");
  expect_refused(R"({"Records":[)" + good + R"({"Data":"YQ==","PartitionKey":""}]})", kBrokenShape,
                 "1 validation error detected: Value '' at 'records.2.member.partitionKey' failed "
                 "to satisfy constraint: Member must have length greater than or equal to 1");
  expect_refused(R"({"Records":[{}]})", kBrokenShape, "2 validation errors detected: ");
  expect_refused(R"({"Records":[{"Data":"","PartitionKey":"k","ExplicitHashKey":"01"}]})",
                 kBrokenShape, "'records.1.member.explicitHashKey' failed");
  expect_refused(R"({"Records":[{"Data":"","PartitionKey":")" + std::string(257, 'k') + "\"}]}",
                 kBrokenShape, "Member must have length less than or equal to 256");
  expect_refused(R"({"StreamName":"a b","Records":[{"Data":"","PartitionKey":"k"}]})", kBrokenShape,
                 "Value 'a b' at 'streamName' failed to satisfy constraint: Member must satisfy "
                 "regular expression pattern: [a-zA-Z0-9_.-]+");
  expect_refused(R"({"Records":[{"Data":"","PartitionKey":"k",)"
                 R"("ExplicitHashKey":"340282366920938463463374607431768211456"}]})",
                 kBrokenMeaning, "ExplicitHashKey must be in the range: [0, 2^128-1]");
}

TEST(PutRequest, APartitionKeyIsMeasuredInCharacters) {
  std::string key;
  for (int i = 0; i < 256; ++i) key += "\xf0\x9f\x98\x80";
  EXPECT_TRUE(
      decode_list(R"({"Records":[{"Data":"","PartitionKey":")" + key + "\"}]}").has_value());
  expect_refused(R"({"Records":[{"Data":"","PartitionKey":")" + key + "x\"}]}", kBrokenShape,
                 "less than or equal to 256");
}

std::string records(int count, std::string_view data) {
  std::string body = R"({"StreamName":"s","Records":[)";
  for (int i = 0; i < count; ++i) {
    body += R"({"Data":")" + base64_encode(data) + R"(","PartitionKey":"k)" + std::to_string(i) +
            "\"},";
  }
  body.back() = ']';
  return body + "}";
}

TEST(PutRequest, FiveHundredRecordsAreTheMost) {
  EXPECT_EQ(decode_list(records(500, "x"))->batch.records.size(), 500u);
  expect_refused(records(501, "x"), kBrokenShape,
                 "at 'records' failed to satisfy constraint: Member must have length less than or "
                 "equal to 500");
}

TEST(PutRequest, TenMebibytesOfDataAndKeysAreTheMost) {
  std::string mebibyte(1 << 20, 'x');
  std::string nearly = mebibyte.substr(0, mebibyte.size() - 2);  // keys of two bytes each
  EXPECT_TRUE(decode_list(records(10, nearly)).has_value());
  expect_refused(records(10, mebibyte), kBrokenMeaning, "Records size exceeds 10 MB limit");
}

TEST(PutRequest, OneRecordIsNamedWithoutAPlace) {
  Result<PutRequest> put =
      decode_one(R"({"PartitionKey":"k","SequenceNumberForOrdering":"400000001099511627776000007",)"
                 R"("Data":"eA==","StreamName":"s"})");
  ASSERT_TRUE(put.has_value()) << put.error().message();
  EXPECT_EQ(put->batch.records.at(0).data, "x");
  EXPECT_THAT(decode_one(R"({"StreamName":"s","Data":""})").error().message(),
              HasSubstr("Value null at 'partitionKey'"));
  EXPECT_EQ(decode_one(R"({"Data":"","PartitionKey":"k","SequenceNumberForOrdering":"01"})")
                .error()
                .number(),
            kBrokenShape);
  EXPECT_EQ(decode_one(R"({"Data":"","PartitionKey":"k","SequenceNumberForOrdering":"12"})")
                .error()
                .number(),
            kBrokenMeaning);
}

// CBOR. The bytes are written by hand, as a client may write them.

Result<PutRequest> decode_cbor(std::string body) {
  gate::AwsRequest request;
  request.encoding = gate::Encoding::kCbor;
  request.body = std::move(body);
  return decode_put_records(request);
}
std::string text_item(std::string_view text) {
  return static_cast<char>(0x60 + text.size()) + std::string(text);
}
std::string bytes_item(std::string_view bytes) {
  return static_cast<char>(0x40 + bytes.size()) + std::string(bytes);
}
const std::string kRecordItem =
    "\xA2" + text_item("Data") + bytes_item("hello") + text_item("PartitionKey") + text_item("k");

void expect_hello(const std::string& body) {
  Result<PutRequest> put = decode_cbor(body);
  ASSERT_TRUE(put.has_value()) << put.error().message();
  EXPECT_EQ(put->reference.name, "s");
  ASSERT_EQ(put->batch.records.size(), 1u);
  EXPECT_EQ(put->batch.records[0].data, "hello");
  EXPECT_EQ(put->batch.records[0].partition_key, "k");
  EXPECT_EQ(put->batch.records[0].hash_key, hash_of_partition_key("k"));
}

TEST(PutRequestCbor, EveryWayToWriteTheSameRequestIsRead) {
  std::string name = text_item("StreamName") + text_item("s");
  std::string records = text_item("Records");
  expect_hello("\xA2" + name + records + "\x81" + kRecordItem);
  expect_hello("\xA2" + records + "\x81" + kRecordItem + name);
  expect_hello("\xBF" + records + "\x9F" + kRecordItem + "\xFF" + name + "\xFF");
  // Lengths in more bytes than needed.
  expect_hello(std::string("\xB8\x02", 2) + name + records + std::string("\x99\x00\x01", 3) +
               kRecordItem);
  // What only the document reads: an unknown member, a string in pieces.
  expect_hello("\xA3" + name + text_item("Later") + "\xF5" + records + "\x81" + kRecordItem);
  std::string pieces = "\x5F" + bytes_item("hel") + bytes_item("lo") + "\xFF";
  expect_hello("\xA2" + name + records + "\x81" + "\xA2" + text_item("Data") + pieces +
               text_item("PartitionKey") + text_item("k"));
}

TEST(PutRequestCbor, WhatIsWrongIsSaidAsInJson) {
  std::string records = "\xA1" + text_item("Records");
  auto refused = [](const std::string& body) { return decode_cbor(body).error().number(); };
  EXPECT_EQ(refused(""), kUnreadableBody);
  EXPECT_EQ(refused(records), kUnreadableBody);
  EXPECT_EQ(refused(records + "\x81"), kUnreadableBody);
  EXPECT_EQ(refused(records + "\x81" + kRecordItem + "x"), kUnreadableBody);
  EXPECT_EQ(refused(records + "\x80"), kBrokenShape);
  EXPECT_EQ(refused("\xA0"), kBrokenShape);
  std::string bad_utf8 =
      "\xA2" + text_item("Data") + bytes_item("x") + text_item("PartitionKey") + text_item("\xFF");
  EXPECT_EQ(refused(records + "\x81" + bad_utf8), kUnreadableBody);
  std::string twice = "\xA3" + kRecordItem.substr(1) + text_item("Data") + bytes_item("x");
  EXPECT_EQ(refused(records + "\x81" + twice), kUnreadableBody);
  std::string many = records + std::string("\x99\x01\xF5", 3);  // 501
  for (int i = 0; i < 501; ++i) many += kRecordItem;
  EXPECT_EQ(refused(many), kBrokenShape);
}

TEST(PutRequestCbor, RandomDamageIsAnsweredAndNeverReadOutside) {
  io::SeededRandom random(11);
  std::string original = "\xA2" + text_item("StreamName") + text_item("s") + text_item("Records") +
                         "\x83" + kRecordItem + kRecordItem + kRecordItem;
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string body = original;
    for (std::uint64_t i = 0, edits = 1 + random.below(3); i < edits && !body.empty(); ++i) {
      std::size_t at = random.below(body.size());
      switch (random.below(3)) {
        case 0:
          body[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          body.resize(at);
          break;
        default:
          body.insert(at, 1, static_cast<char>(random.below(256)));
      }
    }
    Result<PutRequest> put = decode_cbor(body);
    if (!put) continue;
    ++accepted;
    for (const EventRecord& record : put->batch.records) {
      ASSERT_LE(record.data.size() + record.partition_key.size(), body.size());
      EXPECT_EQ(record.hash_key, hash_of_partition_key(record.partition_key));
    }
  }
  EXPECT_GT(accepted, 1000);
}

// Whatever is cut or changed, the decoder answers, and what it accepts stays inside its memory.
TEST(PutRequest, RandomDamageIsAnsweredAndNeverReadOutside) {
  io::SeededRandom random(20261122);
  std::string original = records(5, "some data that is long enough to be cut");
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string body = original;
    for (std::uint64_t i = 0, edits = 1 + random.below(3); i < edits; ++i) {
      std::size_t at = random.below(body.size());
      switch (random.below(4)) {
        case 0:
          body[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          body.erase(at, 1 + random.below(5));
          break;
        case 2:
          body.insert(at, 1, "\"\\{}[]:,"[random.below(8)]);
          break;
        default:
          body.insert(at, body.substr(random.below(body.size()), random.below(20)));
      }
      if (body.empty()) body = "x";
    }
    body.shrink_to_fit();
    Result<PutRequest> put = decode_list(body);
    if (!put) continue;
    ++accepted;
    for (const EventRecord& record : put->batch.records) {
      bool inside = std::ranges::any_of(put->batch.arenas, [&](const std::string& arena) {
        return record.data.data() >= arena.data() &&
               record.data.data() + record.data.size() <= arena.data() + arena.size();
      });
      ASSERT_TRUE(inside);
    }
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace freshet::kinesis

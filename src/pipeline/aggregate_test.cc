#include "pipeline/aggregate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <string>
#include <vector>

#include "common/bytes.h"
#include "io/random.h"

namespace freshet::pipeline {
namespace {

using ::testing::HasSubstr;

void append_varint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>(value | 0x80));
  to.push_back(static_cast<char>(value));
}
void append_bytes_field(std::string& to, int number, std::string_view bytes) {
  append_varint(to, static_cast<std::uint64_t>(number) << 3 | 2);
  append_varint(to, bytes.size());
  to += bytes;
}
void append_number_field(std::string& to, int number, std::uint64_t value) {
  append_varint(to, static_cast<std::uint64_t>(number) << 3);
  append_varint(to, value);
}
std::string packed_record(std::uint64_t key, std::optional<std::uint64_t> hash,
                          std::string_view data) {
  std::string record;
  append_number_field(record, 1, key);
  if (hash) append_number_field(record, 2, *hash);
  append_bytes_field(record, 3, data);
  return record;
}
std::string sealed(std::string_view message) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  EVP_Digest(message.data(), message.size(), digest, &bytes, EVP_md5(), nullptr);
  return "\xF3\x89\x9A\xC2" + std::string(message) +
         std::string(reinterpret_cast<char*>(digest), bytes);
}

struct Seen {
  Result<bool> aggregated;
  std::vector<UserRecord> records;
};
Seen split(std::string_view data) {
  std::vector<UserRecord> records;
  Result<bool> aggregated =
      visit_aggregate(data, [&](const UserRecord& record) { records.push_back(record); });
  return {std::move(aggregated), std::move(records)};
}

std::string three_records() {
  std::string message;
  append_bytes_field(message, 1, "camera-1");
  append_bytes_field(message, 1, "camera-2");
  append_bytes_field(message, 2, "340282366920938463463374607431768211455");
  append_bytes_field(message, 3, packed_record(0, std::nullopt, "one"));
  append_bytes_field(message, 3, packed_record(1, 0, ""));
  append_bytes_field(message, 3, packed_record(0, std::nullopt, std::string(300, 'x')));
  return message;
}

TEST(Aggregate, GivesEveryRecordInOrderWithItsKeyAndIndex) {
  std::string data = sealed(three_records());
  Seen seen = split(data);
  ASSERT_TRUE(seen.aggregated.has_value());
  EXPECT_TRUE(*seen.aggregated);
  ASSERT_EQ(seen.records.size(), 3u);
  EXPECT_EQ(seen.records[0].index, 0u);
  EXPECT_EQ(seen.records[0].partition_key, "camera-1");
  EXPECT_EQ(seen.records[0].explicit_hash_key, std::nullopt);
  EXPECT_EQ(seen.records[0].data, "one");
  EXPECT_EQ(seen.records[1].index, 1u);
  EXPECT_EQ(seen.records[1].partition_key, "camera-2");
  EXPECT_EQ(seen.records[1].explicit_hash_key, "340282366920938463463374607431768211455");
  EXPECT_EQ(seen.records[1].data, "");
  EXPECT_EQ(seen.records[2].index, 2u);
  EXPECT_EQ(seen.records[2].data, std::string(300, 'x'));
}

TEST(Aggregate, ReadsTheBytesOfThePublishedFormat) {
  // Two records under one key, written out by hand from the format's own description.
  std::string message = *from_hex(
      "0a016b"  // partition_key_table: "k"
      "1a060800"
      "1a026869"  // record: key 0, data "hi"
      "1a060800"
      "1a026f6b");  // record: key 0, data "ok"
  std::string data = sealed(message);
  Seen seen = split(data);
  ASSERT_TRUE(*seen.aggregated);
  ASSERT_EQ(seen.records.size(), 2u);
  EXPECT_EQ(seen.records[0].data, "hi");
  EXPECT_EQ(seen.records[1].data, "ok");
  EXPECT_EQ(seen.records[1].partition_key, "k");
}

TEST(Aggregate, TablesMayComeBehindTheRecordsThatNameThem) {
  std::string message;
  append_bytes_field(message, 3, packed_record(0, std::nullopt, "early"));
  append_bytes_field(message, 1, "late key");
  std::string data = sealed(message);
  Seen seen = split(data);
  ASSERT_TRUE(*seen.aggregated);
  EXPECT_EQ(seen.records.at(0).partition_key, "late key");
}

TEST(Aggregate, UnknownFieldsAndTagsArePassedOver) {
  std::string record = packed_record(0, std::nullopt, "data");
  std::string tag;
  append_bytes_field(tag, 1, "name");
  append_bytes_field(record, 4, tag);
  std::string message;
  append_bytes_field(message, 1, "key");
  append_number_field(message, 9, 7);
  message += *from_hex(
      "51"
      "0102030405060708");  // field 10, fixed64
  message += *from_hex(
      "5d"
      "01020304");  // field 11, fixed32
  append_bytes_field(message, 3, record);
  std::string data = sealed(message);
  Seen seen = split(data);
  ASSERT_TRUE(*seen.aggregated);
  ASSERT_EQ(seen.records.size(), 1u);
  EXPECT_EQ(seen.records[0].data, "data");
}

void expect_plain(std::string_view data, const char* why) {
  Seen seen = split(data);
  ASSERT_TRUE(seen.aggregated.has_value()) << why;
  EXPECT_FALSE(*seen.aggregated) << why;
  EXPECT_TRUE(seen.records.empty()) << why;
}

TEST(Aggregate, EverythingElseIsAPlainRecord) {
  std::string good = sealed(three_records());
  expect_plain("", "empty");
  expect_plain("{\"detection_id\":1}", "JSON");
  expect_plain(std::string_view(good).substr(0, 20), "magic and a digest, nothing between");
  expect_plain(std::string_view(good).substr(0, good.size() - 1), "cut short");
  std::string flipped = good;
  flipped.back() ^= 1;
  expect_plain(flipped, "another checksum");
  std::string other_magic = good;
  other_magic[0] = 'x';
  expect_plain(other_magic, "another magic");
  expect_plain(sealed("\x1a\x7f"), "a length past the end");
  expect_plain(sealed(std::string(12, '\xff')), "a varint without end");
  expect_plain(sealed(std::string("\x00\x01", 2)), "field number 0");
  expect_plain(sealed("\x0b\x0c"), "a group");
  std::string no_data;
  append_number_field(no_data, 1, 0);
  std::string message;
  append_bytes_field(message, 1, "key");
  append_bytes_field(message, 3, no_data);
  expect_plain(sealed(message), "a record without its required data");
}

TEST(Aggregate, AKeyThatTheAggregateLacksIsAnErrorAndShowsNothing) {
  std::string message;
  append_bytes_field(message, 1, "key");
  append_bytes_field(message, 3, packed_record(0, std::nullopt, "good"));
  append_bytes_field(message, 3, packed_record(1, std::nullopt, "dangling"));
  std::string data = sealed(message);
  Seen seen = split(data);
  ASSERT_FALSE(seen.aggregated.has_value());
  EXPECT_EQ(seen.aggregated.error().number(), 2590);
  EXPECT_THAT(seen.aggregated.error().message(), HasSubstr("record 1"));
  EXPECT_TRUE(seen.records.empty());

  message.clear();
  append_bytes_field(message, 1, "key");
  append_bytes_field(message, 3, packed_record(0, 0, "no such hash"));
  EXPECT_FALSE(split(sealed(message)).aggregated.has_value());
}

// Whatever the bytes, every view stays inside them, and the answer is all or nothing.
TEST(Aggregate, RandomDamageNeverReadsOutside) {
  io::SeededRandom random(20261122);
  std::string original = three_records();
  int aggregates = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string message = original;
    for (std::uint64_t i = 0, edits = 1 + random.below(4); i < edits && !message.empty(); ++i) {
      std::size_t at = random.below(message.size());
      switch (random.below(4)) {
        case 0:
          message[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          message.erase(at, 1 + random.below(8));
          break;
        case 2:
          message.insert(at, 1 + random.below(3), static_cast<char>(random.below(256)));
          break;
        default:
          message.resize(at);
      }
    }
    std::string data = sealed(message);
    Seen seen = split(data);
    bool shown = seen.aggregated.has_value() && *seen.aggregated;
    aggregates += shown;
    EXPECT_TRUE(shown || seen.records.empty());
    for (const UserRecord& record : seen.records) {
      EXPECT_GE(record.data.data(), data.data());
      EXPECT_LE(record.data.data() + record.data.size(), data.data() + data.size());
      EXPECT_GE(record.partition_key.data(), data.data());
      EXPECT_LE(record.partition_key.data() + record.partition_key.size(),
                data.data() + data.size());
    }
  }
  EXPECT_GT(aggregates, 1000);
}

}  // namespace
}  // namespace freshet::pipeline

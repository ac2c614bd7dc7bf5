#include "pipeline/erasure.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "common/bytes.h"
#include "common/time_text.h"
#include "pipeline/aggregate.h"
#include "pipeline/batch_decoder.h"

namespace freshet::pipeline {
namespace {

constexpr std::string_view kKey = "0123456789abcdef";
constexpr std::string_view kIn = "11111111-2222-4333-8444-555555555555";
constexpr std::string_view kOut = "99999999-2222-4333-8444-555555555555";

std::string event(std::string_view id, std::string_view camera, std::string_view time,
                  std::string_view more = "") {
  return fmt::format(R"({{"detection_id":"{}","camera_id":"{}","item_name":"car","confidence":0.5,)"
                     R"("event_time":"{}"{}}})",
                     id, camera, time, more);
}

log::Record record_of(const std::string& data, std::string_view key = "key") {
  log::Record record;
  record.arrival_us = *parse_rfc3339_us("2026-11-28T15:00:00Z");
  record.partition_key = key;
  record.data = data;
  return record;
}

ErasureRules range_rules() {
  ErasureRules rules{std::string(kKey)};
  rules.ranges.push_back({"cam-1", *parse_rfc3339_us("2026-11-28T14:00:00Z"),
                          *parse_rfc3339_us("2026-11-28T15:00:00Z")});
  return rules;
}

TEST(ErasureTest, ADigestIsSipHashOfTheIdsBytes) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  ASSERT_NE(mac, nullptr);
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  unsigned int size = 16;
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &size),
                             OSSL_PARAM_construct_end()};
  ASSERT_EQ(EVP_MAC_init(context, reinterpret_cast<const unsigned char*>(kKey.data()), kKey.size(),
                         parameters),
            1);
  std::string bytes = *from_hex("11111111222243338444555555555555");
  ASSERT_EQ(
      EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()),
      1);
  unsigned char out[16];
  std::size_t got = 0;
  ASSERT_EQ(EVP_MAC_final(context, out, &got, sizeof out), 1);
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  EventId digest = digest_of({0x1111111122224333, 0x8444555555555555}, kKey);
  EXPECT_EQ(digest.high, load_le<std::uint64_t>(out));
  EXPECT_EQ(digest.low, load_le<std::uint64_t>(out + 8));
}

TEST(ErasureTest, ARangeTakesItsCamerasEventsAndItsEndIsOutside) {
  ErasureRules rules = range_rules();
  Eraser eraser({}, rules);
  auto is_erased = [&](std::string_view camera, std::string_view time, std::string_view more = "") {
    std::string data = event(kIn, camera, time, more);
    auto erased = eraser.erase(record_of(data));
    if (!erased) return false;
    EXPECT_EQ(erased->kind, log::RecordKind::kErased);
    EXPECT_EQ(erased->partition_key, "");
    EXPECT_EQ(erased->data, camera);
    return true;
  };
  EXPECT_TRUE(is_erased("cam-1", "2026-11-28T14:00:00Z"));
  EXPECT_TRUE(is_erased("cam-1", "2026-11-28T14:59:59.999999Z"));
  EXPECT_FALSE(is_erased("cam-1", "2026-11-28T15:00:00Z"));
  EXPECT_FALSE(is_erased("cam-1", "2026-11-28T13:59:59.999999Z"));
  EXPECT_FALSE(is_erased("cam-2", "2026-11-28T14:30:00Z"));
  // Refused by the pipeline, and from then all the same.
  EXPECT_TRUE(is_erased("cam-1", "2026-11-28T14:30:00Z", R"(,"revision":"x")"));
}

TEST(ErasureTest, AnIdIsFoundWhereverItCanBeRead) {
  ErasureRules rules{std::string(kKey)};
  rules.ids.add({0x1111111122224333, 0x8444555555555555});
  Eraser eraser({}, rules);
  auto is_erased = [&](const std::string& data) {
    return eraser.erase(record_of(data)).has_value();
  };
  std::string whole = event(kIn, "cam-9", "2020-01-01T00:00:00Z");
  EXPECT_TRUE(is_erased(whole));
  EXPECT_TRUE(is_erased(event("11111111222243338444555555555555", "c", "2020-01-01T00:00:00Z")));
  EXPECT_TRUE(is_erased("{\"detection_id\":\"" + std::string(kIn) + "\",\"confidence\":7}"));
  EXPECT_TRUE(is_erased(whole.substr(3)));         // no JSON
  EXPECT_TRUE(is_erased("x" + std::string(kIn)));  // at the end
  EXPECT_FALSE(is_erased(std::string(kIn).substr(0, 35)));
  EXPECT_FALSE(is_erased(event(kOut, "cam-9", "2020-01-01T00:00:00Z")));
  // Another event's word about it is the other event's.
  EXPECT_FALSE(is_erased(event(kOut, "cam-9", "2020-01-01T00:00:00Z",
                               ",\"attributes\":{\"parent\":\"" + std::string(kIn) + "\"}")));
}

TEST(ErasureTest, DigestsComeBackFromTheirBytes) {
  ErasedIds ids{std::string(kKey)};
  for (std::uint64_t i = 0; i < 100; ++i) ids.add({i, i * i});
  ErasedIds again{std::string(kKey)};
  again.add_digests(ids.digests());
  EXPECT_EQ(again.size(), 100u);
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_TRUE(again.contains({i, i * i}));
  EXPECT_FALSE(again.contains({100, 1}));
  ErasedIds other{"fedcba9876543210"};
  other.add_digests(ids.digests());
  EXPECT_FALSE(other.contains({1, 1}));
}

TEST(ErasureTest, AHoldCoversItsRangeOrItsIdUntilItIsLifted) {
  auto hold = [](const char* name, const char* camera, std::int64_t from_us, std::int64_t to_us) {
    catalog::HoldRow row;
    row.name = name;
    row.camera_id = camera;
    row.from_us = from_us;
    row.to_us = to_us;
    return row;
  };
  catalog::HoldRow range = hold("r", "cam-1", 10, 20), id = hold("i", "cam-1", 50, 51);
  EventId digest = digest_of({1, 2}, kKey);
  ErasedIds ids{std::string(kKey)};
  ids.add({1, 2});
  id.digest = ids.digests();
  catalog::HoldRow lifted = hold("l", "cam-2", 0, 99);
  lifted.lifted_us = 5;
  std::vector<catalog::HoldRow> holds{range, id, lifted};
  EXPECT_EQ(hold_on(holds, "cam-1", 10, {})->name, "r");
  EXPECT_EQ(hold_on(holds, "cam-1", 20, {}), nullptr);
  EXPECT_EQ(hold_on(holds, "cam-7", 20, digest)->name, "i");
  EXPECT_EQ(hold_on(holds, "cam-1", 50, {}), nullptr);
  EXPECT_EQ(hold_on(holds, "cam-2", 10, {}), nullptr);
}

// --- Aggregates

void append_field(std::string& to, char number, std::string_view bytes) {
  to += static_cast<char>(number << 3 | 2);
  ASSERT_LT(bytes.size(), 128u * 128u);
  if (bytes.size() >= 128) to += static_cast<char>(bytes.size() % 128 | 128);
  to += static_cast<char>(bytes.size() >= 128 ? bytes.size() / 128 : bytes.size());
  to += bytes;
}

std::string aggregate_of(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string message;
  for (const auto& [key, data] : records) append_field(message, 1, key);
  for (std::size_t i = 0; i < records.size(); ++i) {
    std::string packed{'\x08', static_cast<char>(i)};
    append_field(packed, 3, records[i].second);
    append_field(message, 3, packed);
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  EXPECT_EQ(EVP_Digest(message.data(), message.size(), digest, &bytes, EVP_md5(), nullptr), 1);
  return "\xF3\x89\x9A\xC2" + message + std::string(reinterpret_cast<char*>(digest), 16);
}

TEST(ErasureTest, OfAnAggregateOneRecordGoesAndTheOthersKeepTheirPlaces) {
  ErasureRules rules = range_rules();
  Eraser eraser({}, rules);
  std::string first = event(kOut, "cam-2", "2026-11-28T14:30:00Z");
  std::string gone = event(kIn, "cam-1", "2026-11-28T14:30:00Z");
  std::string packed = aggregate_of({{"a", first}, {std::string(kIn), gone}, {"c", "no JSON"}});
  auto erased = eraser.erase(record_of(packed, "a"));
  ASSERT_TRUE(erased.has_value());
  EXPECT_EQ(erased->kind, log::RecordKind::kPartlyErased);
  EXPECT_EQ(erased->partition_key, "a");
  EXPECT_EQ(erased->data.find(kIn), std::string::npos);

  PoisonEvents poison;
  BatchDecoder decoder({}, poison);
  log::Record record = record_of(erased->data);
  record.kind = erased->kind;
  decoder.decode({&record, 1}, nullptr);
  ASSERT_EQ(decoder.events().size(), 3u);
  EXPECT_TRUE(decoder.events()[0].accepted);
  EXPECT_EQ(decoder.events()[0].json, first);
  EXPECT_TRUE(decoder.events()[1].erased);
  EXPECT_EQ(decoder.events()[1].camera_id, "cam-1");
  EXPECT_EQ(decoder.events()[1].sub, 1u);
  EXPECT_EQ(decoder.events()[2].json, "no JSON");
  EXPECT_EQ(decoder.events()[2].sub, 2u);
  // Once more: there is nothing left to erase, until there is.
  EXPECT_FALSE(eraser.erase(record).has_value());
  rules.ranges.push_back({"cam-2", rules.ranges[0].from_us, rules.ranges[0].to_us});
  auto again = eraser.erase(record);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->data.find(kOut), std::string::npos);
  log::Record twice = record_of(again->data);
  twice.kind = again->kind;
  decoder.clear();
  decoder.decode({&twice, 1}, nullptr);
  EXPECT_TRUE(decoder.events()[0].erased);
  EXPECT_TRUE(decoder.events()[1].erased);
  EXPECT_EQ(decoder.events()[1].camera_id, "cam-1");
}

// What a client sends cannot pass itself off as erased, and so leave $dead without a trace.
TEST(ErasureTest, AClientsFieldIsNoErasure) {
  ErasureRules rules = range_rules();
  Eraser eraser({}, rules);
  std::string packed =
      aggregate_of({{"a", event(kOut, "cam-1", "2026-11-28T14:30:00Z")}, {"b", "no JSON"}});
  auto erased = eraser.erase(record_of(packed));
  ASSERT_TRUE(erased.has_value());
  PoisonEvents poison;
  BatchDecoder decoder({}, poison);
  log::Record record = record_of(erased->data);
  decoder.decode({&record, 1}, nullptr);
  ASSERT_EQ(decoder.events().size(), 2u);
  EXPECT_FALSE(decoder.events()[0].erased);
}

}  // namespace
}  // namespace freshet::pipeline

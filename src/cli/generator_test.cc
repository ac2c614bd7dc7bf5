#include "cli/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cli/json.h"
#include "cli/put_records_body.h"
#include "common/base64.h"

namespace freshet::cli {
namespace {

constexpr std::int64_t kNowUs = 1'795'341'600'000'000;  // 2026-11-22T10:00:00Z

std::vector<GeneratedEvent> generate(GeneratorConfig config, std::size_t count) {
  EventGenerator generator(config);
  std::vector<GeneratedEvent> events;
  for (std::size_t i = 0; i < count; ++i) {
    events.push_back(generator.next(kNowUs + static_cast<std::int64_t>(i) * 1000));
  }
  return events;
}

TEST(EventGeneratorTest, TheSameSeedGivesTheSameBytes) {
  auto first = generate({.seed = 7}, 2000), second = generate({.seed = 7}, 2000);
  auto other = generate({.seed = 8}, 2000);
  bool differs = false;
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].data, second[i].data);
    differs |= first[i].data != other[i].data;
  }
  EXPECT_TRUE(differs);
}

TEST(EventGeneratorTest, GoodEventsAreWhatTheSchemaWants) {
  std::set<std::string> ids, cameras;
  for (const GeneratedEvent& event : generate({.retry_share = 0, .malformed_share = 0}, 5000)) {
    EXPECT_EQ(event.data.size(), 174u) << event.data;
    auto parsed = parse_json(event.data);
    ASSERT_TRUE(parsed) << event.data;
    EXPECT_EQ((*parsed)["id"].text, event.id);
    EXPECT_EQ(event.id.size(), 36u);
    EXPECT_EQ(event.id[14], '7') << "version";
    EXPECT_NE(std::string("89ab").find(event.id[19]), std::string::npos) << "variant";
    EXPECT_EQ((*parsed)["cam"].text, event.camera_id);
    EXPECT_EQ((*parsed)["ts"].text.size(), 16u);
    double confidence = std::stod((*parsed)["conf"].text);
    EXPECT_TRUE(confidence > 0 && confidence < 1);
    ASSERT_EQ((*parsed)["bbox"].items.size(), 4u);
    EXPECT_LE(
        std::stod((*parsed)["bbox"].items[0].text) + std::stod((*parsed)["bbox"].items[2].text), 1);
    EXPECT_LE((*parsed)["track"].text.size(), 64u);
    EXPECT_TRUE(ids.insert(event.id).second) << "an id twice";
    cameras.insert(event.camera_id);
  }
  EXPECT_EQ(cameras.size(), kGeneratedCameras);
}

TEST(EventGeneratorTest, RetriesRepeatEarlierBytesAndSharesHold) {
  auto events = generate({.seed = 3}, 100'000);
  std::map<GeneratedEvent::Kind, int> counts;
  std::set<std::string> seen, malformed;
  for (const GeneratedEvent& event : events) {
    ++counts[event.kind];
    bool is_new = seen.insert(event.data).second;
    if (event.kind == GeneratedEvent::Kind::kRetry) {
      EXPECT_FALSE(is_new);
    }
    if (event.kind == GeneratedEvent::Kind::kNew) {
      EXPECT_TRUE(is_new);
    }
    if (event.kind == GeneratedEvent::Kind::kMalformed) malformed.insert(event.data.substr(0, 6));
  }
  EXPECT_NEAR(counts[GeneratedEvent::Kind::kRetry], 1000, 150);
  EXPECT_NEAR(counts[GeneratedEvent::Kind::kMalformed], 100, 50);
}

TEST(EventGeneratorTest, EventsCanBeLonger) {
  for (std::size_t bytes : {200, 230, 240, 300, 2000}) {
    auto events = generate({.retry_share = 0, .malformed_share = 0, .event_bytes = bytes}, 3);
    EXPECT_EQ(events[2].data.size(), bytes);
    EXPECT_TRUE(parse_json(events[2].data)) << events[2].data;
  }
}

TEST(EventGeneratorTest, ReferenceFilesNameEveryCameraAndPlaceOnce) {
  std::string cameras = generated_cameras_csv(), locations = generated_locations_csv();
  EXPECT_EQ(std::count(cameras.begin(), cameras.end(), '\n'), 49);
  EXPECT_EQ(std::count(locations.begin(), locations.end(), '\n'), 25);
  for (std::size_t i = 0; i < kGeneratedCameras; ++i) {
    EXPECT_THAT(cameras, testing::HasSubstr("\n" + generated_camera_id(i) + ","));
  }
}

TEST(DayRhythmTest, QuietAtNightBusyInTheMorning) {
  constexpr std::int64_t kHour = 3'600'000'000, kDay = 24 * kHour;
  EXPECT_LT(day_rhythm(3 * kHour, kDay), 0.3);
  EXPECT_GT(day_rhythm(8 * kHour, kDay), 0.95);
  for (std::int64_t at = 0; at < 2 * kDay; at += kHour / 2) {
    EXPECT_GE(day_rhythm(at, kDay), 0.15);
    EXPECT_LE(day_rhythm(at, kDay), 1.0);
  }
}

class PutRecordsBodyTest : public testing::Test {
 protected:
  std::vector<GeneratedEvent> events_ =
      generate({.retry_share = 0, .malformed_share = 0, .event_bytes = 175}, 5);
  PutRecordsBody body_{"detections", events_};

  static std::vector<std::string> data_of(const std::string& text) {
    std::vector<std::string> data;
    auto parsed = parse_json(text);
    EXPECT_TRUE(parsed) << text;
    for (const JsonValue& record : (*parsed)["Records"].items) {
      const std::string& encoded = record["Data"].text;
      std::string decoded(base64_decoded_bytes_max(encoded.size()), '\0');
      auto size = base64_decode(encoded, decoded.data());
      EXPECT_GT(size, 0);
      decoded.resize(static_cast<std::size_t>(size));
      data.push_back(decoded);
    }
    return data;
  }
};

TEST_F(PutRecordsBodyTest, HoldsTheEvents) {
  auto data = data_of(body_.text());
  ASSERT_EQ(data.size(), events_.size());
  for (std::size_t i = 0; i < data.size(); ++i) EXPECT_EQ(data[i], events_[i].data);
}

TEST_F(PutRecordsBodyTest, RenewingChangesIdAndTimeAlone) {
  body_.renew(0x123456789, 1'800'000'000'000'001);
  auto data = data_of(body_.text());
  for (std::size_t i = 0; i < data.size(); ++i) {
    EXPECT_EQ(data[i].size(), events_[i].data.size());
    auto parsed = parse_json(data[i]);
    ASSERT_TRUE(parsed) << data[i];
    EXPECT_EQ((*parsed)["id"].text, body_.id(i, 0x123456789));
    EXPECT_NE((*parsed)["id"].text, events_[i].id);
    EXPECT_THAT((*parsed)["id"].text, testing::HasSubstr("123456789"));
    EXPECT_EQ((*parsed)["ts"].text, "1800000000000001");
    EXPECT_EQ((*parsed)["cam"].text, events_[i].camera_id);
  }
}

TEST_F(PutRecordsBodyTest, SomeOfTheRecords) {
  body_.renew(5, kNowUs);
  auto all = data_of(body_.text());
  EXPECT_THAT(data_of(body_.only({1, 4})), testing::ElementsAre(all[1], all[4]));
}

}  // namespace
}  // namespace freshet::cli

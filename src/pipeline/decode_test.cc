#include "pipeline/decode.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/time_text.h"
#include "io/random.h"

namespace freshet::pipeline {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kArrivalUs = 1'795'341'600'000'000;  // 2026-11-22T10:00:00Z
enum Column { kId, kCam, kLoc, kItem, kConf, kBbox, kTime, kTrack, kFrame, kMedia, kAttr, kText };

struct DecodeTest : testing::Test {
  Decoder decoder{DecodeConfig{.id_seed = 42}};
  ColumnBatch rows{detection_schema()};
  std::string kept;

  Decoded decode(std::string json) {
    kept = std::move(json);
    rows.clear();
    return decoder.decode(kept, kArrivalUs, rows);
  }
  // The smallest event, with `more` behind it.
  Decoded decode_with(std::string_view more) {
    return decode(
        fmt::format(R"({{"id":"a","cam":"c1","item":"car","ts":"2026-11-22T10:00:00Z"{}{}}})",
                    more.empty() ? "" : ",", more));
  }
  std::string text(Column column) {
    return rows.columns[column].is_valid(0)
               ? std::string(rows.columns[column].get<std::string_view>(0))
               : "<null>";
  }
  void expect_refused(std::string json, Reason reason, std::string_view words) {
    Decoded got = decode(json);
    EXPECT_FALSE(got.accepted) << json;
    EXPECT_EQ(reason_name(got.reason), reason_name(reason)) << json << "\n" << got.detail;
    EXPECT_THAT(got.detail, HasSubstr(std::string(words))) << json;
    EXPECT_EQ(rows.row_count(), 0u);
  }
  void expect_refused_with(std::string_view more, Reason reason, std::string_view words) {
    expect_refused(
        fmt::format(R"({{"id":"a","cam":"c1","item":"car","ts":"2026-11-22T10:00:00Z",{}}})", more),
        reason, words);
  }
};

TEST_F(DecodeTest, fills_every_column_from_names) {
  Decoded got =
      decode(R"({"detection_id":"018F6b1e-7c3a-7d2b-9f10-3a5b6c7d8e9f","camera_id":"cam-0042",)"
             R"("location_id":"gate-7","item_name":"Person","confidence":0.87346,)"
             R"("bbox":{"h":0.24983,"x":0.58686,"w":0.07784,"y":0.41480},)"
             R"("event_time":"2026-11-22T10:00:00.033Z","track_id":"T1","frame_no":18273,)"
             R"("media_ref":"pack:77#1,2","attributes":{"speed":12.50,"plate":"AB 1"},"zone":3})");
  ASSERT_TRUE(got.accepted) << got.detail;
  EXPECT_EQ(got.id, (EventId{0x018f6b1e7c3a7d2b, 0x9f103a5b6c7d8e9f}));
  EXPECT_EQ(got.event_time_us, kArrivalUs + 33'000);
  EXPECT_EQ(got.camera_id, "cam-0042");
  EXPECT_EQ(rows.columns[kId].get<EventId>(0), got.id);
  EXPECT_EQ(text(kCam), "cam-0042");
  EXPECT_EQ(text(kLoc), "gate-7");
  EXPECT_EQ(text(kItem), "person");
  EXPECT_EQ(rows.columns[kConf].get<double>(0), 0.8735);
  EXPECT_EQ(rows.columns[kBbox].get<Box>(0), (Box{38460, 27184, 5101, 16373}));
  EXPECT_EQ(rows.columns[kTime].get<std::int64_t>(0), kArrivalUs + 33'000);
  EXPECT_EQ(text(kTrack), "T1");
  EXPECT_EQ(rows.columns[kFrame].get<std::uint64_t>(0), 18273u);
  EXPECT_EQ(text(kMedia), "pack:77#1,2");
  EXPECT_EQ(text(kAttr), R"({"plate":"AB 1","speed":12.5,"zone":3})");
  EXPECT_EQ(text(kText), "<null>");
}

TEST_F(DecodeTest, leaves_null_what_is_absent_null_or_empty) {
  ASSERT_TRUE(decode_with(R"("loc":null,"track":"","conf":null,"bbox":null,"attr":{},"media":"")")
                  .accepted);
  for (Column column : {kLoc, kConf, kBbox, kTrack, kFrame, kMedia, kAttr})
    EXPECT_FALSE(rows.columns[column].is_valid(0)) << column;
  EXPECT_EQ(text(kText), "a");
}

TEST_F(DecodeTest, points_into_the_json_where_a_text_stands_there_unescaped) {
  ASSERT_TRUE(decode_with(R"("track":"T1","media":"a\/b")").accepted);
  auto inside = [&](Column column) {
    const char* at = rows.columns[column].get<std::string_view>(0).data();
    return at >= kept.data() && at < kept.data() + kept.size();
  };
  EXPECT_TRUE(inside(kCam));
  EXPECT_TRUE(inside(kItem));
  EXPECT_TRUE(inside(kTrack));
  EXPECT_FALSE(inside(kMedia));
  EXPECT_EQ(text(kMedia), "a/b");
}

TEST_F(DecodeTest, ids) {
  auto id_of = [&](std::string_view written) {
    Decoded got = decode(
        fmt::format(R"({{"id":{},"cam":"c1","item":"car","ts":"2026-11-22T10:00:00Z"}})", written));
    EXPECT_TRUE(got.accepted) << got.detail;
    return got.id;
  };
  EventId uuid{0x0a81d5d32f75f1d6, 0x9ecb7794654e7509};
  EXPECT_EQ(id_of(R"("0a81d5d3-2f75-f1d6-9ecb-7794654e7509")"), uuid);
  EXPECT_EQ(id_of(R"("0A81D5D3-2F75-F1D6-9ECB-7794654E7509")"), uuid);
  EXPECT_EQ(id_of(R"("0a81d5d32f75f1d69ecb7794654e7509")"), uuid);
  EXPECT_EQ(text(kText), "<null>");
  EXPECT_EQ(decoder.id_of("0a81d5d3-2f75-f1d6-9ecb-7794654e7509"), uuid);
  // The ULID specification's own example.
  EventId ulid = id_of(R"("01ARZ3NDEKTSV4RRFFQ69G5FAV")");
  EXPECT_EQ(ulid, (EventId{0x01563e3ab5d3d676, 0x4c61efb99302bd5b}));
  EXPECT_EQ(id_of(R"("01arz3ndektsv4rrffq69g5fav")"), ulid);
  EXPECT_EQ(text(kText), "<null>");
  // Not a ULID: it would need 129 bits.
  EXPECT_EQ(id_of(R"("81ARZ3NDEKTSV4RRFFQ69G5FAV")"), decoder.id_of("81ARZ3NDEKTSV4RRFFQ69G5FAV"));
  EXPECT_EQ(text(kText), "81ARZ3NDEKTSV4RRFFQ69G5FAV");
  EXPECT_EQ(id_of("42"), decoder.id_of("42"));
  EXPECT_EQ(text(kText), "42");
  EXPECT_EQ(id_of("42.0"), id_of(R"("42")"));
  EXPECT_NE(id_of(R"("42")"), id_of(R"("43")"));
  EXPECT_EQ(id_of(R"("\u0034\u0032")"), decoder.id_of("42"));
  EXPECT_NE(Decoder(DecodeConfig{.id_seed = 1}).id_of("42"), decoder.id_of("42"));
}

TEST_F(DecodeTest, times) {
  auto time_of = [&](std::string_view written) {
    Decoded got = decode(fmt::format(R"({{"id":"a","cam":"c1","item":"car","ts":{}}})", written));
    EXPECT_TRUE(got.accepted) << written << ": " << got.detail;
    return format_rfc3339_us(got.event_time_us);
  };
  EXPECT_EQ(time_of(R"("2026-11-22T10:00:00Z")"), "2026-11-22T10:00:00.000000Z");
  EXPECT_EQ(time_of(R"("2026-11-22T11:00:00.5+01:00")"), "2026-11-22T10:00:00.500000Z");
  EXPECT_EQ(time_of(R"("2024-02-29t23:59:60z")"), "2024-02-29T23:59:59.000000Z");
  EXPECT_EQ(time_of(R"("2026-10-31T10:00:00.123456789Z")"), "2026-10-31T10:00:00.123456Z");
  EXPECT_EQ(time_of("1795341600"), "2026-11-22T10:00:00.000000Z");
  EXPECT_EQ(time_of("1795341600.0330009"), "2026-11-22T10:00:00.033000Z");
  EXPECT_EQ(time_of("1.7953416e9"), "2026-11-22T10:00:00.000000Z");
  EXPECT_EQ(time_of("1795341600033"), "2026-11-22T10:00:00.033000Z");
  EXPECT_EQ(time_of("1795341600033001"), "2026-11-22T10:00:00.033001Z");
  EXPECT_EQ(time_of("1795341600033001999"), "2026-11-22T10:00:00.033001Z");
  EXPECT_EQ(time_of("0"), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(time_of("0.000001"), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(time_of(R"("2026-11-23T10:00:00Z")"), "2026-11-23T10:00:00.000000Z");
}

TEST_F(DecodeTest, refuses_bad_times) {
  auto refused = [&](std::string_view written, Reason reason, std::string_view words) {
    expect_refused(fmt::format(R"({{"id":"a","cam":"c1","item":"car","ts":{}}})", written), reason,
                   words);
  };
  refused(R"("2026-11-22T10:00:00")", Reason::kNoZone, "no time zone");
  refused(R"("2026-11-22 10:00:00.5")", Reason::kNoZone, "no time zone");
  refused(R"("yesterday")", Reason::kBadTime, "yesterday");
  refused(R"("2026-02-30T10:00:00Z")", Reason::kBadTime, "2026-02-30");
  refused(R"("2026-13-01T10:00:00Z")", Reason::kBadTime, "2026-13");
  refused(R"("2026-11-22T24:00:00Z")", Reason::kBadTime, "24:00");
  refused(R"("1795341600")", Reason::kBadTime, "1795341600");
  refused("-5", Reason::kBadTime, "-5");
  refused("1e30", Reason::kBadTime, "1e30");
  refused(R"("2026-11-23T10:00:00.000001Z")", Reason::kFuture, "ahead");
  refused("1.9e18", Reason::kFuture, "ahead");
  refused("true", Reason::kSchema, "event_time");
  refused("{}", Reason::kSchema, "event_time");
  refused("null", Reason::kSchema, "event_time is missing");
}

TEST_F(DecodeTest, refuses_what_breaks_the_schema) {
  expect_refused(R"({"cam":"c1","item":"car","ts":1})", Reason::kNoId, "detection_id");
  expect_refused(R"({"id":"","cam":"c1","item":"car","ts":1})", Reason::kNoId, "detection_id");
  expect_refused(R"({"id":"a","item":"car","ts":1})", Reason::kSchema, "camera_id is missing");
  expect_refused(R"({"id":"a","cam":"","item":"car","ts":1})", Reason::kSchema, "camera_id");
  expect_refused(R"({"id":"a","cam":"c","ts":1})", Reason::kSchema, "item_name is missing");
  expect_refused(R"({"id":"a","cam":7,"item":"car","ts":1})", Reason::kSchema,
                 "camera_id at byte 16 is not a text");
  expect_refused(R"({"id":1.5,"cam":"c","item":"car","ts":1})", Reason::kSchema, "detection_id");
  expect_refused(R"({"id":true,"cam":"c","item":"car","ts":1})", Reason::kSchema, "detection_id");
  expect_refused_with(R"("detection_id":"b")", Reason::kSchema, "detection_id stands twice");
  expect_refused_with(R"("cam":null)", Reason::kSchema, "camera_id stands twice");
  expect_refused_with(R"("track":-1)", Reason::kSchema, "track_id");
  expect_refused_with(R"("track":1.5)", Reason::kSchema, "track_id");
  expect_refused_with(R"("loc":[1])", Reason::kSchema, "location_id");
  expect_refused_with(R"("loc":"a\u0000b")", Reason::kSchema, "NUL");
  expect_refused_with(R"("frame":-1)", Reason::kSchema, "frame_no -1");
  expect_refused_with(R"("frame":18446744073709551616)", Reason::kSchema, "frame_no");
  expect_refused_with(R"("frame":"7")", Reason::kSchema, "frame_no");
  expect_refused_with(R"("conf":87)", Reason::kSchema, "confidence 87");
  expect_refused_with(R"("conf":-0.1)", Reason::kSchema, "confidence");
  expect_refused_with(R"("conf":"0.5")", Reason::kSchema, "confidence");
  expect_refused_with(R"("attr":[1])", Reason::kSchema, "attributes");
  expect_refused_with(R"("attr":{"a":1},"a":2)", Reason::kSchema, "\"a\" stands twice");
  expect_refused_with(R"("x":{"a":1,"b":2,"\u0061":3})", Reason::kSchema, "\"a\" stands twice");
  expect_refused_with(R"("x":1e400)", Reason::kSchema, "1e400");
  expect_refused_with(R"("rev":3)", Reason::kSchema, "mode track");
  expect_refused_with(R"("bbox":[1,2,3])", Reason::kSchema, "bbox");
  expect_refused_with(R"("bbox":[1,2,3,4,5])", Reason::kSchema, "bbox");
  expect_refused_with(R"("bbox":[1,2,3,"4"])", Reason::kSchema, "bbox");
  expect_refused_with(R"("bbox":{"x":1,"y":1,"w":1})", Reason::kSchema, "bbox");
  expect_refused_with(R"("bbox":{"x":1,"x":1,"y":1,"w":1})", Reason::kSchema, "bbox");
  expect_refused_with(R"("bbox":"0,0,1,1")", Reason::kSchema, "bbox");
  expect_refused(R"({"kind":"heartbeat","camera_id":"c1","event_time":1})", Reason::kSchema,
                 "heartbeat");
}

TEST_F(DecodeTest, enforces_lengths_to_the_byte) {
  auto of = [](std::size_t bytes) { return std::string(bytes, 'x'); };
  EXPECT_TRUE(decode(fmt::format(R"({{"id":"{0}","cam":"{0}","item":"{0}","loc":"{0}","ts":1,)"
                                 R"("track":"{0}","media":"{1}"}})",
                                 of(64), of(512)))
                  .accepted);
  expect_refused(fmt::format(R"({{"id":"{}","cam":"c","item":"i","ts":1}})", of(65)),
                 Reason::kTooLarge, "detection_id at byte 6 has 65 bytes");
  expect_refused(fmt::format(R"({{"id":"a","cam":"{}","item":"i","ts":1}})", of(65)),
                 Reason::kTooLarge, "camera_id");
  expect_refused_with(fmt::format(R"("loc":"{}")", of(65)), Reason::kTooLarge, "location_id");
  expect_refused_with(fmt::format(R"("track":"{}")", of(65)), Reason::kTooLarge, "track_id");
  expect_refused_with(fmt::format(R"("media":"{}")", of(513)), Reason::kTooLarge, "media_ref");
  // {"a":"…"} has 8 bytes around the text.
  EXPECT_TRUE(decode_with(fmt::format(R"("attr":{{"a":"{}"}})", of(4096 - 8))).accepted);
  expect_refused_with(fmt::format(R"("attr":{{"a":"{}"}})", of(4096 - 7)), Reason::kTooLarge,
                      "attributes");
  std::string filled = R"({"id":"a","cam":"c1","item":"car","ts":1)";
  EXPECT_TRUE(decode(filled + std::string(65'536 - filled.size() - 1, ' ') + "}").accepted);
  expect_refused(filled + std::string(65'536 - filled.size(), ' ') + "}", Reason::kTooLarge,
                 "65537 bytes");
}

TEST_F(DecodeTest, refuses_what_is_not_json_and_says_where) {
  auto refused = [&](std::string json, std::string_view words) {
    expect_refused(std::move(json), Reason::kParse, words);
  };
  refused("", "at byte 0");
  refused("  ", "at byte 2");
  refused("[]", "expected {");
  refused("{", "at byte 1");
  refused(R"({"id")", "colon at byte 5");
  refused(R"({"id":"a")", "comma or } at byte 9");
  refused(R"({"id":"a",})", "at byte 10");
  refused(R"({"id":"a"} {})", "more stands behind");
  refused(std::string("{}\0", 3), "more stands behind");
  refused(R"({"id":"a)", "not closed at byte 8");
  refused("{\"id\":\"a\nb\"}", "control character");
  refused(R"({"id":"\x"})", "unknown escape stands in a text at byte 7");
  refused(R"({"id":"\ud800"})", "surrogate");
  refused(R"({"id":"\ud800\u0041"})", "surrogate");
  refused(R"({"id":"\udc00"})", "surrogate");
  refused(R"({"id":"\u12"})", "hexadecimal");
  refused("{\"id\":\"\xff\"}", "not UTF-8 at byte 7");
  refused("{\"id\":\"\xc0\xaf\"}", "not UTF-8");
  refused("{\"id\":\"\xed\xa0\x80\"}", "not UTF-8");
  refused("{\"id\":\"\xf4\x90\x80\x80\"}", "not UTF-8");
  refused("{\"id\":\"\xe2\x82\"}", "not UTF-8");
  refused(R"({"ts":01})", "zero too many");
  refused(R"({"ts":1.})", "behind its point");
  refused(R"({"ts":.5})", "expected");
  refused(R"({"ts":+5})", "expected");
  refused(R"({"ts":1e})", "exponent");
  refused(R"({"ts":NaN})", "expected");
  refused(R"({"x":tru})", "expected a value");
  refused(R"({"x":)" + std::string(40, '[') + std::string(40, ']') + "}", "nested too deep");
  refused(R"({"cam":)" + std::string(40, '[') + std::string(40, ']') + "}", "nested too deep");
  refused("\xEF\xBB\xBF{}", "expected {");
  std::string deep = R"("x":)" + std::string(31, '[') + std::string(31, ']');
  EXPECT_TRUE(decode_with(deep).accepted);
}

TEST_F(DecodeTest, names_the_id_and_camera_of_what_it_refuses) {
  Decoded got = decode(R"({"conf":87,"id":"a-7","cam":"c1"})");
  EXPECT_FALSE(got.accepted);
  EXPECT_EQ(got.id_text, "a-7");
  EXPECT_EQ(got.camera_id, "c1");
  got = decode(R"({"cam":"c1","id":"a-7","item":)");
  EXPECT_EQ(got.reason, Reason::kParse);
  EXPECT_EQ(got.id_text, "a-7");
  EXPECT_EQ(got.camera_id, "c1");
}

TEST_F(DecodeTest, content_is_the_same_for_every_spelling) {
  auto content = [&](std::string_view json) {
    Decoded got = decode(std::string(json));
    EXPECT_TRUE(got.accepted) << json << got.detail;
    return got.content;
  };
  ContentHash first = content(
      R"({"id":"a","cam":"c1","item":"car","ts":1795341600.5,"conf":0.5,"bbox":[0,0,0.5,1],)"
      R"("attr":{"b":1.50,"a":[{"y":"é","x":100}]},"frame":7,"loc":12,"zz":null})");
  EXPECT_EQ(first,
            content(R"( { "zz" : null, "location_id":"12", "frame_no":7.0, "attributes":{"a":)"
                    R"([{"x":1e2,"y":"\u00e9"}], "b":15e-1}, "bbox":{"h":1,"w":5e-1,"y":0,"x":-0},)"
                    R"("confidence":0.50, "event_time":"2026-11-22T10:00:00.5Z",)"
                    R"("item_name":"CAR", "camera_id":"c1", "detection_id":"a" } )"));
  auto other = [&](std::string_view more) {
    Decoded got = decode_with(more);
    EXPECT_TRUE(got.accepted) << more << got.detail;
    return got.content;
  };
  // Every difference in a field is one in the hash, also a text that moves to its neighbour.
  std::vector<ContentHash> all{first};
  for (std::string_view more :
       {"", R"("loc":"1")", R"("track":"1")", R"("media":"1")", R"("frame":1)", R"("frame":0)",
        R"("conf":0)", R"("conf":1)", R"("bbox":[0,0,1,1])", R"("bbox":[0,0,1,0.5])", R"("a":1)",
        R"("a":2)", R"("a":"1")", R"("a":[1])", R"("a":null)"}) {
    all.push_back(other(more));
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  EXPECT_EQ(other(R"("a":1)"), other(R"("attr":{"a":1.0})"));
}

TEST_F(DecodeTest, canonical_numbers) {
  auto canonical = [&](std::string_view number) {
    EXPECT_TRUE(decode_with(fmt::format(R"("n":{})", number)).accepted);
    std::string all = text(kAttr);
    return all.substr(5, all.size() - 6);
  };
  EXPECT_EQ(canonical("0"), "0");
  EXPECT_EQ(canonical("-0"), "0");
  EXPECT_EQ(canonical("-0.0e5"), "0");
  EXPECT_EQ(canonical("1.50"), "1.5");
  EXPECT_EQ(canonical("15e-1"), "1.5");
  EXPECT_EQ(canonical("-1E+2"), "-100");
  EXPECT_EQ(canonical("0.000001"), "0.000001");
  EXPECT_EQ(canonical("0.0000001"), "1e-7");
  EXPECT_EQ(canonical("123e-9"), "1.23e-7");
  EXPECT_EQ(canonical("1e20"), "100000000000000000000");
  EXPECT_EQ(canonical("100000000000000000000"), "100000000000000000000");
  EXPECT_EQ(canonical("1e21"), "1e+21");
  EXPECT_EQ(canonical("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(canonical("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(canonical("1234567890.12345678901234567890"), "1234567890.1234567890123456789");
  EXPECT_EQ(canonical("1e-99999999999"), "1e-1000000000");
  EXPECT_EQ(canonical("0e99999999999"), "0");
}

TEST_F(DecodeTest, boxes_are_clipped_and_bad_ones_left_out_or_refused) {
  auto box = [&](std::string_view written) {
    EXPECT_TRUE(decode_with(fmt::format(R"("bbox":{})", written)).accepted);
    return rows.columns[kBbox].is_valid(0) ? rows.columns[kBbox].get<Box>(0) : Box{9, 9, 9, 9};
  };
  constexpr Box kNone{9, 9, 9, 9};
  EXPECT_EQ(box("[0,0,1,1]"), (Box{0, 0, 65535, 65535}));
  EXPECT_EQ(box("[-0.015625,0.2083333,0.109375,0.2083333]"), (Box{0, 13653, 6144, 13653}));
  EXPECT_EQ(box("[0.5,0.5,9,9]"), (Box{32768, 32768, 32768, 32768}));
  EXPECT_EQ(decoder.dropped_boxes(), 0u);
  EXPECT_EQ(box("[0.5,0.5,0,0.1]"), kNone);
  EXPECT_EQ(box("[0.5,0.5,0.1,-0.1]"), kNone);
  EXPECT_EQ(box("[320,180,640,540]"), kNone);
  EXPECT_EQ(box("[-1e999,0,1e999,1]"), kNone);
  EXPECT_EQ(decoder.dropped_boxes(), 4u);
  Decoder strict(DecodeConfig{.box_required = true});
  rows.clear();
  Decoded got =
      strict.decode(R"({"id":"a","cam":"c","item":"i","ts":1,"bbox":[0,0,0,0]})", kArrivalUs, rows);
  EXPECT_EQ(got.reason, Reason::kBadBox);
}

TEST_F(DecodeTest, the_reason_does_not_depend_on_the_order_of_names) {
  expect_refused(R"({"conf":5,"cam":7,"id":"a","item":"i","ts":"x"})", Reason::kSchema,
                 "camera_id");
  expect_refused(R"({"ts":"x","id":"a","cam":7,"item":"i","conf":5})", Reason::kSchema,
                 "camera_id");
  expect_refused(R"({"ts":"x","conf":5,"cam":7})", Reason::kNoId, "detection_id");
}

// The decoder expects the names of the event before; what it says must not depend on that.
TEST_F(DecodeTest, says_the_same_whatever_came_before) {
  std::vector<std::string> events{
      R"({"id":"a","cam":"c","item":"i","ts":1})",
      R"({"cam":"c","id":"a","ts":1,"item":"i"})",
      R"({"detection_id":"a","camera_id":"c","item_name":"i","event_time":1})",
      R"({"id":"a","id":"b","item":"i","ts":1,"cam":"c"})",
      R"({"id":"a","cam":"c","item":"i","x":1,"ts":1})",
      R"({"id" :"a","cam":"c","item":"i","ts":1})",
      R"({"id":"a","cam":"c","item":"i","ts":1,"bbox":{"x":0,"y":0,"w":1,"h":1}})",
      R"({"id":"a","cam":"c","item":"i","ts":1,"bbox":{"h":1,"w":1,"y":0,"x":0}})",
      R"({"id":"a","cam":"c","item":"i","ts":1,"bbox":{"x":0,"x":0,"w":1,"h":1}})",
      R"({"id":"a","cam":"c","item":"i","ts":1,"bbox":{"x":0,"y":0,"w":1,"h":1,"z":1}})",
      R"({"id":"a","cam":"c"})"};
  io::SeededRandom random(5);
  for (int i = 0; i < 2000; ++i) {
    const std::string& event = events[random.below(events.size())];
    ColumnBatch fresh_rows(detection_schema());
    Decoder fresh(DecodeConfig{.id_seed = 42});
    Decoded expected = fresh.decode(event, kArrivalUs, fresh_rows);
    Decoded got = decode(event);
    ASSERT_EQ(got.accepted, expected.accepted) << event;
    ASSERT_EQ(got.detail, expected.detail) << event;
    ASSERT_EQ(got.content, expected.content) << event;
  }
}

TEST_F(DecodeTest, reports_near_misses_once) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(
        decode_with(R"("cameraId":"x","eventTime":1,"colour":"red","ID":4,"bx":1)").accepted);
  }
  ASSERT_EQ(decoder.near_misses().size(), 3u);
  EXPECT_EQ(decoder.near_misses()[0].field, "cameraId");
  EXPECT_EQ(decoder.near_misses()[0].known, "camera_id");
  EXPECT_EQ(decoder.near_misses()[0].events, 3u);
  EXPECT_EQ(decoder.near_misses()[1].known, "event_time");
  EXPECT_EQ(decoder.near_misses()[2].known, "detection_id");
  EXPECT_EQ(text(kAttr), R"({"ID":4,"bx":1,"cameraId":"x","colour":"red","eventTime":1})");
  for (int i = 0; i < 5000; ++i) decode_with(fmt::format(R"("camera_id{}":1)", i));
  EXPECT_LE(decoder.near_misses().size(), Decoder::kNearMissesMax);
}

TEST_F(DecodeTest, texts_live_until_they_are_released) {
  std::vector<std::string> events;
  for (int i = 0; i < 3000; ++i) {
    events.push_back(
        fmt::format(R"({{"id":"{0}","cam":"c\/{0}","item":"CAR{0}","ts":1,"x":{0}}})", i));
  }
  for (int round = 0; round < 2; ++round) {
    rows.clear();
    decoder.release_texts();
    for (const std::string& event : events)
      ASSERT_TRUE(decoder.decode(event, kArrivalUs, rows).accepted);
    for (std::size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(rows.columns[kCam].get<std::string_view>(i), fmt::format("c/{}", i));
      EXPECT_EQ(rows.columns[kItem].get<std::string_view>(i), fmt::format("car{}", i));
      EXPECT_EQ(rows.columns[kAttr].get<std::string_view>(i), fmt::format("{{\"x\":{}}}", i));
    }
  }
}

std::vector<std::string> corpus() {
  std::vector<std::string> seeds;
  auto folder = std::filesystem::path(FRESHET_FUZZ_CORPUS) / "decode";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    seeds.push_back(bytes.str());
  }
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

std::string mutate(std::string text, const std::vector<std::string>& seeds, io::Random& random) {
  static constexpr std::string_view kPieces[] = {
      "{",        "}",        "[",        "]",     ",",    ":",  "\"",     "\\",
      "\\u0000",  "\\ud83d",  "null",     "1e9",   "-",    "0",  "\"id\"", "\"attr\"",
      "\"a\":1,", "\x80",     "\xf0\x9f", " ",     "true", ".5", "1e400",  "\x00",
      "\"ts\"",   "\"bbox\"", "1e-400",   "\"\":", "\n",   "9"};
  for (std::uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
    std::size_t at = random.below(text.size() + 1);
    switch (random.below(5)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        text.erase(at, random.below(8));
        break;
      case 2:
        text.insert(at, kPieces[random.below(std::size(kPieces))]);
        break;
      case 3:
        text.insert(at, text.substr(random.below(text.size() + 1), random.below(40)));
        break;
      default: {
        const std::string& other = seeds[random.below(seeds.size())];
        text = text.substr(0, at) + other.substr(random.below(other.size() + 1));
      }
    }
  }
  return text;
}

// simdjson's DOM parser is the second opinion on what JSON is.
TEST_F(DecodeTest, agrees_with_simdjson_on_mutated_events) {
  auto seeds = corpus();
  ASSERT_GE(seeds.size(), 12u);
  io::SeededRandom random(20'261'122);
  simdjson::dom::parser parser;
  int accepted = 0, json_count = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = mutate(seeds[random.below(seeds.size())], seeds, random);
    // On the heap to the byte, so that a sanitizer sees a read past the end.
    auto exact = std::make_unique_for_overwrite<char[]>(text.size());
    std::copy(text.begin(), text.end(), exact.get());
    rows.clear();
    decoder.release_texts();
    Decoded got = decoder.decode({exact.get(), text.size()}, kArrivalUs, rows);
    auto parsed = parser.parse(text);
    bool theirs = parsed.error() == simdjson::SUCCESS && parsed.is_object();
    bool ours = got.accepted || got.reason != Reason::kParse;
    // simdjson refuses numbers beyond a double and beyond 64 bits, and takes deeper nesting.
    bool number = parsed.error() == simdjson::NUMBER_ERROR;
    bool deep = !got.accepted && got.detail.starts_with("values are nested too deep");
    if (!number && !deep) {
      ASSERT_EQ(ours, theirs) << text << "\n" << got.detail << "\n" << parsed.error();
    }
    json_count += ours;
    accepted += got.accepted;
    ASSERT_EQ(rows.row_count(), got.accepted ? 1u : 0u);
    ASSERT_EQ(got.accepted, got.detail.empty());
  }
  // The mutations must leave enough that is still an event, or this proves nothing.
  EXPECT_GT(accepted, 500);
  EXPECT_GT(json_count, 1000);
}

}  // namespace
}  // namespace freshet::pipeline

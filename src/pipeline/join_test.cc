#include "pipeline/join.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "pipeline/column_convert.h"
#include "pipeline/decode.h"

namespace freshet::pipeline {
namespace {

using testing::HasSubstr;

// A table of texts, one row a line, fields cut at commas; "" is null.
std::shared_ptr<const ReferenceTable> texts(std::string name, const std::string& columns,
                                            std::vector<std::string> lines) {
  auto cut = [](const std::string& line) {
    std::vector<std::string> fields{""};
    for (char c : line) {
      if (c == ',')
        fields.emplace_back();
      else
        fields.back().push_back(c);
    }
    return fields;
  };
  Schema schema;
  for (const std::string& column : cut(columns))
    schema.columns.push_back({column, ColumnType::kText});
  ColumnBatch rows(schema);
  std::vector<std::vector<std::string>> all;
  for (const std::string& line : lines) all.push_back(cut(line));
  for (const auto& fields : all) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].empty())
        rows.columns[i].append_null();
      else
        rows.columns[i].append(std::string_view(fields[i]));
    }
  }
  std::string key = schema.columns[0].name;
  auto table = ReferenceTable::make(std::move(name), key, schema, rows);
  EXPECT_TRUE(table.has_value()) << table.error().to_string();
  return *table;
}

struct JoinTest : testing::Test {
  std::vector<JoinTable> tables = default_joins();
  std::shared_ptr<const ReferenceTable> cameras = texts(
      "cameras", "camera_id,location_id,name,heading_deg,frame_w,enabled,mount",
      {"c1,gate-1,North,12.5,1920,true,pole", "c2,,South,,,,", "c3,nowhere,West,0,640,0,wall"});
  std::shared_ptr<const ReferenceTable> locations = texts(
      "locations", "location_id,name,lat,capacity,valid_from",
      {"gate-1,North gate,52.5,40,2026-01-01", "gate-2,South gate,-33,,2026-01-01T00:00:00Z"});
  Schema schema = joined_schema(detection_schema(), tables, {cameras, locations});
  std::vector<bool> all = std::vector<bool>(schema.columns.size(), true);
  ColumnBatch events{detection_schema()}, taken{detection_schema()};
  Decoder decoder{DecodeConfig{}};
  std::vector<std::string> kept;

  JoinTest() { kept.reserve(100); }
  void add_event(std::string_view camera, std::string_view location) {
    kept.push_back(fmt::format(R"({{"id":"{}","cam":"{}","loc":"{}","item":"car","ts":1}})",
                               kept.size() + 1, camera, location));
    ASSERT_TRUE(decoder.decode(kept.back(), 0, events).accepted);
  }
  // Of a copy, so that the same events can be filled again.
  const ColumnBatch& fill(Join& join, const ColumnBatch& rows, const std::vector<bool>& needed) {
    taken = rows;
    return join.fill(taken, needed);
  }
  std::string value(const ColumnBatch& rows, std::string_view column, std::size_t row) {
    auto index = schema.find(column);
    EXPECT_TRUE(index.has_value()) << column;
    bool is_there = row < rows.columns[*index].row_count() && rows.columns[*index].is_valid(row);
    return is_there ? value_text(rows.columns[*index], row) : "<null>";
  }
};

TEST_F(JoinTest, the_schema_is_known_before_any_version_is) {
  Schema empty = joined_schema(detection_schema(), tables, {nullptr, nullptr});
  EXPECT_EQ(empty.columns[12].name, "cam.camera_id");
  auto heading = empty.find("cam.heading_deg");
  ASSERT_TRUE(heading.has_value());
  EXPECT_EQ(empty.columns[*heading].type, ColumnType::kDouble);
  EXPECT_TRUE(empty.find("loc.timezone").has_value());
  EXPECT_FALSE(empty.find("cam.mount").has_value());
  // The file's own further columns come behind the known ones of their table.
  ASSERT_TRUE(schema.find("cam.mount").has_value());
  EXPECT_EQ(schema.columns[*schema.find("cam.mount") + 1].name, "loc.location_id");
  EXPECT_EQ(schema.columns.size(), empty.columns.size() + 1);
  Join join(detection_schema(), tables, empty);
  EXPECT_EQ(join.schema(), empty);
}

TEST_F(JoinTest, fills_in_the_types_of_the_schema) {
  Join join(detection_schema(), tables, schema);
  ASSERT_TRUE(join.set_version(0, cameras).has_value());
  ASSERT_TRUE(join.set_version(1, locations).has_value());
  add_event("c1", "gate-2");
  const ColumnBatch& rows = fill(join, events, all);
  EXPECT_EQ(rows.row_count(), 1u);
  EXPECT_EQ(value(rows, "camera_id", 0), "c1");
  EXPECT_EQ(value(rows, "cam.name", 0), "North");
  EXPECT_EQ(value(rows, "cam.heading_deg", 0), "12.5");
  EXPECT_EQ(value(rows, "cam.frame_w", 0), "1920");
  EXPECT_EQ(value(rows, "cam.enabled", 0), "true");
  EXPECT_EQ(value(rows, "cam.mount", 0), "pole");
  EXPECT_EQ(value(rows, "cam.vendor", 0), "<null>");
  EXPECT_EQ(value(rows, "loc.name", 0), "South gate");
  EXPECT_EQ(value(rows, "loc.lat", 0), "-33");
  EXPECT_EQ(value(rows, "loc.capacity", 0), "<null>");
  EXPECT_EQ(value(rows, "loc.valid_from", 0), "2026-01-01T00:00:00.000000Z");
}

TEST_F(JoinTest, takes_the_cameras_location_where_the_event_names_none) {
  Join join(detection_schema(), tables, schema);
  ASSERT_TRUE(join.set_version(0, cameras).has_value());
  ASSERT_TRUE(join.set_version(1, locations).has_value());
  add_event("c1", "");
  add_event("c2", "");
  add_event("c9", "gate-1");
  add_event("c3", "");
  const ColumnBatch& rows = fill(join, events, all);
  EXPECT_EQ(value(rows, "location_id", 0), "gate-1");
  EXPECT_EQ(value(rows, "loc.name", 0), "North gate");
  EXPECT_EQ(value(rows, "location_id", 1), "<null>");
  EXPECT_EQ(value(rows, "loc.name", 1), "<null>");
  EXPECT_EQ(value(rows, "cam.name", 2), "<null>");
  EXPECT_EQ(value(rows, "loc.name", 2), "North gate");
  EXPECT_EQ(value(rows, "location_id", 3), "nowhere");
  EXPECT_EQ(value(rows, "loc.name", 3), "<null>");
  EXPECT_EQ(join.unknown_keys(0).events_by_key.at("c9"), 1u);
  EXPECT_EQ(join.unknown_keys(1).events_by_key.at("nowhere"), 1u);
  EXPECT_EQ(join.unknown_keys(1).events_by_key.size(), 1u);
}

TEST_F(JoinTest, fills_only_what_is_needed) {
  Join join(detection_schema(), tables, schema);
  ASSERT_TRUE(join.set_version(0, cameras).has_value());
  ASSERT_TRUE(join.set_version(1, locations).has_value());
  add_event("c1", "");
  add_event("c9", "");
  std::vector<bool> needed(schema.columns.size(), false);
  needed[*schema.find("loc.name")] = true;
  const ColumnBatch& place = fill(join, events, needed);
  EXPECT_EQ(value(place, "loc.name", 0), "North gate");
  EXPECT_EQ(value(place, "cam.name", 0), "<null>");
  EXPECT_EQ(value(place, "camera_id", 0), "<null>");
  EXPECT_EQ(place.row_count(), 2u);
  EXPECT_EQ(place.columns[*schema.find("camera_id")].row_count(), 0u);
  needed.assign(needed.size(), false);
  needed[*schema.find("location_id")] = true;
  const ColumnBatch& id = fill(join, events, needed);
  EXPECT_EQ(value(id, "location_id", 0), "gate-1");
  EXPECT_EQ(value(id, "loc.name", 0), "<null>");
}

TEST_F(JoinTest, versions_change_between_batches_and_the_schema_does_not) {
  Join join(detection_schema(), tables, schema);
  add_event("c1", "gate-1");
  const ColumnBatch& before = fill(join, events, all);
  EXPECT_EQ(value(before, "cam.name", 0), "<null>");
  EXPECT_TRUE(join.unknown_keys(0).events_by_key.empty());
  ASSERT_TRUE(join.set_version(0, cameras).has_value());
  EXPECT_EQ(value(fill(join, events, all), "cam.name", 0), "North");
  // Fewer columns, more columns, another type.
  auto later = texts("cameras", "camera_id,name,frame_w,colour", {"c1,Renamed,1280,red"});
  ASSERT_TRUE(join.set_version(0, later).has_value());
  const ColumnBatch& after = fill(join, events, all);
  EXPECT_EQ(value(after, "cam.name", 0), "Renamed");
  EXPECT_EQ(value(after, "cam.frame_w", 0), "1280");
  EXPECT_EQ(value(after, "cam.mount", 0), "<null>");
  EXPECT_EQ(join.schema(), schema);
  ASSERT_TRUE(join.set_version(0, nullptr).has_value());
  EXPECT_EQ(value(fill(join, events, all), "cam.name", 0), "<null>");
}

TEST_F(JoinTest, a_version_that_does_not_fit_is_refused_and_the_old_one_stays) {
  Join join(detection_schema(), tables, schema);
  ASSERT_TRUE(join.set_version(0, cameras).has_value());
  auto bad = texts("cameras", "camera_id,name,heading_deg", {"c1,X,90", "c2,Y,north"});
  Status refused = join.check(0, *bad);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().number(), 1311);
  EXPECT_THAT(refused.error().message(),
              HasSubstr("cameras: column heading_deg: row 2: \"north\" cannot become DOUBLE"));
  EXPECT_FALSE(join.set_version(0, bad).has_value());
  add_event("c1", "");
  EXPECT_EQ(value(fill(join, events, all), "cam.name", 0), "North");
}

TEST_F(JoinTest, unknown_keys_are_bounded) {
  Join join(detection_schema(), tables, schema);
  ASSERT_TRUE(join.set_version(0, cameras).has_value());
  std::vector<std::string> names;
  for (int i = 0; i < 1500; ++i) names.push_back(fmt::format("x{}", i));
  for (const std::string& name : names) {
    for (std::size_t c = 0; c < events.columns.size(); ++c) {
      if (c == 1)
        events.columns[c].append(std::string_view(name));
      else
        events.columns[c].append_null();
    }
  }
  fill(join, events, all);
  EXPECT_EQ(join.unknown_keys(0).events_by_key.size(), UnknownKeys::kKeysMax);
  EXPECT_EQ(join.unknown_keys(0).other_events, 500u);
}

TEST(ColumnConvertTest, is_exact_or_says_no) {
  TextArena texts;
  auto converted = [&](auto value, ColumnType from, ColumnType to) -> std::string {
    ColumnVector column(from);
    column.append(value);
    auto result = convert_column(column, to, texts);
    return result ? value_text(**result, 0) : "no";
  };
  using enum ColumnType;
  EXPECT_EQ(converted(std::int64_t{-7}, kInt64, kText), "-7");
  EXPECT_EQ(converted(~std::uint64_t{0}, kUInt64, kText), "18446744073709551615");
  EXPECT_EQ(converted(std::int64_t{300}, kInt64, kUInt8), "no");
  EXPECT_EQ(converted(std::int64_t{-1}, kInt64, kUInt64), "no");
  EXPECT_EQ(converted(1.0, kDouble, kInt32), "1");
  EXPECT_EQ(converted(1.5, kDouble, kInt32), "no");
  EXPECT_EQ(converted(1e300, kDouble, kInt64), "no");
  EXPECT_EQ(converted(std::int32_t{3}, kInt32, kDouble), "3");
  EXPECT_EQ(converted(std::string_view("12x"), kText, kInt64), "no");
  EXPECT_EQ(converted(std::string_view("12"), kText, kInt16), "12");
  EXPECT_EQ(converted(std::string_view("yes"), kText, kBool), "no");
  EXPECT_EQ(converted(std::int64_t{1}, kInt64, kBool), "true");
  EXPECT_EQ(converted(std::int64_t{2}, kInt64, kBool), "no");
  EXPECT_EQ(converted(std::int32_t{20'454}, kDate, kTimestamp), "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(converted(std::int32_t{2'147'483'647}, kDate, kTimestamp), "no");
  EXPECT_EQ(converted(std::int32_t{2'147'483'647}, kDate, kText), "day 2147483647");
  EXPECT_EQ(converted(std::numeric_limits<std::int64_t>::max(), kTimestamp, kText),
            "microsecond 9223372036854775807");
  EXPECT_EQ(converted(std::string_view("2026-01-01T00:00:00"), kText, kTimestamp), "no");
  EXPECT_EQ(converted(std::string_view(""), kText, kInt64), "");
  EXPECT_EQ(converted(EventId{1, 2}, kUuid, kText), "00000000-0000-0001-0000-000000000002");
  EXPECT_EQ(converted(EventId{1, 2}, kUuid, kInt64), "no");
  EXPECT_FALSE(can_convert(kBlob, kText));
}

}  // namespace
}  // namespace freshet::pipeline

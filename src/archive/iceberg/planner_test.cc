#include "archive/iceberg/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "archive/iceberg/test_table.h"

namespace freshet::archive::iceberg {
namespace {

using test::data_file;
using test::kDayUs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

Predicate time_between(std::int64_t first, std::int64_t last) {
  return {{{"event_time", first, last}}, {}};
}
Predicate camera(std::string name) {
  return {{}, {{"camera_id", std::move(name)}}};
}
Predicate positions(std::int64_t first, std::int64_t last) {
  return {{{"position", first, last}}, {}};
}

class PlannerTest : public testing::Test {
 protected:
  PlannerTest() {
    // Day 10, cameras b to d, positions 1 to 100; day 11, cameras f to h, positions 90 to 200.
    manifest_.head = test::head_of(table_);
    manifest_.entries = {
        test::added(data_file("ten", {10 * kDayUs + 100, 10 * kDayUs + 900, "b", "d", 1, 100})),
        test::added(
            data_file("eleven", {11 * kDayUs + 100, 11 * kDayUs + 900, "f", "h", 90, 200}))};
  }

  std::vector<std::string> files(Predicate predicate) {
    std::vector<std::string> paths;
    Planner planner(table_, std::move(predicate));
    std::vector<DataFile> selected = *planner.select_files(manifest_);
    for (const DataFile& file : selected) paths.push_back(file.path);
    return paths;
  }

  TableMetadata table_ = test::detections_table();
  Manifest manifest_;
};

TEST_F(PlannerTest, WithoutConditionsEverythingIsRead) {
  EXPECT_THAT(files({}), ElementsAre("ten", "eleven"));
}

TEST_F(PlannerTest, TimeLeavesOutByDayAndByBounds) {
  EXPECT_THAT(files(time_between(10 * kDayUs, 11 * kDayUs - 1)), ElementsAre("ten"));
  EXPECT_THAT(files(time_between(10 * kDayUs + 900, 11 * kDayUs + 100)),
              ElementsAre("ten", "eleven"));
  EXPECT_THAT(files(time_between(10 * kDayUs + 901, 11 * kDayUs + 99)), ElementsAre());
  EXPECT_THAT(files(time_between(kMin, kMax)), ElementsAre("ten", "eleven"));
  EXPECT_THAT(files(time_between(11 * kDayUs, kMax)), ElementsAre("eleven"));
}

TEST_F(PlannerTest, TheDayAloneLeavesOutWhereBoundsAreMissing) {
  for (ManifestEntry& entry : manifest_.entries) {
    entry.file.lower_bounds.clear();
    entry.file.upper_bounds.clear();
  }
  EXPECT_THAT(files(time_between(10 * kDayUs + 901, 11 * kDayUs - 1)), ElementsAre("ten"));
  EXPECT_THAT(files(camera("zebra")), ElementsAre("ten", "eleven"));
}

TEST_F(PlannerTest, ACameraLeavesOutByBounds) {
  EXPECT_THAT(files(camera("b")), ElementsAre("ten"));
  EXPECT_THAT(files(camera("c-7")), ElementsAre("ten"));
  EXPECT_THAT(files(camera("a")), ElementsAre());
  EXPECT_THAT(files(camera("e")), ElementsAre());
  EXPECT_THAT(files(camera("h")), ElementsAre("eleven"));
  EXPECT_THAT(files(camera("ha")), ElementsAre());
}

TEST_F(PlannerTest, ABoundThatWasCutStillHoldsItsText) {
  std::string name = "camera-with-a-very-long-name";
  DataFile file = data_file("long", {0, 0, name, name});
  manifest_.entries = {test::added(file)};
  EXPECT_THAT(files(camera(name)), ElementsAre("long"));
  EXPECT_THAT(files(camera("camera-with-a-zebra")), ElementsAre());
}

TEST_F(PlannerTest, PositionsLeaveOutByBounds) {
  EXPECT_THAT(files(positions(0, 89)), ElementsAre("ten"));
  EXPECT_THAT(files(positions(90, 100)), ElementsAre("ten", "eleven"));
  EXPECT_THAT(files(positions(101, kMax)), ElementsAre("eleven"));
  EXPECT_THAT(files(positions(201, kMax)), ElementsAre());
}

TEST_F(PlannerTest, AllConditionsMustHold) {
  Predicate both = time_between(10 * kDayUs, 12 * kDayUs);
  both.texts = camera("g").texts;
  EXPECT_THAT(files(both), ElementsAre("eleven"));
  both.ranges.push_back({"position", 0, 50});
  EXPECT_THAT(files(both), ElementsAre());
}

TEST_F(PlannerTest, WhatTheTableLacksOrIsOfAnotherTypeRulesNothingOut) {
  Predicate odd{{{"nothing", 5, 6}, {"camera_id", 5, 6}}, {{"position", "x"}, {"nowhere", "x"}}};
  EXPECT_THAT(files(odd), ElementsAre("ten", "eleven"));
}

TEST_F(PlannerTest, AColumnOfNullsIsInNoRange) {
  DataFile& file = manifest_.entries[0].file;
  file.null_value_counts[test::kPosition] = file.value_counts[test::kPosition];
  file.lower_bounds.erase(test::kPosition);
  file.upper_bounds.erase(test::kPosition);
  EXPECT_THAT(files(positions(kMin, kMax)), ElementsAre("eleven"));
  file.partition = {Value()};
  EXPECT_THAT(files(time_between(kMin, kMax)), ElementsAre("eleven"));
}

TEST_F(PlannerTest, DeletedFilesAreNotRead) {
  manifest_.entries[0].status = EntryStatus::kDeleted;
  manifest_.entries[1].status = EntryStatus::kExisting;
  EXPECT_THAT(files({}), ElementsAre("eleven"));
}

TEST_F(PlannerTest, BoundsThatCannotBeReadProveNothing) {
  manifest_.entries[0].file.lower_bounds[test::kPosition] = "xyz";
  manifest_.entries[0].file.upper_bounds[test::kPosition] = "";
  EXPECT_THAT(files(positions(1'000, 2'000)), ElementsAre("ten"));
  manifest_.entries[0].file.partition = {Value("a text where a day should be")};
  EXPECT_THAT(files(positions(1'000, 2'000)), ElementsAre("ten"));
}

TEST_F(PlannerTest, ManifestsAreLeftOutByTheirSummaries) {
  ManifestFile listed = write_manifest("m", 1, manifest_.head, manifest_.entries)->listed;
  auto selected = [&](Predicate predicate) {
    Planner planner(table_, std::move(predicate));
    return planner.select_manifests({&listed, 1})->size();
  };
  EXPECT_EQ(selected({}), 1u);
  EXPECT_EQ(selected(time_between(kMin, 10 * kDayUs - 1)), 0u);
  EXPECT_EQ(selected(time_between(kMin, 10 * kDayUs)), 1u);
  EXPECT_EQ(selected(time_between(12 * kDayUs, kMax)), 0u);
  EXPECT_EQ(selected(time_between(12 * kDayUs - 1, kMax)), 1u);
  EXPECT_EQ(selected(camera("zebra")), 1u);
  listed.partition_spec_id = 77;
  EXPECT_EQ(selected(time_between(12 * kDayUs, kMax)), 1u);
}

TEST_F(PlannerTest, BucketsAndIdentitiesLeaveOutByText) {
  table_.partition_specs[0].fields = {
      {test::kCameraId, 1000, "camera_bucket", {TransformKind::kBucket, 16}},
      {test::kCameraId, 1001, "camera", {TransformKind::kIdentity, 0}}};
  manifest_.head = test::head_of(table_);
  DataFile file = data_file("one", {0, 0, "a", "z"});
  file.partition = {Value(std::int64_t{bucket_of_bytes("cam", 16)}), Value("cam")};
  manifest_.entries = {test::added(file)};
  EXPECT_THAT(files(camera("cam")), ElementsAre("one"));
  EXPECT_THAT(files(camera("cam2")), ElementsAre());
  ManifestFile listed = write_manifest("m", 1, manifest_.head, manifest_.entries)->listed;
  EXPECT_TRUE(Planner(table_, camera("cam")).may_match(listed));
  EXPECT_FALSE(Planner(table_, camera("cam2")).may_match(listed));
  // The bucket alone.
  table_.partition_specs[0].fields.pop_back();
  manifest_.head = test::head_of(table_);
  manifest_.entries[0].file.partition.pop_back();
  std::string other = "x";
  while (bucket_of_bytes(other, 16) == bucket_of_bytes("cam", 16)) other += "x";
  EXPECT_THAT(files(camera(other)), ElementsAre());
}

TEST_F(PlannerTest, HoursLeaveOutToo) {
  table_ = test::detections_table(TimePartition::kHour);
  manifest_.head = test::head_of(table_);
  DataFile file = data_file("hour", {});
  file.partition = {Value(std::int64_t{-1})};
  file.lower_bounds.clear();
  file.upper_bounds.clear();
  manifest_.entries = {test::added(file)};
  EXPECT_THAT(files(time_between(-1, -1)), ElementsAre("hour"));
  EXPECT_THAT(files(time_between(kMin, kMax)), ElementsAre("hour"));
  EXPECT_THAT(files(time_between(0, 5)), ElementsAre());
}

TEST_F(PlannerTest, RowLevelDeletesAreNotReadOver) {
  ManifestFile listed;
  listed.content = ManifestContent::kDeletes;
  auto manifests = Planner(table_, {}).select_manifests({&listed, 1});
  ASSERT_FALSE(manifests.has_value());
  EXPECT_EQ(manifests.error().number(), 3615);
  manifest_.entries[1].file.content = FileContent::kEqualityDeletes;
  auto selected = Planner(table_, {}).select_files(manifest_);
  ASSERT_FALSE(selected.has_value());
  EXPECT_EQ(selected.error().number(), 3615);
  EXPECT_THAT(selected.error().message(), HasSubstr("eleven"));
}

TEST_F(PlannerTest, AFileSaysWhichPositionsItCovers) {
  const Field& position = *table_.current_schema().find("position");
  EXPECT_EQ(value_range(manifest_.entries[1].file, position), (ValueRange{90, 200}));
  manifest_.entries[1].file.lower_bounds.erase(position.id);
  EXPECT_EQ(value_range(manifest_.entries[1].file, position), std::nullopt);
}

}  // namespace
}  // namespace freshet::archive::iceberg

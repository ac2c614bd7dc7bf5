#include "archive/iceberg/table_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "archive/iceberg/test_table.h"

namespace freshet::archive::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

NewSnapshot append(const TableMetadata& table, std::int64_t id, FileTotals added) {
  NewSnapshot snapshot;
  snapshot.snapshot_id = id;
  snapshot.parent_snapshot_id = table.current_snapshot_id;
  snapshot.manifest_list = "s3://bucket/" + std::to_string(id) + ".avro";
  snapshot.added = added;
  return snapshot;
}

// Snapshots 1 … count, a thousand milliseconds apart.
TableMetadata table_with(std::int64_t count) {
  TableMetadata table = test::detections_table();
  for (std::int64_t id = 1; id <= count; ++id) {
    table = *add_snapshot(table, append(table, id, {1, 10, 100}), 1'000 * id);
  }
  return table;
}

std::vector<std::int64_t> ids(const std::vector<Snapshot>& snapshots) {
  std::vector<std::int64_t> found;
  for (const Snapshot& snapshot : snapshots) found.push_back(snapshot.snapshot_id);
  return found;
}

std::vector<std::int64_t> logged(const TableMetadata& table) {
  std::vector<std::int64_t> found;
  for (const SnapshotLogEntry& entry : table.snapshot_log) found.push_back(entry.snapshot_id);
  return found;
}

TEST(TableChanges, AnAppendBecomesTheCurrentSnapshot) {
  TableMetadata table = test::detections_table();
  NewSnapshot first = append(table, 17, {2, 30, 400});
  first.extra = {{std::string(kPositionsKey), "{\"0\":7}"}, {std::string(kExpectedKey), "{}"}};
  table = *add_snapshot(table, first, 5'000);
  EXPECT_EQ(table.current_snapshot_id, 17);
  EXPECT_EQ(table.references["main"].snapshot_id, 17);
  EXPECT_EQ(table.last_sequence_number, 1);
  EXPECT_EQ(table.last_updated_ms, 5'000);
  const Snapshot& snapshot = *table.current_snapshot();
  EXPECT_EQ(snapshot.sequence_number, 1);
  EXPECT_EQ(snapshot.timestamp_ms, 5'000);
  EXPECT_EQ(snapshot.schema_id, 0);
  EXPECT_EQ(snapshot.parent_snapshot_id, std::nullopt);
  EXPECT_EQ(snapshot.summary, (Properties{{"operation", "append"},
                                          {"added-data-files", "2"},
                                          {"added-records", "30"},
                                          {"added-files-size", "400"},
                                          {"total-data-files", "2"},
                                          {"total-records", "30"},
                                          {"total-files-size", "400"},
                                          {"total-delete-files", "0"},
                                          {"total-position-deletes", "0"},
                                          {"total-equality-deletes", "0"},
                                          {"freshet.positions", "{\"0\":7}"},
                                          {"freshet.expected", "{}"}}));
  EXPECT_EQ(*parse_metadata(write_metadata(table)), table);
}

TEST(TableChanges, TotalsCountOnFromTheParent) {
  TableMetadata table = table_with(3);
  NewSnapshot replace = append(table, 4, {1, 20, 150});
  replace.operation = Operation::kReplace;
  replace.deleted = {2, 20, 200};
  table = *add_snapshot(table, replace, 9'000);
  const Properties& summary = table.current_snapshot()->summary;
  EXPECT_EQ(summary.at("operation"), "replace");
  EXPECT_EQ(summary.at("deleted-data-files"), "2");
  EXPECT_EQ(summary.at("deleted-records"), "20");
  EXPECT_EQ(summary.at("removed-files-size"), "200");
  EXPECT_EQ(summary.at("total-data-files"), "2");
  EXPECT_EQ(summary.at("total-records"), "30");
  EXPECT_EQ(summary.at("total-files-size"), "250");
  EXPECT_EQ(table.current_snapshot()->parent_snapshot_id, 3);
  EXPECT_THAT(logged(table), ElementsAre(1, 2, 3, 4));
}

TEST(TableChanges, ATotalThatTheParentDoesNotSayStaysUnknown) {
  TableMetadata table = table_with(1);
  table.snapshots[0].summary.erase("total-records");
  table = *add_snapshot(table, append(table, 2, {1, 10, 100}), 3'000);
  EXPECT_EQ(table.current_snapshot()->summary.count("total-records"), 0u);
  table.snapshots[1].summary["total-files-size"] = "9223372036854775807";
  TableMetadata full = *add_snapshot(table, append(table, 3, {1, 10, 100}), 3'000);
  EXPECT_EQ(full.current_snapshot()->summary.count("total-files-size"), 0u);
  EXPECT_EQ(table.current_snapshot()->summary.at("total-data-files"), "2");
}

TEST(TableChanges, ACommitOnATableThatMovedOnIsRefused) {
  TableMetadata table = table_with(2);
  NewSnapshot late = append(table, 3, {1, 10, 100});
  late.parent_snapshot_id = 1;
  auto changed = add_snapshot(table, late, 5'000);
  ASSERT_FALSE(changed.has_value());
  EXPECT_EQ(changed.error().number(), 3613);
  EXPECT_THAT(changed.error().message(), HasSubstr("built on snapshot 1, the table is at 2"));
  late.parent_snapshot_id.reset();
  EXPECT_EQ(add_snapshot(table, late, 5'000).error().number(), 3613);
  EXPECT_EQ(add_snapshot(table, append(table, 1, {}), 5'000).error().number(), 3613);
  EXPECT_EQ(add_snapshot(table, append(table, 0, {}), 5'000).error().number(), 3613);
}

TEST(TableChanges, FilesFitTheOperation) {
  TableMetadata table = table_with(2);
  auto refused = [&](Operation operation, FileTotals added, FileTotals deleted) {
    NewSnapshot snapshot = append(table, 3, added);
    snapshot.operation = operation;
    snapshot.deleted = deleted;
    auto changed = add_snapshot(table, snapshot, 5'000);
    return !changed && changed.error().number() == 3614;
  };
  EXPECT_TRUE(refused(Operation::kAppend, {1, 10, 100}, {1, 10, 100}));
  EXPECT_TRUE(refused(Operation::kReplace, {1, 19, 100}, {2, 20, 200}));
  EXPECT_FALSE(refused(Operation::kReplace, {1, 20, 100}, {2, 20, 200}));
  EXPECT_TRUE(refused(Operation::kDelete, {1, 10, 100}, {1, 10, 100}));
  EXPECT_FALSE(refused(Operation::kDelete, {}, {1, 10, 100}));
  EXPECT_FALSE(refused(Operation::kOverwrite, {1, 9, 90}, {1, 10, 100}));
  EXPECT_TRUE(refused(Operation::kOverwrite, {}, {3, 30, 300}));
}

TEST(TableChanges, TimeDoesNotGoBackWhereTheClockDoes) {
  TableMetadata table = table_with(2);
  table = *add_snapshot(table, append(table, 3, {}), 10);
  EXPECT_EQ(table.current_snapshot()->timestamp_ms, 2'000);
  EXPECT_EQ(table.last_updated_ms, 2'000);
}

TEST(TableChanges, ASchemaGrowsUnderANewId) {
  TableMetadata table = table_with(1);
  freshet::Schema columns = test::detections();
  EXPECT_EQ(*set_schema(table, columns, 9'000), table);
  columns.columns.push_back({"zone", ColumnType::kText});
  TableMetadata next = *set_schema(table, columns, 9'000);
  EXPECT_EQ(next.schemas.size(), 2u);
  EXPECT_EQ(next.current_schema_id, 1);
  EXPECT_EQ(next.last_column_id, table.last_column_id + 1);
  EXPECT_EQ(next.current_schema().find("zone")->id, next.last_column_id);
  EXPECT_EQ(next.snapshots[0].schema_id, 0);
  // An id that another schema has, although it is not the current one, is not given again.
  next.current_schema_id = 0;
  EXPECT_EQ(set_schema(next, columns, 9'000)->current_schema_id, 2);
  columns.columns.erase(columns.columns.begin());
  EXPECT_EQ(set_schema(table, columns, 9'000).error().number(), 3603);
}

TEST(TableChanges, PropertiesAreSetAndRemoved) {
  TableMetadata table = test::detections_table();
  table = set_properties(table, {{"a", "1"}, {"b", "2"}}, {}, 2'000);
  std::vector<std::string> removed{"a", "never there"};
  table = set_properties(table, {{"b", "3"}}, removed, 3'000);
  EXPECT_EQ(table.properties, (Properties{{"b", "3"}}));
  EXPECT_EQ(table.last_updated_ms, 3'000);
}

TEST(TableChanges, OldSnapshotsExpireAndAreNamed) {
  Expired expired = expire_snapshots(table_with(5), {3'500, 1, {}}, 9'000);
  EXPECT_THAT(ids(expired.snapshots), ElementsAre(1, 2, 3));
  EXPECT_THAT(ids(expired.table.snapshots), ElementsAre(4, 5));
  EXPECT_THAT(logged(expired.table), ElementsAre(4, 5));
  EXPECT_EQ(expired.table.last_updated_ms, 9'000);
  EXPECT_EQ(*parse_metadata(write_metadata(expired.table)), expired.table);
  // What is left can be built upon.
  EXPECT_TRUE(add_snapshot(expired.table, append(expired.table, 6, {1, 1, 1}), 9'500).has_value());
}

TEST(TableChanges, WhatIsReferredToPinnedOrAmongTheNewestStays) {
  TableMetadata table = table_with(5);
  table.references["audit"] = {1, "tag", {}};
  Expired expired = expire_snapshots(table, {100'000, 2, {3}}, 9'000);
  EXPECT_THAT(ids(expired.snapshots), ElementsAre(2));
  EXPECT_THAT(ids(expired.table.snapshots), ElementsAre(1, 3, 4, 5));
  // Before a gap nobody could say what was current.
  EXPECT_THAT(logged(expired.table), ElementsAre(3, 4, 5));
  Expired all = expire_snapshots(table_with(3), {100'000, 0, {}}, 9'000);
  EXPECT_THAT(ids(all.table.snapshots), ElementsAre(3));
}

TEST(TableChanges, NothingToExpireChangesNothing) {
  TableMetadata table = table_with(3);
  Expired expired = expire_snapshots(table, {0, 1, {}}, 9'000);
  EXPECT_TRUE(expired.snapshots.empty());
  EXPECT_EQ(expired.table, table);
  EXPECT_TRUE(expire_snapshots(test::detections_table(), {9'000, 1, {}}, 1).snapshots.empty());
}

TEST(TableChanges, StatisticsLeaveWithTheirSnapshot) {
  TableMetadata table = table_with(2);
  table.unknown.push_back(
      {"statistics", *parse_json(R"([{"snapshot-id":1,"p":"a"},{"snapshot-id":2,"p":"b"}])")});
  Expired expired = expire_snapshots(table, {1'500, 1, {}}, 9'000);
  EXPECT_EQ(write_json(expired.table.unknown[0].value), R"([{"snapshot-id":2,"p":"b"}])");
}

TEST(TableChanges, TheMetadataLogIsBounded) {
  TableMetadata table = test::detections_table();
  for (int i = 0; i < 150; ++i) {
    table = record_previous_metadata(table, "v" + std::to_string(i), i);
  }
  EXPECT_EQ(table.metadata_log.size(), 100u);
  EXPECT_EQ(table.metadata_log.back(), (MetadataLogEntry{149, "v149"}));
  for (const auto& [wanted, kept] : Properties{{"2", "2"}, {"0", "1"}, {"-5", "1"}, {"x", "100"}}) {
    table.properties["write.metadata.previous-versions-max"] = wanted;
    EXPECT_EQ(std::to_string(record_previous_metadata(table, "v", 1).metadata_log.size()), kept);
  }
}

}  // namespace
}  // namespace freshet::archive::iceberg

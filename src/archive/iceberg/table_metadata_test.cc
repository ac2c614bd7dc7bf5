#include "archive/iceberg/table_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "archive/iceberg/test_table.h"

namespace freshet::archive::iceberg {
namespace {

using ::testing::HasSubstr;

// As another engine might write it, with members that we do not know at every level.
constexpr const char* kForeign = R"({
  "format-version": 2,
  "table-uuid": "fb072c92-a02b-11e9-ae9c-1bb7bc9eca94",
  "location": "s3://bucket/table",
  "last-sequence-number": 34,
  "last-updated-ms": 1602638573590,
  "last-column-id": 3,
  "current-schema-id": 1,
  "schemas": [
    {"type": "struct", "schema-id": 0,
     "fields": [{"id": 1, "name": "x", "required": true, "type": "long"}]},
    {"type": "struct", "schema-id": 1, "identifier-field-ids": [1],
     "fields": [{"id": 1, "name": "x", "required": true, "type": "long", "doc": "the x"},
                {"id": 2, "name": "t", "required": false, "type": "timestamptz"}]}],
  "default-spec-id": 1,
  "partition-specs": [
    {"spec-id": 0, "fields": []},
    {"spec-id": 1, "fields": [
      {"name": "x_bucket", "transform": "bucket[16]", "source-id": 1, "field-id": 1000},
      {"name": "t_hour", "transform": "hour", "source-id": 2, "field-id": 1001}]}],
  "last-partition-id": 1001,
  "default-sort-order-id": 3,
  "sort-orders": [{"order-id": 3, "fields": [
    {"transform": "identity", "source-id": 2, "direction": "asc", "null-order": "nulls-first"},
    {"transform": "truncate[4]", "source-id": 1, "direction": "desc", "null-order": "nulls-last"}]}],
  "properties": {"read.split.target.size": "134217728"},
  "current-snapshot-id": 3055729675574597004,
  "refs": {"main": {"snapshot-id": 3055729675574597004, "type": "branch",
                    "max-ref-age-ms": 10000000},
           "old": {"snapshot-id": 3051729675574597004, "type": "tag"}},
  "snapshots": [
    {"snapshot-id": 3051729675574597004, "timestamp-ms": 1515100955770, "sequence-number": 0,
     "summary": {"operation": "append"}, "manifest-list": "s3://a/b/1.avro"},
    {"snapshot-id": 3055729675574597004, "parent-snapshot-id": 3051729675574597004,
     "timestamp-ms": 1555100955770, "sequence-number": 1, "summary": {"operation": "append"},
     "manifest-list": "s3://a/b/2.avro", "schema-id": 1, "first-row-id": 7}],
  "snapshot-log": [{"snapshot-id": 3051729675574597004, "timestamp-ms": 1515100955770},
                   {"snapshot-id": 3055729675574597004, "timestamp-ms": 1555100955770}],
  "metadata-log": [{"metadata-file": "s3://bucket/.../v1.json", "timestamp-ms": 1515100}],
  "statistics": [{"snapshot-id": 3055729675574597004, "statistics-path": "s3://a/b/stats.puffin"}],
  "vendor": {"deep": [1, 2.5, null, {"x": true}]}
})";

std::string with(std::string text, std::string_view what, std::string_view by) {
  std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  if (at != std::string::npos) text.replace(at, what.size(), by);
  return text;
}

TEST(TableMetadata, AnotherEnginesTableIsReadWhole) {
  auto table = parse_metadata(kForeign);
  ASSERT_TRUE(table.has_value()) << table.error().message();
  EXPECT_EQ(table->table_uuid, "fb072c92-a02b-11e9-ae9c-1bb7bc9eca94");
  EXPECT_EQ(table->last_sequence_number, 34);
  EXPECT_EQ(table->current_schema().find("t")->type.kind, TypeKind::kTimestamptz);
  EXPECT_EQ(table->default_spec().fields[0].transform, (Transform{TransformKind::kBucket, 16}));
  EXPECT_EQ(table->default_spec().fields[1].transform.kind, TransformKind::kHour);
  EXPECT_EQ(table->sort_orders[0].fields[1].transform, (Transform{TransformKind::kTruncate, 4}));
  EXPECT_TRUE(table->sort_orders[0].fields[1].descending);
  EXPECT_EQ(table->current_snapshot()->parent_snapshot_id, 3051729675574597004);
  EXPECT_EQ(table->references["old"].type, "tag");
  EXPECT_EQ(table->metadata_log[0].timestamp_ms, 1515100);
}

TEST(TableMetadata, WhatIsReadIsWrittenWithAllThatIsNotKnown) {
  TableMetadata table = *parse_metadata(kForeign);
  std::string text = write_metadata(table);
  for (const char* kept :
       {R"("vendor":{"deep":[1,2.5,null,{"x":true}]})", R"("statistics":[{"snapshot-id")",
        R"("first-row-id":7)", R"("max-ref-age-ms":10000000)", R"("identifier-field-ids":[1])",
        R"("doc":"the x")"}) {
    EXPECT_THAT(text, HasSubstr(kept));
  }
  auto again = parse_metadata(text);
  ASSERT_TRUE(again.has_value()) << again.error().message();
  EXPECT_EQ(*again, table);
  EXPECT_EQ(write_metadata(*again), text);
}

TEST(TableMetadata, ANewTablesTextIsThis) {
  NewTable table;
  table.table_uuid = "9c12d441-03fe-4693-9a96-a0705ddf69c1";
  table.location = "file:///t";
  table.schema = *new_schema({{{"t", ColumnType::kTimestamp}}});
  table.spec = *partition_by_time(table.schema.schema, "t", TimePartition::kHour);
  table.sort_order = *sort_by(table.schema.schema, {"t"});
  table.properties = {{"write.parquet.compression-codec", "zstd"}};
  EXPECT_EQ(
      write_metadata(new_table(std::move(table), 1'515'100'955'770)),
      R"({"format-version":2,"table-uuid":"9c12d441-03fe-4693-9a96-a0705ddf69c1",)"
      R"("location":"file:///t","last-sequence-number":0,"last-updated-ms":1515100955770,)"
      R"("last-column-id":1,"current-schema-id":0,"schemas":[{"type":"struct","schema-id":0,)"
      R"("fields":[{"id":1,"name":"t","required":false,"type":"timestamptz"}]}],)"
      R"("default-spec-id":0,"partition-specs":[{"spec-id":0,"fields":[{"source-id":1,)"
      R"("field-id":1000,"name":"t_hour","transform":"hour"}]}],"last-partition-id":1000,)"
      R"("default-sort-order-id":1,"sort-orders":[{"order-id":0,"fields":[]},{"order-id":1,)"
      R"("fields":[{"source-id":1,"transform":"identity","direction":"asc",)"
      R"("null-order":"nulls-first"}]}],"properties":{"write.parquet.compression-codec":"zstd"},)"
      R"("refs":{},"snapshots":[],"snapshot-log":[],"metadata-log":[]})");
}

TEST(TableMetadata, OtherVersionsAreRefusedByNumber) {
  for (const char* version : {"1", "3", "4"}) {
    auto table = parse_metadata(
        with(kForeign, "\"format-version\": 2", std::string("\"format-version\": ") + version));
    ASSERT_FALSE(table.has_value()) << version;
    EXPECT_EQ(table.error().number(), 3601);
    EXPECT_EQ(table.error().code(), Code::kUnsupported);
    EXPECT_THAT(table.error().message(), HasSubstr(std::string("version ") + version));
  }
}

void expect_refused(std::string_view what, std::string_view by, std::string_view why) {
  auto table = parse_metadata(with(kForeign, what, by));
  ASSERT_FALSE(table.has_value()) << what;
  EXPECT_EQ(table.error().number(), 3600) << table.error().message();
  EXPECT_THAT(table.error().message(), HasSubstr(why));
}

TEST(TableMetadata, EveryRequiredMemberIsMissed) {
  for (std::string name :
       {"format-version", "table-uuid", "location", "last-sequence-number", "last-updated-ms",
        "last-column-id", "current-schema-id", "schemas", "default-spec-id", "partition-specs",
        "last-partition-id", "default-sort-order-id", "sort-orders"}) {
    expect_refused("\"" + name + "\":", "\"other\":", name);
  }
}

TEST(TableMetadata, WhatContradictsItselfIsRefused) {
  expect_refused("\"current-schema-id\": 1", "\"current-schema-id\": 5", "current schema");
  expect_refused("\"default-spec-id\": 1", "\"default-spec-id\": 5", "partition spec");
  expect_refused("\"default-sort-order-id\": 3", "\"default-sort-order-id\": 0", "sort order");
  expect_refused("\"last-column-id\": 3", "\"last-column-id\": 1", "last-column-id");
  expect_refused("\"last-partition-id\": 1001", "\"last-partition-id\": 1000", "last-partition-id");
  expect_refused("\"last-sequence-number\": 34", "\"last-sequence-number\": 0",
                 "last-sequence-number");
  expect_refused("\"last-sequence-number\": 34", "\"last-sequence-number\": 9223372036854775807",
                 "last-sequence-number");
  expect_refused("\"last-column-id\": 3", "\"last-column-id\": 2147483647", "2147483647");
  expect_refused("\"schema-id\": 0", "\"schema-id\": 2147483647", "2147483647");
  expect_refused("\"current-snapshot-id\": 3055729675574597004",
                 "\"current-snapshot-id\": 3051729675574597004", "main");
  expect_refused("\"old\": {\"snapshot-id\": 3051729675574597004", "\"old\": {\"snapshot-id\": 7",
                 "reference \"old\"");
  expect_refused("{\"snapshot-id\": 3051729675574597004, \"timestamp-ms\": 1515100955770, \"seq",
                 "{\"snapshot-id\": 3055729675574597004, \"timestamp-ms\": 1515100955770, \"seq",
                 "twice");
  expect_refused("{\"spec-id\": 0", "{\"spec-id\": 1", "twice");
  expect_refused("\"134217728\"", "134217728", "not a text");
}

TEST(TableMetadata, NoSnapshotIsWrittenInTwoWays) {
  TableMetadata table = test::detections_table();
  std::string text = write_metadata(table);
  EXPECT_EQ(*parse_metadata(text), table);
  text.insert(1, "\"current-snapshot-id\":-1,");
  EXPECT_EQ(parse_metadata(text)->current_snapshot_id, std::nullopt);
}

TEST(TableMetadata, MainIsTheCurrentSnapshotWhereNoReferenceSaysSo) {
  auto table = parse_metadata(with(kForeign, "\"refs\"", "\"former-refs\""));
  ASSERT_TRUE(table.has_value()) << table.error().message();
  EXPECT_EQ(table->references["main"].snapshot_id, 3055729675574597004);
}

TEST(TableMetadata, AnUnknownTransformIsNamed) {
  auto table = parse_metadata(with(kForeign, "bucket[16]", "zorder[16]"));
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().number(), 3608);
  EXPECT_THAT(table.error().message(), HasSubstr("zorder[16]"));
  EXPECT_EQ(transform_from_name("bucket[0]").error().number(), 3608);
  EXPECT_EQ(transform_from_name("bucket[x]").error().number(), 3608);
}

TEST(TableMetadata, CutAndChangedTextsNeverCrash) {
  std::string text = write_metadata(*parse_metadata(kForeign));
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(parse_metadata(text.substr(0, size)).error().number(), 3600);
  }
  std::size_t refused = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = '"';
    if (!parse_metadata(changed)) ++refused;
  }
  EXPECT_GT(refused, text.size() / 2);
}

TEST(TableMetadata, AFilesNameHasItsVersion) {
  EXPECT_EQ(metadata_file_name(7, "u"), "00007-u.metadata.json");
  EXPECT_EQ(metadata_file_name(123'456, "u"), "123456-u.metadata.json");
}

TEST(Partition, OnlyATimeOfTheTableCutsIt) {
  TableSchema schema = new_schema(test::detections())->schema;
  EXPECT_EQ(partition_by_time(schema, "event_time", TimePartition::kDay)->fields[0].name,
            "event_time_day");
  EXPECT_TRUE(partition_by_time(schema, "anything", TimePartition::kNone)->fields.empty());
  for (const char* column : {"camera_id", "nothing"}) {
    auto spec = partition_by_time(schema, column, TimePartition::kDay);
    ASSERT_FALSE(spec.has_value());
    EXPECT_EQ(spec.error().number(), 3605);
  }
  EXPECT_EQ(sort_by(schema, {"bbox"}).error().number(), 3605);
  EXPECT_EQ(sort_by(schema, {"nothing"}).error().number(), 3605);
  EXPECT_EQ(sort_by(schema, {})->order_id, 0);
}

}  // namespace
}  // namespace freshet::archive::iceberg

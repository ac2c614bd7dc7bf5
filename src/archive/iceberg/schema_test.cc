#include "archive/iceberg/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace freshet::archive::iceberg {
namespace {

using ::testing::HasSubstr;

freshet::Schema columns(std::vector<ColumnSchema> list) {
  return {std::move(list)};
}

freshet::Schema every_type() {
  return columns({{"flag", ColumnType::kBool},
                  {"i8", ColumnType::kInt8},
                  {"i16", ColumnType::kInt16},
                  {"i32", ColumnType::kInt32},
                  {"i64", ColumnType::kInt64},
                  {"u8", ColumnType::kUInt8},
                  {"u16", ColumnType::kUInt16},
                  {"u32", ColumnType::kUInt32},
                  {"u64", ColumnType::kUInt64},
                  {"position", ColumnType::kUInt64},
                  {"real", ColumnType::kFloat},
                  {"double", ColumnType::kDouble},
                  {"day", ColumnType::kDate},
                  {"time", ColumnType::kTimestamp},
                  {"id", ColumnType::kUuid},
                  {"bbox", ColumnType::kBox},
                  {"text", ColumnType::kText},
                  {"blob", ColumnType::kBlob}});
}

TEST(Schema, EveryColumnTypeHasAnEqual) {
  NumberedSchema made = *new_schema(every_type());
  std::vector<std::string> types, sql;
  for (const Field& field : made.schema.fields) {
    types.push_back(type_name(field.type));
    sql.push_back(*parquet_sql_type(field.type));
    EXPECT_FALSE(field.required);
  }
  EXPECT_THAT(types, testing::ElementsAre(
                         "boolean", "int", "int", "int", "long", "int", "int", "long",
                         "decimal(20, 0)", "long", "float", "double", "date", "timestamptz", "uuid",
                         "struct<x: double, y: double, w: double, h: double>", "string", "binary"));
  EXPECT_THAT(
      sql, testing::ElementsAre("BOOLEAN", "INTEGER", "INTEGER", "INTEGER", "BIGINT", "INTEGER",
                                "INTEGER", "BIGINT", "DECIMAL(20, 0)", "BIGINT", "FLOAT", "DOUBLE",
                                "DATE", "TIMESTAMP WITH TIME ZONE", "UUID",
                                "STRUCT(\"x\" DOUBLE, \"y\" DOUBLE, \"w\" DOUBLE, \"h\" DOUBLE)",
                                "VARCHAR", "BLOB"));
}

TEST(Schema, IdsFollowTheColumnsAndABoxComesBehindThem) {
  NumberedSchema made = *new_schema(columns(
      {{"id", ColumnType::kUuid}, {"bbox", ColumnType::kBox}, {"say \"hi\"", ColumnType::kText}}));
  EXPECT_EQ(made.schema.schema_id, 0);
  EXPECT_EQ(made.last_column_id, 7);
  EXPECT_EQ(made.schema.find("bbox")->id, 2);
  EXPECT_EQ(made.schema.find(4)->name, "x");
  EXPECT_EQ(parquet_field_ids(made.schema),
            "{\"id\": 1, \"bbox\": {__duckdb_field_id: 2, \"x\": 4, \"y\": 5, \"w\": 6, \"h\": 7}, "
            "\"say \"\"hi\"\"\": 3}");
}

TEST(Schema, ANewColumnGetsANewIdAndTheOthersKeepTheirs) {
  NumberedSchema first =
      *new_schema(columns({{"id", ColumnType::kUuid}, {"bbox", ColumnType::kBox}}));
  // In another order, with a new one in front.
  NumberedSchema next = *evolve_schema(
      first.schema, first.last_column_id,
      columns(
          {{"zone", ColumnType::kText}, {"bbox", ColumnType::kBox}, {"id", ColumnType::kUuid}}));
  EXPECT_EQ(next.schema.schema_id, 1);
  EXPECT_EQ(next.schema.find("id")->id, 1);
  EXPECT_EQ(next.schema.find("bbox")->id, 2);
  EXPECT_EQ(next.schema.find("zone")->id, 7);
  EXPECT_EQ(next.last_column_id, 7);
}

TEST(Schema, AnIdIsNotGivenAgainWhereAnEngineDroppedItsColumn) {
  NumberedSchema first = *new_schema(columns({{"id", ColumnType::kUuid}}));
  NumberedSchema next = *evolve_schema(
      first.schema, 9, columns({{"id", ColumnType::kUuid}, {"a", ColumnType::kText}}));
  EXPECT_EQ(next.schema.find("a")->id, 10);
}

TEST(Schema, TheSameColumnsAreTheSameSchema) {
  NumberedSchema first = *new_schema(every_type());
  NumberedSchema next = *evolve_schema(first.schema, first.last_column_id, every_type());
  EXPECT_EQ(next.schema, first.schema);
  EXPECT_EQ(next.last_column_id, first.last_column_id);
}

// What a column's type may become, and what the table's field is then; empty: refused.
std::string evolved(ColumnType from, ColumnType to) {
  NumberedSchema first = *new_schema(columns({{"c", from}}));
  auto next = evolve_schema(first.schema, first.last_column_id, columns({{"c", to}}));
  if (next) return type_name(next->schema.fields[0].type);
  EXPECT_EQ(next.error().number(), 3603);
  EXPECT_THAT(next.error().message(), HasSubstr("column \"c\""));
  return "";
}

TEST(Schema, ATypeMayGrowAndAFieldNeverShrinks) {
  EXPECT_EQ(evolved(ColumnType::kInt16, ColumnType::kInt64), "long");
  EXPECT_EQ(evolved(ColumnType::kInt64, ColumnType::kInt16), "long");
  EXPECT_EQ(evolved(ColumnType::kFloat, ColumnType::kDouble), "double");
  EXPECT_EQ(evolved(ColumnType::kDouble, ColumnType::kFloat), "double");
  EXPECT_EQ(evolved(ColumnType::kInt32, ColumnType::kUInt32), "long");
  EXPECT_EQ(evolved(ColumnType::kInt32, ColumnType::kDouble), "");
  EXPECT_EQ(evolved(ColumnType::kInt64, ColumnType::kUInt64), "");
  EXPECT_EQ(evolved(ColumnType::kText, ColumnType::kBlob), "");
  EXPECT_EQ(evolved(ColumnType::kBox, ColumnType::kText), "");
  EXPECT_EQ(evolved(ColumnType::kTimestamp, ColumnType::kDate), "");
}

TEST(Schema, AColumnThatLeavesIsNamed) {
  NumberedSchema first = *new_schema(columns({{"a", ColumnType::kText}, {"b", ColumnType::kText}}));
  auto next =
      evolve_schema(first.schema, first.last_column_id, columns({{"a", ColumnType::kText}}));
  ASSERT_FALSE(next.has_value());
  EXPECT_EQ(next.error().number(), 3603);
  EXPECT_THAT(next.error().message(), HasSubstr("\"b\""));
}

TEST(Schema, NamesThatReadersWouldConfuseAreRefused) {
  for (const char* name : {"_file", "_POS", "_row_id", ""}) {
    auto made = new_schema(columns({{name, ColumnType::kText}}));
    ASSERT_FALSE(made.has_value()) << name;
    EXPECT_EQ(made.error().number(), 3602);
  }
  auto made = new_schema(columns({{"Camera", ColumnType::kText}, {"camera", ColumnType::kText}}));
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().number(), 3602);
}

TEST(Schema, JsonIsAsTheSpecificationHasIt) {
  NumberedSchema made =
      *new_schema(columns({{"n", ColumnType::kUInt64}, {"bbox", ColumnType::kBox}}));
  made.schema.fields[1].type.fields.resize(1);
  EXPECT_EQ(write_json(schema_to_json(made.schema)),
            R"({"type":"struct","schema-id":0,"fields":[)"
            R"j({"id":1,"name":"n","required":false,"type":"decimal(20, 0)"},)j"
            R"({"id":2,"name":"bbox","required":false,"type":{"type":"struct","fields":[)"
            R"({"id":3,"name":"x","required":false,"type":"double"}]}}]})");
}

TEST(Schema, OtherEnginesSchemasSurvive) {
  std::string text =
      R"({"type":"struct","schema-id":7,"fields":[)"
      R"({"id":1,"name":"tags","required":true,"type":{"type":"list","element-id":4,)"
      R"("element":"string","element-required":false},"doc":"what a user said"},)"
      R"({"id":2,"name":"m","required":false,"type":{"type":"map","key-id":5,"key":"fixed[3]",)"
      R"("value-id":6,"value":"time","value-required":true}}],"identifier-field-ids":[1]})";
  auto schema = schema_from_json(*parse_json(text));
  ASSERT_TRUE(schema.has_value()) << schema.error().message();
  EXPECT_EQ(write_json(schema_to_json(*schema)), text);
  EXPECT_EQ(type_name(schema->fields[1].type), "map<fixed[3], time>");
  EXPECT_EQ(parquet_sql_type(schema->fields[1].type).error().number(), 3604);
  EXPECT_EQ(*parquet_sql_type(schema->fields[0].type), "VARCHAR[]");
}

TEST(Schema, WhatIsNoSchemaSaysWhy) {
  auto refused = [](const std::string& field, int number) {
    auto schema = schema_from_json(*parse_json(R"({"fields":[)" + field + "]}"));
    ASSERT_FALSE(schema.has_value()) << field;
    EXPECT_EQ(schema.error().number(), number) << field;
  };
  refused("7", 3600);
  refused(R"({"id":1,"name":"a","required":false})", 3600);
  refused(R"({"id":1,"name":"a","type":"int"})", 3600);
  refused(R"({"id":99999999999,"name":"a","required":false,"type":"int"})", 3600);
  refused(R"({"id":1,"name":"a","required":false,"type":"variant"})", 3604);
  refused(R"j({"id":1,"name":"a","required":false,"type":"decimal(39, 0)"})j", 3604);
  refused(R"j({"id":1,"name":"a","required":false,"type":"decimal(9)"})j", 3604);
  refused(R"({"id":1,"name":"a","required":false,"type":"fixed[-1]"})", 3604);
  refused(R"({"id":1,"name":"a","required":false,"type":{"type":"list","element-id":2}})", 3600);
  refused(R"({"id":1,"name":"a","required":false,"type":"int"},)"
          R"({"id":1,"name":"b","required":false,"type":"int"})",
          3600);
}

}  // namespace
}  // namespace freshet::archive::iceberg

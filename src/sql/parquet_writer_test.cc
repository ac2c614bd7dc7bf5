#include "sql/parquet_writer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "sql/parquet_test_files.h"

namespace freshet::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ParquetWriterTest : public testing::Test {
 protected:
  ParquetWriterTest() {
    auto writer = ParquetWriter::open({});
    FRESHET_CHECK(writer.has_value());
    writer_ = *std::move(writer);
  }
  Result<std::vector<ParquetFile>> write(const Relation& relation, const ParquetLayout& layout,
                                         std::span<const RowRange> ranges = {}) {
    return writer_->write(relation, ranges, layout, [&](std::optional<std::int64_t> begin_us) {
      return folder_ / (begin_us ? fmt::format("{}.parquet", *begin_us / kTestDayUs)
                                 : std::string("timeless.parquet"));
    });
  }
  std::vector<ParquetFile> must_write(const Relation& relation, const ParquetLayout& layout,
                                      std::span<const RowRange> ranges = {}) {
    auto files = write(relation, layout, ranges);
    EXPECT_TRUE(files.has_value()) << files.error().to_string();
    if (!files) return {};
    for (const ParquetFile& file : *files) {
      Status checked = check_parquet_file(expected_of(file, layout));
      EXPECT_TRUE(checked.has_value()) << checked.error().to_string();
    }
    return *std::move(files);
  }
  void expect_error(Result<std::vector<ParquetFile>> files, Code code, int number,
                    const std::string& words) {
    ASSERT_FALSE(files.has_value());
    EXPECT_EQ(files.error().code(), code) << files.error().to_string();
    EXPECT_EQ(files.error().number(), number) << files.error().to_string();
    EXPECT_THAT(files.error().message(), HasSubstr(words));
  }

  TestFolder folder_;
  std::unique_ptr<ParquetWriter> writer_;
};

template <typename T>
std::string bytes_of(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

TEST_F(ParquetWriterTest, WritesAFileADaySortedByCameraAndTime) {
  ModelRelation relation(detections_schema());
  relation.add_chunk(detection_rows(0, 5'000));
  relation.add_chunk(detection_rows(5'000, 5'000), 1'000);
  relation.add_chunk(detection_rows(10'000, 3'000, kTestTimeUs + kTestDayUs));
  std::vector<ParquetFile> files = must_write(relation, layout_of(detections_schema()));
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].span_begin_us, kTestTimeUs);
  EXPECT_EQ(files[0].row_count, 9'000u);
  EXPECT_EQ(files[1].span_begin_us, kTestTimeUs + kTestDayUs);
  EXPECT_EQ(files[1].row_count, 3'000u);
  for (const ParquetFile& file : files) {
    EXPECT_THAT(duckdb_lines(fmt::format(
                    "SELECT count(*) FROM (SELECT (camera_id, event_time) < lag((camera_id, "
                    "event_time)) OVER (ORDER BY file_row_number) AS falls FROM read_parquet('{}', "
                    "file_row_number = true)) WHERE falls",
                    file.path)),
                ElementsAre("0"));
  }
  EXPECT_THAT(
      duckdb_lines(fmt::format("SELECT concat_ws(' ', count(*), count(confidence), sum(position), "
                               "count(DISTINCT detection_id)) FROM read_parquet(['{}', '{}'])",
                               files[0].path, files[1].path)),
      ElementsAre("12000 10286 78994000 12000"));
  EXPECT_THAT(
      duckdb_lines(fmt::format("SELECT concat_ws(' ', detection_id, event_time, camera_id, "
                               "confidence, bbox.w, bbox.h) FROM '{}' WHERE position = 6001",
                               files[0].path)),
      ElementsAre("00001771-0000-0000-ffff-ffffffffe88e 2026-11-25 00:00:06.001+00 east 0.01 1.0 "
                  "0.09156939040207522"));
}

TEST_F(ParquetWriterTest, SaysWhatAManifestSays) {
  ModelRelation relation(detections_schema());
  ColumnBatch rows = detection_rows(0, 10'000);
  rows.columns[3].set(1, std::nan(""));
  rows.columns[3].set(2, -0.0);
  relation.add_chunk(rows);
  ParquetLayout layout = layout_of(detections_schema());
  layout.row_group_rows = 4'096;
  std::vector<ParquetFile> files = must_write(relation, layout);
  ASSERT_EQ(files.size(), 1u);
  const ParquetFile& file = files[0];
  EXPECT_EQ(file.bytes, std::filesystem::file_size(file.path));
  EXPECT_EQ(file.checksum.size(), 32u);
  ASSERT_EQ(file.split_offsets.size(), 3u);
  EXPECT_EQ(file.split_offsets[0], 4u);
  EXPECT_LT(file.split_offsets[0], file.split_offsets[1]);
  EXPECT_LT(file.split_offsets[1], file.split_offsets[2]);
  ASSERT_EQ(file.columns.size(), 9u);  // a box is four
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < file.columns.size(); ++i) {
    EXPECT_EQ(file.columns[i].field_id, static_cast<std::int32_t>(i < 4 ? i + 1 : i + 2));
    EXPECT_EQ(file.columns[i].value_count, 10'000u);
    bytes += file.columns[i].column_bytes;
  }
  EXPECT_GT(bytes, file.bytes / 2);
  EXPECT_LT(bytes, file.bytes);
  EXPECT_EQ(file.columns[0].lower, std::string(8, '\0') + std::string(8, '\xff'));
  EXPECT_EQ(file.columns[0].upper, std::string("\x00\x00\x27\x0f\x00\x00\x00\x00"
                                               "\xff\xff\xff\xff\xff\xff\xd8\xf0",
                                               16));
  EXPECT_EQ(file.columns[1].lower, bytes_of(kTestTimeUs));
  EXPECT_EQ(file.columns[1].upper, bytes_of(kTestTimeUs + 9'999'000));
  EXPECT_EQ(file.columns[2].lower, "a camera with a long name");
  EXPECT_EQ(file.columns[2].upper, "north gate");
  EXPECT_EQ(file.columns[3].null_count, 1'429u);
  EXPECT_EQ(file.columns[3].nan_count, 1u);
  EXPECT_EQ(file.columns[3].lower, bytes_of(-0.0));
  EXPECT_EQ(file.columns[3].upper, bytes_of(0.99));
  EXPECT_EQ(file.columns[8].lower, bytes_of(std::int64_t{0}));
  EXPECT_EQ(file.columns[8].upper, bytes_of(std::int64_t{9'999}));
  EXPECT_FALSE(file.columns[8].nan_count.has_value());
}

// Every type, a row of values and a row of nulls.
ColumnBatch every_type() {
  ColumnBatch batch(Schema{{{"a", ColumnType::kBool},
                            {"b", ColumnType::kInt8},
                            {"c", ColumnType::kInt16},
                            {"d", ColumnType::kInt32},
                            {"e", ColumnType::kInt64},
                            {"f", ColumnType::kUInt8},
                            {"g", ColumnType::kUInt16},
                            {"h", ColumnType::kUInt32},
                            {"i", ColumnType::kUInt64},
                            {"j", ColumnType::kFloat},
                            {"k", ColumnType::kDouble},
                            {"l", ColumnType::kDate},
                            {"event_time", ColumnType::kTimestamp},
                            {"n", ColumnType::kUuid},
                            {"o", ColumnType::kBox},
                            {"camera_id", ColumnType::kText},
                            {"q", ColumnType::kBlob}}});
  auto& c = batch.columns;
  c[0].append(true);
  c[1].append(std::int8_t{-128});
  c[2].append(std::int16_t{-32'768});
  c[3].append(std::int32_t{-7});
  c[4].append(std::int64_t{-8});
  c[5].append(std::uint8_t{255});
  c[6].append(std::uint16_t{65'535});
  c[7].append(std::uint32_t{4'294'967'295});
  c[8].append(std::uint64_t{9'223'372'036'854'775'807});
  c[9].append(0.5f);
  c[10].append(-0.25);
  c[11].append(std::int32_t{20'782});
  c[12].append(kTestTimeUs);
  c[13].append(EventId{0xfedcba9876543210, 1});
  c[14].append(Box{65'535, 0, 0, 65'535});
  c[15].append(std::string_view("caf\xc3\xa9 'x' \"y\""));
  c[16].append(std::string_view("\x00\xff", 2));
  for (ColumnVector& column : c) column.append_null();
  return batch;
}

Schema schema_of(const ColumnBatch& batch, const std::vector<std::string>& names) {
  Schema schema;
  for (std::size_t i = 0; i < names.size(); ++i)
    schema.columns.push_back({names[i], batch.columns[i].type()});
  return schema;
}

TEST_F(ParquetWriterTest, KeepsEveryTypeAndItsNulls) {
  ColumnBatch batch = every_type();
  Schema schema = schema_of(batch, {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l",
                                    "event_time", "n", "o \"p\"", "camera_id", "q"});
  ModelRelation relation(schema);
  relation.add_chunk(batch);
  std::vector<ParquetFile> files = must_write(relation, layout_of(schema));
  ASSERT_EQ(files.size(), 2u);
  EXPECT_THAT(duckdb_lines(fmt::format(
                  "SELECT concat_ws('|', a, b, c, d, e, f, g, h, i, j, k, l, event_time, n, "
                  "\"o \"\"p\"\"\", camera_id, q) FROM '{}'",
                  files[0].path)),
              ElementsAre("true|-128|-32768|-7|-8|255|65535|4294967295|9223372036854775807|0.5|"
                          "-0.25|2026-11-25|2026-11-25 00:00:00+00|"
                          "fedcba98-7654-3210-0000-000000000001|{'x': 1.0, 'y': 0.0, 'w': 0.0, "
                          "'h': 1.0}|caf\xc3\xa9 'x' \"y\"|\\x00\\xFF"));
  // A row without a time is in a file of its own; all of it is null here.
  EXPECT_FALSE(files[1].span_begin_us.has_value());
  for (const ParquetColumnStats& column : files[1].columns) {
    EXPECT_EQ(column.null_count, 1u) << column.field_id;
    EXPECT_FALSE(column.lower.has_value()) << column.field_id;
  }
  EXPECT_THAT(duckdb_lines(fmt::format("SELECT count(*) FROM '{}' WHERE \"o \"\"p\"\"\" IS NULL",
                                       files[1].path)),
              ElementsAre("1"));
}

TEST_F(ParquetWriterTest, TakesOnlyTheRangesAsked) {
  ModelRelation relation(detections_schema());
  relation.add_chunk(detection_rows(0, 5'000));
  relation.add_chunk(detection_rows(5'000, 5'000));
  std::vector<RowRange> ranges = {{0, 4'990, 5'000}, {1, 0, 5}};
  std::vector<ParquetFile> files = must_write(relation, layout_of(detections_schema()), ranges);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_THAT(duckdb_lines(fmt::format("SELECT concat(min(position), ' ', max(position), ' ', "
                                       "count(*)) FROM '{}'",
                                       files[0].path)),
              ElementsAre("4990 5004 15"));
}

TEST_F(ParquetWriterTest, WritesOverNoFileAndLeavesNoneBehindAFailure) {
  ModelRelation relation(detections_schema());
  relation.add_chunk(detection_rows(0, 100));
  relation.add_chunk(detection_rows(0, 100, kTestTimeUs + kTestDayUs));
  std::string taken = folder_ / "20783.parquet";
  std::ofstream(taken) << "mine";
  expect_error(write(relation, layout_of(detections_schema())), Code::kExists, 3802, taken);
  EXPECT_EQ(std::filesystem::file_size(taken), 4u);
  EXPECT_EQ(folder_.file_count(), 1u);
  // The writer works on behind a failure.
  std::filesystem::remove(taken);
  EXPECT_EQ(must_write(relation, layout_of(detections_schema())).size(), 2u);
}

TEST_F(ParquetWriterTest, RefusesNumbersThatIcebergHasNot) {
  ModelRelation relation(detections_schema());
  ColumnBatch rows = detection_rows(0, 100);
  rows.columns[5].set(50, std::uint64_t{1} << 63);
  relation.add_chunk(rows);
  expect_error(write(relation, layout_of(detections_schema())), Code::kInvalid, 3803,
               "column position holds 9223372036854775808");
  EXPECT_EQ(folder_.file_count(), 0u);
}

Schema frames_schema() {
  return {{{"camera_id", ColumnType::kText},
           {"event_time", ColumnType::kTimestamp},
           {"frame_no", ColumnType::kUInt64}}};
}

ParquetLayout frames_layout() {
  ParquetLayout layout = layout_of(frames_schema());
  layout.columns[2].is_decimal = true;
  return layout;
}

// One row for each, in that order.
ColumnBatch frame_rows(const std::vector<std::optional<std::uint64_t>>& numbers) {
  ColumnBatch batch(frames_schema());
  for (const auto& number : numbers) {
    batch.columns[0].append(std::string_view("east"));
    batch.columns[1].append(kTestTimeUs);
    if (number)
      batch.columns[2].append(*number);
    else
      batch.columns[2].append_null();
  }
  return batch;
}

TEST_F(ParquetWriterTest, WritesAllUnsignedNumbersAsDecimals) {
  ModelRelation relation(frames_schema());
  relation.add_chunk(frame_rows(
      {std::uint64_t{1} << 63, std::nullopt, 7, ~std::uint64_t{0}, (std::uint64_t{1} << 63) - 1}));
  std::vector<ParquetFile> files = must_write(relation, frames_layout());
  ASSERT_EQ(files.size(), 1u);
  EXPECT_THAT(
      duckdb_lines(
          fmt::format("SELECT concat(typeof(frame_no), ' ', frame_no) FROM '{}'", files[0].path)),
      ElementsAre("DECIMAL(20,0) 9223372036854775808", "DECIMAL(20,0) ", "DECIMAL(20,0) 7",
                  "DECIMAL(20,0) 18446744073709551615", "DECIMAL(20,0) 9223372036854775807"));
  // The footer's own bounds, by which readers skip row groups.
  EXPECT_THAT(duckdb_lines(fmt::format("SELECT concat(stats_min_value, ' ', stats_max_value) FROM "
                                       "parquet_metadata('{}') WHERE path_in_schema = 'frame_no'",
                                       files[0].path)),
              ElementsAre("7 18446744073709551615"));
  const ParquetColumnStats& stats = files[0].columns[2];
  EXPECT_EQ(stats.null_count, 1u);
  EXPECT_EQ(stats.value_count, 5u);
  EXPECT_EQ(stats.lower, "\x07");
  EXPECT_EQ(stats.upper, std::string(1, '\0') + std::string(8, '\xff'));
  EXPECT_FALSE(stats.nan_count.has_value());

  ExpectedParquet expected = expected_of(files[0], frames_layout());
  expected.columns[2].is_decimal = false;
  Status checked = check_parquet_file(expected);
  ASSERT_FALSE(checked.has_value());
  EXPECT_THAT(checked.error().message(),
              HasSubstr("\"3 frame_no DECIMAL(20,0)\", not \"3 frame_no BIGINT\""));
}

TEST_F(ParquetWriterTest, BoundsOfDecimalsAreAsShortAsTheirSignAllows) {
  using namespace std::string_literals;
  const std::pair<std::uint64_t, std::string> bounds[] = {
      {0, "\0"s},
      {1, "\x01"},
      {127, "\x7f"},
      {128, "\0\x80"s},
      {255, "\0\xff"s},
      {256, "\x01\0"s},
      {32'768, "\0\x80\0"s},
      {(std::uint64_t{1} << 63) - 1, "\x7f\xff\xff\xff\xff\xff\xff\xff"},
      {std::uint64_t{1} << 63, "\0\x80\0\0\0\0\0\0\0"s},
  };
  for (const auto& [number, bytes] : bounds) {
    ModelRelation relation(frames_schema());
    relation.add_chunk(frame_rows({number}));
    std::vector<ParquetFile> files = must_write(relation, frames_layout());
    ASSERT_EQ(files.size(), 1u) << number;
    EXPECT_EQ(files[0].columns[2].lower, bytes) << number;
    EXPECT_EQ(files[0].columns[2].upper, bytes) << number;
    std::filesystem::remove(files[0].path);
  }
}

TEST_F(ParquetWriterTest, NamesWhatAFileHolds) {
  EXPECT_EQ(iceberg_type_name({"n", ColumnType::kUInt64, 1, {}, true}), "decimal(20, 0)");
  EXPECT_EQ(iceberg_type_name({"n", ColumnType::kUInt64, 1, {}, false}), "long");
  EXPECT_EQ(parquet_sql_type({"n", ColumnType::kUInt64, 1, {}, true}), "DECIMAL(20,0)");
  EXPECT_EQ(parquet_sql_type({"n", ColumnType::kUInt64, 1, {}, false}), "BIGINT");
  EXPECT_EQ(parquet_sql_type({"n", ColumnType::kUInt16, 1, {}, false}), "INTEGER");
}

TEST_F(ParquetWriterTest, RefusesALayoutOfOtherRows) {
  ModelRelation relation(detections_schema());
  relation.add_chunk(detection_rows(0, 10));
  ParquetLayout layout = layout_of(detections_schema());
  layout.columns.pop_back();
  expect_error(write(relation, layout), Code::kInvalid, 3801, "5 columns");
  layout = layout_of(detections_schema());
  layout.columns[3].name = "other";
  expect_error(write(relation, layout), Code::kInvalid, 3801, "column 3 is confidence");
  layout = layout_of(detections_schema());
  layout.columns[3].field_id = 0;
  expect_error(write(relation, layout), Code::kInvalid, 3801, "no field id");
  layout = layout_of(detections_schema());
  layout.columns[3].is_decimal = true;
  expect_error(write(relation, layout), Code::kInvalid, 3801, "confidence cannot be a decimal");
  layout = layout_of(detections_schema());
  layout.key_column = 0;
  expect_error(write(relation, layout), Code::kInvalid, 3801, "key column");
  layout = layout_of(detections_schema());
  layout.time_column = 2;
  expect_error(write(relation, layout), Code::kInvalid, 3801, "time column");
}

TEST_F(ParquetWriterTest, SaysWhereItCannotWrite) {
  ModelRelation relation(detections_schema());
  relation.add_chunk(detection_rows(0, 10));
  auto files =
      writer_->write(relation, {}, layout_of(detections_schema()),
                     [&](std::optional<std::int64_t>) { return folder_ / "no/x.parquet"; });
  ASSERT_FALSE(files.has_value());
  EXPECT_EQ(files.error().number(), 3804) << files.error().to_string();
  EXPECT_THAT(files.error().message(), HasSubstr("no/x.parquet"));
}

}  // namespace
}  // namespace freshet::sql

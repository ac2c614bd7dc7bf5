#include "sql/parquet_merge.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "sql/parquet_test_files.h"

namespace freshet::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t kId = 0, kTime = 1, kCamera = 2, kConfidence = 3, kBox = 4, kFrame = 5,
                      kPosition = 6, kSub = 7;

Schema rows_schema() {
  return {{{"detection_id", ColumnType::kUuid},
           {"event_time", ColumnType::kTimestamp},
           {"camera_id", ColumnType::kText},
           {"confidence", ColumnType::kFloat},
           {"bbox", ColumnType::kBox},
           {"file_row_number", ColumnType::kUInt64},  // DuckDB has a column of that name
           {"position", ColumnType::kUInt64},
           {"sub_position", ColumnType::kUInt32}}};
}

ParquetLayout rows_layout() {
  ParquetLayout layout = layout_of(rows_schema());
  layout.columns[kFrame].is_decimal = true;
  layout.row_group_rows = 2'048;
  return layout;
}

// Rows first, first + step, …: cameras and times in a mix, some nulls in every column but the id
// and the positions, NaN, and numbers above 2^63.
ColumnBatch mixed_rows(std::uint64_t first, std::uint64_t step, std::size_t count) {
  ColumnBatch batch(rows_schema());
  auto& c = batch.columns;
  for (std::uint64_t row = 0, i = first; row < count; ++row, i += step) {
    std::uint64_t mixed = i * 0x9e3779b97f4a7c15;
    c[kId].append(EventId{mixed, i});
    c[kTime].append(kTestTimeUs + static_cast<std::int64_t>(mixed >> 40) % 1000 * 1000);
    if (i % 31 == 5)
      c[kCamera].append_null();
    else
      c[kCamera].append(std::string_view(i % 3 == 0 ? "a camera with a long name" : "caf\xc3\xa9"));
    if (i % 7 == 3)
      c[kConfidence].append_null();
    else
      c[kConfidence].append(i % 41 == 2 ? std::nanf("") : static_cast<float>(i % 100) - 50);
    if (i % 11 == 4)
      c[kBox].append_null();
    else
      c[kBox].append(Box{static_cast<std::uint16_t>(i), 0, 65'535, 1});
    if (i % 13 == 6)
      c[kFrame].append_null();
    else
      c[kFrame].append(~std::uint64_t{0} - mixed / 4);
    c[kPosition].append(i / 2);
    c[kSub].append(static_cast<std::uint32_t>(i % 2));
  }
  return batch;
}

class ParquetMergeTest : public testing::Test {
 protected:
  void SetUp() override {
    auto writer = ParquetWriter::open({});
    ASSERT_TRUE(writer.has_value());
    writer_ = *std::move(writer);
    std::filesystem::create_directory(folder_ / "spill");
    config_.spill_folder = folder_ / "spill";
    merge_.layout = rows_layout();
    merge_.path = folder_ / "merged.parquet";
    merge_.position_column = kPosition;
    merge_.sub_position_column = kSub;
  }

  // One file of rows of one day.
  ParquetFile write(const std::string& name, const std::vector<ColumnBatch>& batches,
                    const Schema& schema, const ParquetLayout& layout) {
    ModelRelation relation(schema);
    for (const ColumnBatch& batch : batches) relation.add_chunk(batch);
    auto files = writer_->write(relation, {}, layout,
                                [&](std::optional<std::int64_t>) { return folder_ / name; });
    FRESHET_CHECK(files.has_value() && files->size() == 1);
    return (*files)[0];
  }
  ParquetFile write(const std::string& name, const std::vector<ColumnBatch>& batches) {
    return write(name, batches, rows_schema(), rows_layout());
  }
  void add_input(const ParquetFile& file) {
    merge_.inputs.push_back({file.path, file.bytes, file.checksum});
  }
  void add_input(const std::string& name, const ColumnBatch& rows) {
    add_input(write(name, {rows}));
  }

  MergedParquet must_merge() {
    auto merged = merge_parquet_files(merge_, config_);
    EXPECT_TRUE(merged.has_value()) << merged.error().to_string();
    if (!merged) return {};
    Status checked = check_parquet_file(expected_of(merged->file, merge_.layout));
    EXPECT_TRUE(checked.has_value()) << checked.error().to_string();
    EXPECT_TRUE(std::filesystem::is_empty(config_.spill_folder));
    return *std::move(merged);
  }
  // Also that nothing is left of it.
  void expect_error(Code code, int number, const std::string& words) {
    std::size_t files = folder_.file_count();
    auto merged = merge_parquet_files(merge_, config_);
    ASSERT_FALSE(merged.has_value());
    EXPECT_EQ(merged.error().code(), code) << merged.error().to_string();
    EXPECT_EQ(merged.error().number(), number) << merged.error().to_string();
    EXPECT_THAT(merged.error().message(), HasSubstr(words));
    EXPECT_EQ(folder_.file_count(), files);
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "spill"));
  }
  // Rows of a file, or in order what a list of columns gives of them.
  std::vector<std::string> lines(const std::string& path, const std::string& columns) {
    return duckdb_lines(
        fmt::format("SELECT concat_ws(' ', {}) FROM read_parquet('{}', file_row_number = false)",
                    columns, path));
  }

  TestFolder folder_;
  std::unique_ptr<ParquetWriter> writer_;
  ParquetMerge merge_;
  ParquetMergeConfig config_;
};

// Everything that a manifest says but sizes, which depend on where row groups are cut.
void expect_same_statistics(const ParquetFile& merged, const ParquetFile& whole) {
  EXPECT_EQ(merged.row_count, whole.row_count);
  EXPECT_EQ(merged.span_begin_us, whole.span_begin_us);
  EXPECT_EQ(merged.split_offsets.size(), whole.split_offsets.size());
  ASSERT_EQ(merged.columns.size(), whole.columns.size());
  for (std::size_t i = 0; i < whole.columns.size(); ++i) {
    SCOPED_TRACE(whole.columns[i].field_id);
    EXPECT_EQ(merged.columns[i].field_id, whole.columns[i].field_id);
    EXPECT_EQ(merged.columns[i].value_count, whole.columns[i].value_count);
    EXPECT_EQ(merged.columns[i].null_count, whole.columns[i].null_count);
    EXPECT_EQ(merged.columns[i].nan_count, whole.columns[i].nan_count);
    EXPECT_EQ(merged.columns[i].lower, whole.columns[i].lower);
    EXPECT_EQ(merged.columns[i].upper, whole.columns[i].upper);
    EXPECT_GT(merged.columns[i].column_bytes, 0u);
  }
}

TEST_F(ParquetMergeTest, IsTheFileThatAllRowsAtOnceWouldHaveMade) {
  // Rows in turn, so that every file has rows between those of every other.
  std::vector<ColumnBatch> batches;
  for (std::uint64_t i = 0; i < 3; ++i) batches.push_back(mixed_rows(i, 3, 3'000));
  for (std::size_t i = 0; i < 3; ++i) add_input(fmt::format("it's [{}].parquet", i), batches[i]);
  // The writer keeps the order of its rows where key and time are alike: that of positions.
  ParquetFile whole = write("whole.parquet", {mixed_rows(0, 1, 9'000)});
  MergedParquet merged = must_merge();
  EXPECT_EQ(merged.duplicates_dropped, 0u);
  EXPECT_EQ(merged.file.path, merge_.path);
  EXPECT_EQ(merged.file.bytes, std::filesystem::file_size(merge_.path));
  expect_same_statistics(merged.file, whole);
  std::vector<std::string> expected = lines(whole.path, "COLUMNS(*)");
  EXPECT_EQ(lines(merge_.path, "COLUMNS(*)"), expected);
  EXPECT_EQ(expected.size(), 9'000u);
  EXPECT_THAT(merged.file.columns[3].nan_count, testing::Optional(testing::Gt(100u)));
  EXPECT_THAT(merged.file.columns[3].null_count, testing::Gt(1'000u));
  EXPECT_EQ(merged.file.columns[8].upper->size(), 9u);  // above 2^63
}

TEST_F(ParquetMergeTest, TheOrderOfInputsAndThreadsDoNotMatter) {
  for (std::uint64_t i = 0; i < 4; ++i)
    add_input(fmt::format("{}.parquet", i), mixed_rows(i, 4, 20'000));
  std::vector<std::string> order = lines(must_merge().file.path, "position, sub_position");
  std::filesystem::remove(merge_.path);
  std::reverse(merge_.inputs.begin(), merge_.inputs.end());
  config_.threads = 3;
  EXPECT_EQ(lines(must_merge().file.path, "position, sub_position"), order);
  EXPECT_EQ(order.size(), 80'000u);
}

TEST_F(ParquetMergeTest, ColumnsGoByFieldIdAndMissingOnesAreNull) {
  Schema old_schema{{{"cam", ColumnType::kText},
                     {"camera_id", ColumnType::kText},  // another column's name today
                     {"event_time", ColumnType::kTimestamp},
                     {"frame", ColumnType::kUInt16}}};
  ParquetLayout old_layout;
  old_layout.columns = {{"cam", ColumnType::kText, 3, {}},
                        {"camera_id", ColumnType::kText, 70, {}},
                        {"event_time", ColumnType::kTimestamp, 2, {}},
                        {"frame", ColumnType::kUInt16, 10, {}}};  // is wider today
  old_layout.time_column = 2;
  ColumnBatch old_rows(old_schema);
  old_rows.columns[0].append(std::string_view("ab"));
  old_rows.columns[1].append(std::string_view("hidden"));
  old_rows.columns[2].append(kTestTimeUs);
  old_rows.columns[3].append(std::uint16_t{65'535});
  ASSERT_EQ(merge_.layout.columns[kPosition].field_id, 11);
  merge_.layout.columns[kPosition].field_id = 10;
  merge_.layout.columns[kFrame].field_id = 11;
  add_input(write("new", {mixed_rows(0, 1, 1)}, rows_schema(), merge_.layout));
  add_input(write("old", {old_rows}, old_schema, old_layout));
  MergedParquet merged = must_merge();
  EXPECT_THAT(lines(merge_.path,
                    "camera_id, event_time, confidence IS NULL, bbox IS NULL, position, "
                    "detection_id IS NULL"),
              ElementsAre("a camera with a long name 2026-11-25 00:00:00+00 false false 0 false",
                          "ab 2026-11-25 00:00:00+00 true true 65535 true"));
  for (const ParquetColumnStats& stats : merged.file.columns) {
    bool is_old = stats.field_id == 2 || stats.field_id == 3 || stats.field_id == 10;
    EXPECT_EQ(stats.null_count, is_old ? 0u : 1u) << stats.field_id;
  }
}

// A row of one camera and time.
void append_row(ColumnBatch& batch, std::optional<EventId> id, std::uint64_t position,
                std::uint32_t sub, std::string_view camera = "east") {
  auto& c = batch.columns;
  if (id)
    c[kId].append(*id);
  else
    c[kId].append_null();
  c[kTime].append(kTestTimeUs + static_cast<std::int64_t>(position));
  c[kCamera].append(camera);
  c[kConfidence].append(0.5f);
  c[kBox].append(Box{0, 0, 1, 1});
  c[kFrame].append(std::uint64_t{7});
  c[kPosition].append(position);
  c[kSub].append(sub);
}

TEST_F(ParquetMergeTest, KeepsTheFirstOfRowsWithOneId) {
  ColumnBatch a(rows_schema()), b(rows_schema());
  append_row(a, EventId{1, 1}, 10, 1);
  append_row(a, EventId{2, 2}, 20, 0);
  append_row(a, std::nullopt, 30, 0);
  append_row(a, EventId{3, 3}, 31, 0);
  append_row(b, EventId{1, 1}, 10, 0);       // lower in sub_position alone
  append_row(b, EventId{2, 2}, 21, 0, "a");  // of another key, sorted far before
  append_row(b, std::nullopt, 30, 0);        // two without an id are two
  append_row(b, EventId{3, 3}, 31, 0);       // the very same row
  append_row(b, EventId{3, 3}, 32, 0);
  append_row(b, EventId{4, 4}, 33, 0);
  add_input("a", a);
  add_input("b", b);
  MergedParquet kept_all = must_merge();
  EXPECT_EQ(kept_all.file.row_count, 10u);
  std::filesystem::remove(merge_.path);
  merge_.id_column = kId;
  MergedParquet merged = must_merge();
  EXPECT_EQ(merged.duplicates_dropped, 4u);
  EXPECT_EQ(merged.file.row_count, 6u);
  EXPECT_THAT(lines(merge_.path, "camera_id, position, sub_position, right(detection_id::TEXT, 1)"),
              ElementsAre("east 10 0 1", "east 20 0 2", "east 30 0", "east 30 0", "east 31 0 3",
                          "east 33 0 4"));
  EXPECT_EQ(merged.file.columns[kCamera].lower, "east");
  EXPECT_EQ(merged.file.columns[0].null_count, 2u);
}

TEST_F(ParquetMergeTest, IdsMayBeTexts) {
  ColumnBatch a(rows_schema()), b(rows_schema());
  append_row(a, EventId{1, 1}, 10, 0, "one");
  append_row(a, EventId{1, 1}, 11, 0, "two");
  append_row(b, EventId{1, 1}, 12, 0, "one");
  add_input("a", a);
  add_input("b", b);
  merge_.id_column = kCamera;
  EXPECT_EQ(must_merge().duplicates_dropped, 1u);
  EXPECT_THAT(lines(merge_.path, "camera_id, position"), ElementsAre("one 10", "two 11"));
}

TEST_F(ParquetMergeTest, SpillsWhatHasNoRoom) {
  for (std::uint64_t i = 0; i < 4; ++i) add_input(fmt::format("{}", i), mixed_rows(i, 4, 100'000));
  merge_.id_column = kId;
  merge_.layout.row_group_rows = 20'000;
  config_.memory_bytes = 40ull << 20;
  MergedParquet merged = must_merge();
  EXPECT_EQ(merged.file.row_count, 400'000u);
  EXPECT_THAT(
      duckdb_lines(fmt::format(
          "SELECT concat_ws(' ', count(*), count(DISTINCT detection_id), sum(position)) FROM '{}'",
          merge_.path)),
      ElementsAre("400000 400000 39999800000"));
  std::filesystem::remove(merge_.path);
  config_.spill_folder = "";
  expect_error(Code::kThrottled, 3826, "no spill folder");
}

TEST_F(ParquetMergeTest, EndsSoonWhenCancelled) {
  for (std::uint64_t i = 0; i < 4; ++i) add_input(fmt::format("{}", i), mixed_rows(i, 4, 100'000));
  merge_.is_cancelled = [] { return true; };
  expect_error(Code::kUnavailable, 3822, "cancelled");
  // While rows are sorted: something was spilled. The answer stays what it was once.
  config_.memory_bytes = 40ull << 20;
  std::atomic<bool> sorting = false;
  merge_.is_cancelled = [&] {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             config_.spill_folder, std::filesystem::directory_options::skip_permission_denied)) {
      if (entry.path().extension() == ".tmp") sorting = true;
    }
    return sorting.load();
  };
  expect_error(Code::kUnavailable, 3822, "cancelled");
  EXPECT_TRUE(sorting);
  // While rows are written.
  config_.memory_bytes = 256ull << 20;
  std::atomic<bool> writing = false;
  merge_.is_cancelled = [&] {
    std::error_code not_there;
    std::uintmax_t bytes = std::filesystem::file_size(merge_.path, not_there);
    if (!not_there && bytes > 0) writing = true;
    return writing.load();
  };
  expect_error(Code::kUnavailable, 3822, "cancelled");
  EXPECT_TRUE(writing);
}

TEST_F(ParquetMergeTest, NamesAnInputThatIsNotAsItWas) {
  add_input("a", mixed_rows(0, 1, 5'000));
  add_input("b", mixed_rows(5'000, 1, 5'000));
  ArchiveFile& bad = merge_.inputs[1];
  ArchiveFile good = bad;
  bad.bytes += 1;
  expect_error(Code::kCorruption, 3811, good.path);
  bad = good;
  bad.checksum[0] = bad.checksum[0] == '0' ? '1' : '0';
  expect_error(Code::kCorruption, 3812, good.path);
  bad = good;
  bad.path = folder_ / "gone";
  expect_error(Code::kNotFound, 3810, bad.path);
  bad = good;
  merge_.layout.columns.resize(3);
  merge_.position_column = merge_.sub_position_column = std::nullopt;
  for (ParquetColumn& column : merge_.layout.columns) column.field_id += 100;
  expect_error(Code::kCorruption, 3820, merge_.inputs[0].path);
}

TEST_F(ParquetMergeTest, NamesADamagedInputWhoseChecksumIsNotKnown) {
  add_input("a", mixed_rows(0, 1, 5'000));
  add_input("b", mixed_rows(5'000, 1, 5'000));
  ArchiveFile& bad = merge_.inputs[1];
  bad.checksum.clear();
  std::fstream file(bad.path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(bad.bytes - 5));
  file << "x";
  file.close();
  expect_error(Code::kCorruption, 3813, bad.path);
}

TEST_F(ParquetMergeTest, WritesOverNoFile) {
  add_input("a", mixed_rows(0, 1, 10));
  std::ofstream(merge_.path) << "mine";
  expect_error(Code::kExists, 3802, merge_.path);
  EXPECT_EQ(std::filesystem::file_size(merge_.path), 4u);
  merge_.path = merge_.inputs[0].path;
  expect_error(Code::kExists, 3802, merge_.path);
  merge_.path = folder_ / "no/merged.parquet";
  expect_error(Code::kIo, 3804, merge_.path);
}

TEST_F(ParquetMergeTest, RefusesWhatCannotBeMerged) {
  expect_error(Code::kInvalid, 3824, "no rows");
  add_input("a", mixed_rows(0, 1, 10));
  merge_.inputs.push_back(merge_.inputs[0]);
  expect_error(Code::kInvalid, 3824, merge_.inputs[0].path + " is named twice");
  merge_.inputs.pop_back();
  merge_.id_column = kTime;
  expect_error(Code::kInvalid, 3824, "id column");
  merge_.id_column = 99;
  expect_error(Code::kInvalid, 3824, "id column");
  merge_.id_column.reset();
  merge_.sub_position_column = kCamera;
  expect_error(Code::kInvalid, 3824, "position column");
  merge_.sub_position_column = kSub;
  merge_.layout.key_column = kTime;
  expect_error(Code::kInvalid, 3801, "key column");
  merge_.layout.key_column = kCamera;
  config_.spill_folder = folder_ / "none";
  expect_error(Code::kIo, 3804, config_.spill_folder);
}

TEST_F(ParquetMergeTest, RefusesRowsOfSeveralDays) {
  ColumnBatch later = mixed_rows(0, 1, 10);
  for (std::size_t row = 0; row < 10; ++row)
    later.columns[kTime].set(row, kTestTimeUs + kTestDayUs);
  add_input("a", mixed_rows(0, 1, 10));
  add_input("b", later);
  expect_error(Code::kInvalid, 3825, "are not of one day");
  // Rows without a time are a file of their own.
  ColumnBatch timeless(rows_schema());
  append_row(timeless, EventId{1, 1}, 10, 0);
  timeless.columns[kTime].set_null(0);
  merge_.inputs.pop_back();
  add_input("timeless", timeless);
  expect_error(Code::kInvalid, 3825, "are not of one day");
  merge_.inputs.erase(merge_.inputs.begin());
  EXPECT_FALSE(must_merge().file.span_begin_us.has_value());
}

}  // namespace
}  // namespace freshet::sql

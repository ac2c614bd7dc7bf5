#include "sql/parquet_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "sql/parquet_test_files.h"

namespace freshet::sql {
namespace {

using testing::HasSubstr;

class ParquetCheckTest : public testing::Test {
 protected:
  void SetUp() override {
    ModelRelation relation(detections_schema());
    relation.add_chunk(detection_rows(0, 5'000));
    ParquetLayout layout = layout_of(detections_schema());
    auto writer = ParquetWriter::open({});
    ASSERT_TRUE(writer.has_value());
    auto files = (*writer)->write(relation, {}, layout, [&](std::optional<std::int64_t>) {
      return folder_ / "it's [a] f?le*.parquet";  // not a pattern
    });
    ASSERT_TRUE(files.has_value()) << files.error().to_string();
    expected_ = expected_of((*files)[0], layout);
  }
  void expect_error(Code code, int number, const std::string& words) {
    Status checked = check_parquet_file(expected_);
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code(), code) << checked.error().to_string();
    EXPECT_EQ(checked.error().number(), number) << checked.error().to_string();
    EXPECT_THAT(checked.error().message(), HasSubstr(expected_.path));
    EXPECT_THAT(checked.error().message(), HasSubstr(words));
  }
  void change_byte(std::uint64_t at) {
    std::fstream file(expected_.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 1));
  }

  TestFolder folder_;
  ExpectedParquet expected_;
};

TEST_F(ParquetCheckTest, PassesWhatWasWritten) {
  Status checked = check_parquet_file(expected_);
  EXPECT_TRUE(checked.has_value()) << checked.error().to_string();
  EXPECT_EQ(*checksum_of_file(expected_.path), expected_.checksum);
}

TEST_F(ParquetCheckTest, NamesAFileThatIsNotThere) {
  std::filesystem::rename(expected_.path, folder_ / "elsewhere");
  expect_error(Code::kNotFound, 3810, "no such file");
  std::filesystem::create_symlink(folder_ / "elsewhere", expected_.path);
  expect_error(Code::kNotFound, 3810, "symbolic link");
  std::filesystem::remove(expected_.path);
  std::filesystem::create_directory(expected_.path);
  expect_error(Code::kNotFound, 3810, "not a file");
}

TEST_F(ParquetCheckTest, FindsACut) {
  for (std::uint64_t bytes : {expected_.bytes - 1, expected_.bytes / 2, std::uint64_t{0}}) {
    std::filesystem::resize_file(expected_.path, bytes);
    expect_error(Code::kCorruption, 3811, std::to_string(bytes) + " bytes");
  }
}

TEST_F(ParquetCheckTest, FindsAnyChangedByte) {
  for (std::uint64_t at : {std::uint64_t{0}, std::uint64_t{4}, expected_.bytes / 3,
                           expected_.bytes - 200, expected_.bytes - 1}) {
    change_byte(at);
    expect_error(Code::kCorruption, 3812, "checksum");
    change_byte(at);
  }
  EXPECT_TRUE(check_parquet_file(expected_).has_value());
}

TEST_F(ParquetCheckTest, FindsADamagedFooterWithoutAChecksum) {
  expected_.checksum.clear();
  change_byte(expected_.bytes - 1);  // of PAR1
  expect_error(Code::kCorruption, 3813, "not a Parquet file");
  change_byte(expected_.bytes - 1);
  change_byte(expected_.bytes - 6);  // of the footer's length
  expect_error(Code::kCorruption, 3813, "not a Parquet file");
  change_byte(expected_.bytes - 6);
  std::ofstream(expected_.path, std::ios::trunc) << std::string(expected_.bytes, 'x');
  expect_error(Code::kCorruption, 3813, "not a Parquet file");
}

TEST_F(ParquetCheckTest, FindsOtherRowsAndColumns) {
  expected_.row_count = 5'001;
  expect_error(Code::kCorruption, 3814, "5000 rows, 5001");
  expected_.row_count = 5'000;
  std::vector<ParquetColumn> columns = expected_.columns;
  expected_.columns[2].name = "camera";
  expect_error(Code::kCorruption, 3815, "\"3 camera_id VARCHAR\", not \"3 camera VARCHAR\"");
  expected_.columns = columns;
  expected_.columns[5].field_id = 99;
  expect_error(Code::kCorruption, 3815, "not \"99 position BIGINT\"");
  expected_.columns = columns;
  expected_.columns[4].box_field_ids[3] = 99;
  expect_error(Code::kCorruption, 3815, "not \"99 h DOUBLE\"");
  expected_.columns = columns;
  expected_.columns[0].type = ColumnType::kBlob;
  expect_error(Code::kCorruption, 3815, "\"1 detection_id UUID\", not \"1 detection_id BLOB\"");
  expected_.columns.pop_back();
  expect_error(Code::kCorruption, 3815, "10 columns and fields, not 9");
}

}  // namespace
}  // namespace freshet::sql

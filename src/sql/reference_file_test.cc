#include "sql/reference_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "event/position.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {
namespace {

using testing::HasSubstr;

class ReferenceFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("freshet_reference_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) {
    std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  void expect_refused(const std::string& path, int number, std::string_view words,
                      const std::string& key = "id") {
    SCOPED_TRACE(path);
    auto file = read_reference_file(path, key);
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().number(), number) << file.error().to_string();
    EXPECT_THAT(file.error().message(), HasSubstr(std::string(words)));
    EXPECT_THAT(file.error().message(), HasSubstr(path));
  }
  static std::string text(const ReferenceFile& file, std::string_view column, std::size_t row) {
    return std::string(file.rows->columns[*file.schema.find(column)].get<std::string_view>(row));
  }

  std::filesystem::path folder_;
};

constexpr std::string_view kGood =
    "location_id,name,lat,capacity,enabled,since,tags\n"
    "007,\"North gate, \"\"A\"\"\",52.09,12,true,2026-01-02,\"{\"\"a\"\":1}\"\n"
    "8,South,51.5,,false,2025-12-31,\n"
    "9,\"\",4,3,true,2025-12-31,a long text that is not kept in place\n";

TEST_F(ReferenceFileTest, ReadsCsvWithTypesAndTheKeyAsText) {
  auto file = read_reference_file(write("locations.csv", kGood), "location_id");
  ASSERT_TRUE(file.has_value()) << file.error().to_string();
  ASSERT_EQ(file->rows->row_count(), 3u);
  EXPECT_EQ(file->schema.columns[0], (ColumnSchema{"location_id", ColumnType::kText}));
  EXPECT_EQ(file->schema.columns[2].type, ColumnType::kDouble);
  EXPECT_EQ(file->schema.columns[3].type, ColumnType::kInt64);
  EXPECT_EQ(file->schema.columns[4].type, ColumnType::kBool);
  EXPECT_EQ(file->schema.columns[5].type, ColumnType::kDate);
  EXPECT_EQ(text(*file, "location_id", 0), "007");
  EXPECT_EQ(text(*file, "name", 0), "North gate, \"A\"");
  EXPECT_EQ(text(*file, "tags", 2), "a long text that is not kept in place");
  EXPECT_FALSE(file->rows->columns[3].is_valid(1));
  EXPECT_EQ(text(*file, "name", 2), "");
  EXPECT_TRUE(file->rows->columns[1].is_valid(2));
}

TEST_F(ReferenceFileTest, TakesOtherDelimitersLineEndsAndMarks) {
  auto file = read_reference_file(
      write("a[1].csv", "\xEF\xBB\xBFid;name\r\n1;x, y\r\n2;\"two\r\nlines\"\r\n"), "ID");
  ASSERT_TRUE(file.has_value()) << file.error().to_string();
  ASSERT_EQ(file->rows->row_count(), 2u);
  EXPECT_EQ(text(*file, "id", 1), "2");
  EXPECT_EQ(text(*file, "name", 1), "two\r\nlines");
}

TEST_F(ReferenceFileTest, RefusesDamagedCsv) {
  expect_refused(write("ragged.csv", "id,a,b\n1,2,3\n4,5\n"), 1323, "ragged.csv:3: 2 fields");
  expect_refused(write("more.csv", "id,a\n1,2\n\"x\ny\",2,3\n"), 1323, "more.csv:3: 3 fields");
  expect_refused(write("open.csv", "id,a\n1,\"2\n3,4\n"), 1323, "open.csv:2: a quoted field");
  expect_refused(write("behind.csv", "id,a\n1,\"2\"x\n"), 1323, "behind.csv:2: text stands behind");
  expect_refused(write("inside.csv", "id,a\n1,2\"x\n"), 1323, "inside.csv:2: a quote stands");
  expect_refused(write("cut.csv", "id,a\n1,2\n3,4"), 1323, "cut.csv:3: the last line");
  expect_refused(write("blank.csv", "id,a\n1,2\n\n3,4\n"), 1323, "blank.csv:3: the line is empty");
  expect_refused(write("twice.csv", "id,a,A\n1,2,3\n"), 1324, "columns 2 and 3");
  expect_refused(write("noname.csv", "id,,b\n1,2,3\n"), 1324, "column 2 has no name");
  expect_refused(write("empty.csv", ""), 1328, "empty");
  expect_refused(write("header.csv", "id,a\n"), 1328, "no rows");
  expect_refused(write("latin.csv", "id,a\n1,caf\xE9\n"), 1323, "latin.csv:2: not UTF-8");
  expect_refused(write("nokey.csv", "idx,a\n1,2\n"), 1327, "did you mean \"idx\"?");
}

// Invariant C3: whatever byte a file is cut at, half of it never becomes a table.
TEST_F(ReferenceFileTest, ACutFileIsRefusedUnlessWholeLinesAreLeft) {
  for (std::size_t bytes = 0; bytes < kGood.size(); ++bytes) {
    if (bytes > 0 && kGood[bytes - 1] == '\n') continue;
    auto file = read_reference_file(write("cut.csv", kGood.substr(0, bytes)), "location_id");
    EXPECT_FALSE(file.has_value()) << bytes;
  }
}

TEST_F(ReferenceFileTest, RefusesWhatIsNoFile) {
  expect_refused((folder_ / "none.csv").string(), 1321, "no such file");
  std::filesystem::create_directories(folder_ / "folder.csv");
  expect_refused((folder_ / "folder.csv").string(), 1321, "not a file");
  expect_refused(write("a.txt", "id\n1\n"), 1322, ".parquet");
}

TEST_F(ReferenceFileTest, ReadsJsonAndNdjson) {
  auto check = [&](const std::string& path) {
    SCOPED_TRACE(path);
    auto file = read_reference_file(path, "id");
    ASSERT_TRUE(file.has_value()) << file.error().to_string();
    ASSERT_EQ(file->rows->row_count(), 2u);
    EXPECT_EQ(text(*file, "id", 0), "2026-01-01");
    EXPECT_EQ(text(*file, "id", 1), "2026-1-2");
    EXPECT_EQ(text(*file, "tags", 0), R"(["a","b"])");
    EXPECT_FALSE(file->rows->columns[*file->schema.find("n")].is_valid(1));
  };
  check(write("a.json", R"([{"id":"2026-01-01","n":1,"tags":["a","b"]},{"id":"2026-1-2"}])"));
  check(write("a.ndjson",
              "{\"id\":\"2026-01-01\",\"n\":1,\"tags\":[\"a\",\"b\"]}\n{\"id\":\"2026-1-2\"}\n"));
  auto numbers = read_reference_file(write("b.json", R"([{"id":7},{"id":8}])"), "id");
  ASSERT_TRUE(numbers.has_value()) << numbers.error().to_string();
  EXPECT_EQ(text(*numbers, "id", 1), "8");
}

TEST_F(ReferenceFileTest, RefusesDamagedJson) {
  expect_refused(write("cut.json", R"([{"id":1},{"id":)"), 1325, "may be cut");
  expect_refused(write("cut2.json", R"([{"id":1},{"id":2})"), 1325, "may be cut");
  expect_refused(write("object.json", R"({"id":1})"), 1325, "array of objects");
  expect_refused(write("number.json", R"([{"id":1},2])"), 1325, "object 2");
  expect_refused(write("twice.json", R"([{"id":1,"ID":2}])"), 1325, "stands twice");
  expect_refused(write("cut.ndjson", "{\"id\":1}\n{\"id\":2}"), 1325, "cut.ndjson:2");
  expect_refused(write("bad.ndjson", "{\"id\":1}\n{\"id\":}\n"), 1325, "bad.ndjson:2");
  expect_refused(write("blank.ndjson", "{\"id\":1}\n\n"), 1325, "blank.ndjson:2");
  expect_refused(write("none.json", "[]"), 1326, "");
}

TEST_F(ReferenceFileTest, ReadsParquetAndRefusesACutOne) {
  std::string path = (folder_ / "p.parquet").string();
  auto database = Database::open({.reads_files = true});
  ASSERT_TRUE(database.has_value());
  auto connection = (*database)->connect();
  ASSERT_TRUE(connection.has_value());
  ASSERT_TRUE(execute(connection->get(),
                      "COPY (SELECT 7::BIGINT AS id, 1.25::DECIMAL(9,2) AS d, 'x' AS name, "
                      "TIMESTAMP '2026-11-22 10:00:00' AS t, 5::HUGEINT AS h, {'a': 1} AS s) TO " +
                          quoted_text(path) + " (FORMAT parquet)"));
  auto file = read_reference_file(path, "id");
  ASSERT_TRUE(file.has_value()) << file.error().to_string();
  EXPECT_EQ(text(*file, "id", 0), "7");
  EXPECT_EQ(file->rows->columns[1].get<double>(0), 1.25);
  EXPECT_EQ(file->schema.columns[3].type, ColumnType::kTimestamp);
  EXPECT_EQ(file->rows->columns[3].get<std::int64_t>(0), 1'795'341'600'000'000);
  EXPECT_EQ(text(*file, "s", 0), R"({"a":1})");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 5);
  expect_refused(path, 1326, "");
}

}  // namespace
}  // namespace freshet::sql

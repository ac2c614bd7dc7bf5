// What the tests of Parquet files share: a folder that goes away, rows, and DuckDB's own reading.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "event/position.h"
#include "sql/duckdb_handles.h"
#include "sql/model_relation.h"
#include "sql/parquet_check.h"
#include "sql/parquet_writer.h"

namespace freshet::sql {

inline constexpr std::int64_t kTestDayUs = 86'400'000'000;
inline constexpr std::int64_t kTestTimeUs = 20'782 * kTestDayUs;  // 2026-11-25T00:00:00Z

class TestFolder {
 public:
  TestFolder() {
    std::string name = testing::TempDir() + "freshet_parquet_XXXXXX";
    FRESHET_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::size_t file_count() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      (void)entry;
      ++count;
    }
    return count;
  }

 private:
  std::string path_;
};

inline Schema detections_schema() {
  return {{{"detection_id", ColumnType::kUuid},
           {"event_time", ColumnType::kTimestamp},
           {"camera_id", ColumnType::kText},
           {"confidence", ColumnType::kDouble},
           {"bbox", ColumnType::kBox},
           {"position", ColumnType::kUInt64}}};
}

// Field ids from 1 on in the schema's order, fields of a box behind it.
inline ParquetLayout layout_of(const Schema& schema) {
  ParquetLayout layout;
  std::int32_t id = 0;
  for (const ColumnSchema& column : schema.columns) {
    ParquetColumn made{column.name, column.type, ++id, {}};
    if (column.type == ColumnType::kBox) {
      for (std::int32_t& field : made.box_field_ids) field = ++id;
    }
    layout.columns.push_back(std::move(made));
  }
  layout.key_column = *schema.find("camera_id");
  layout.time_column = *schema.find("event_time");
  return layout;
}

// Rows first … first + count - 1 of detections_schema(): one a millisecond, three cameras in turn.
inline ColumnBatch detection_rows(std::uint64_t first, std::size_t count,
                                  std::int64_t begin_us = kTestTimeUs) {
  static const std::string cameras[] = {"north gate", "east", "a camera with a long name"};
  ColumnBatch batch(detections_schema());
  for (std::uint64_t i = first; i < first + count; ++i) {
    batch.columns[0].append(EventId{i << 32, ~i});
    batch.columns[1].append(begin_us + static_cast<std::int64_t>(i) * 1000);
    batch.columns[2].append(std::string_view(cameras[i % 3]));
    if (i % 7 == 3)
      batch.columns[3].append_null();
    else
      batch.columns[3].append(static_cast<double>(i % 100) / 100);
    batch.columns[4].append(Box{0, 0, 65'535, static_cast<std::uint16_t>(i)});
    batch.columns[5].append(i);
  }
  return batch;
}

inline ExpectedParquet expected_of(const ParquetFile& file, const ParquetLayout& layout) {
  return {file.path, file.bytes, file.row_count, file.checksum, layout.columns};
}

// The first column of a query's answer, a text, with DuckDB free to read files.
inline std::vector<std::string> duckdb_lines(const std::string& query) {
  auto database = Database::open({.reads_files = true});
  FRESHET_CHECK(database.has_value());
  auto connection = (*database)->connect();
  FRESHET_CHECK(connection.has_value());
  QueryResult result;
  if (duckdb_query(connection->get(), query.c_str(), result.out()) == DuckDBError)
    return {result.error()};
  std::vector<std::string> lines;
  for (idx_t row = 0; row < duckdb_row_count(result.out()); ++row) {
    char* text = duckdb_value_varchar(result.out(), 0, row);
    lines.emplace_back(text == nullptr ? "NULL" : text);
    duckdb_free(text);
  }
  return lines;
}

}  // namespace freshet::sql

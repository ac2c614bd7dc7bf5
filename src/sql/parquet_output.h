// What all Parquet files that we write have in common: the layout's rules, the COPY, and what is
// said of the file afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "sql/column_bounds.h"
#include "sql/duckdb_handles.h"
#include "sql/parquet_file.h"

namespace freshet::sql {

// kInvalid FRS-3801.
Error layout_error(std::string message);
// Field ids, the key and the time. kInvalid FRS-3801.
Status check_layout(const ParquetLayout& layout);

// Writes what freshet_rows() gives.
std::string copy_statement(const std::string& path, const ParquetLayout& layout);
// kIo, kNoSpace FRS-3804, with DuckDB's words for what failed.
Error copy_error(const std::string& path, std::string_view message);

// Syncs a file that COPY has written, reads it back and describes it, all but its span. The footer
// must say what was handed over: kCorruption FRS-3814. `bounds` are of all rows.
Result<ParquetFile> finish_parquet_file(duckdb_connection connection, const std::string& path,
                                        const ParquetLayout& layout, std::uint64_t row_count,
                                        const LeafBounds& bounds);

// Removes the files of a call that fails.
class NewFiles {
 public:
  NewFiles() = default;
  ~NewFiles();
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;
  void add(const std::string& path) { paths_.push_back(path); }
  void keep() { paths_.clear(); }

 private:
  std::vector<std::string> paths_;
};

}  // namespace freshet::sql

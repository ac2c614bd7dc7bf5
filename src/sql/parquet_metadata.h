// What DuckDB reads in the footer of a Parquet file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {

// A column without children, in the file's order.
struct ParquetLeaf {
  std::uint64_t column_bytes = 0;  // compressed, of all row groups
  std::uint64_t value_count = 0;
};

struct ParquetMetadata {
  std::uint64_t row_count = 0;
  std::vector<ParquetLeaf> leaves;
  std::vector<std::uint64_t> row_group_offsets;  // ascending
};

// The connection must be able to read the file. kCorruption FRS-3813.
Result<ParquetMetadata> read_parquet_metadata(duckdb_connection connection,
                                              const std::string& path);

// Columns and fields, parents first: "4 bbox STRUCT", "5 x DOUBLE". kCorruption FRS-3813.
Result<std::vector<std::string>> read_parquet_schema(duckdb_connection connection,
                                                     const std::string& path);

// DuckDB takes a path for a pattern: what would match more than itself goes into brackets.
std::string escaped_path(const std::string& path);

}  // namespace freshet::sql

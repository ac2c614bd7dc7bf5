// The layout of our Parquet files, and what is said of one that was written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sql/parquet_column.h"

namespace freshet::sql {

enum class FileSpan : std::uint8_t { kDay, kHour };

struct ParquetLayout {
  std::vector<ParquetColumn> columns;  // all of the file's, in its order
  std::size_t key_column = 0;          // kText: files are sorted by it, nulls last
  std::size_t time_column = 0;         // kTimestamp: the second key of the order; gives the span
  FileSpan span = FileSpan::kDay;
  std::uint64_t row_group_rows = 250'000;
  std::int32_t zstd_level = 1;
};

// Of one column, or of one field of a box: what an Iceberg manifest says of it.
struct ParquetColumnStats {
  std::int32_t field_id = 0;
  std::uint64_t column_bytes = 0;  // compressed, in all row groups
  std::uint64_t value_count = 0;   // nulls included
  std::uint64_t null_count = 0;
  // Iceberg's single values (numbers little-endian, UUID big-endian, texts as they are, not cut).
  // Nothing where no row has a value, and for NaN alone.
  std::optional<std::string> lower, upper;
  std::optional<std::uint64_t> nan_count;  // of FLOAT and DOUBLE
};

struct ParquetFile {
  std::string path;
  // Begin of the day or hour, in microseconds since 1970; nothing for the rows without a time.
  std::optional<std::int64_t> span_begin_us;
  std::uint64_t row_count = 0;
  std::uint64_t bytes = 0;
  std::string checksum;  // XXH3-128 of all bytes, 32 hexadecimal digits
  std::vector<ParquetColumnStats> columns;
  std::vector<std::uint64_t> split_offsets;  // where row groups begin, ascending
};

}  // namespace freshet::sql

// Reads a Parquet file back and holds it against what was written: before a commit names it, and
// whenever an archive is checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "sql/parquet_column.h"

namespace freshet::sql {

struct ExpectedParquet {
  std::string path;
  std::uint64_t bytes = 0;
  std::uint64_t row_count = 0;
  std::string checksum;                // XXH3-128 as ParquetFile has it; "" where it is not known
  std::vector<ParquetColumn> columns;  // all of the file's, in its order
};

// Size, checksum, footer, row count, names, types and field ids. Every fault names the file and
// what differs: kNotFound FRS-3810 (no such file), kCorruption FRS-3811 (size), FRS-3812
// (checksum), FRS-3813 (no Parquet footer that can be read), FRS-3814 (rows), FRS-3815 (columns);
// kIo FRS-3816.
Status check_parquet_file(const ExpectedParquet& expected);

// XXH3-128 of a file's bytes, 32 hexadecimal digits. kNotFound FRS-3810, kIo FRS-3816.
Result<std::string> checksum_of_file(const std::string& path);

}  // namespace freshet::sql

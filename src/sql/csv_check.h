// Strict reading of a CSV file's shape (RFC 4180), before DuckDB reads its values: DuckDB guesses
// where a file is damaged, and a guess could make half a reference table active.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace freshet::sql {

struct CsvShape {
  char delimiter = ',';
  std::vector<std::string> names;
  std::size_t row_count = 0;
};

// `text` is the whole file without a byte order mark; `path` names it in errors. kInvalid, FRS-1323
// (lines) and FRS-1324 (header).
Result<CsvShape> check_csv(std::string_view path, std::string_view text);

}  // namespace freshet::sql

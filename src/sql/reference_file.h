// Reads a reference file (CSV, JSON or NDJSON, Parquet, told by its ending) whole, through DuckDB.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/result.h"
#include "event/column_batch.h"
#include "event/schema.h"

namespace freshet::sql {

inline constexpr std::uint64_t kReferenceFileBytesMax = 2ull << 30;

struct ReferenceFile {
  Schema schema;  // column names as in the file; types as DuckDB found them, keys always VARCHAR
  std::unique_ptr<ColumnBatch> rows;
  std::shared_ptr<const void> texts;  // owns what rows point to
};

// Strict: a line with too few or too many fields, a bad quote, or a cut file is kInvalid and names
// file and line. `key_column` is read as text whatever it looks like.
Result<ReferenceFile> read_reference_file(const std::string& path, const std::string& key_column);

}  // namespace freshet::sql

// Writes rows of a relation to Parquet files: by day or hour, each sorted by a key and then by
// time.
//
// The sort is ours (a counting sort over dictionary codes and a gather over chunks); DuckDB gets
// rows that are in order already, and encodes them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "sql/parquet_file.h"
#include "sql/relation.h"

namespace freshet::sql {

// Rows [begin, end) of a chunk; both inside Relation::chunk_rows().
struct RowRange {
  std::size_t chunk = 0;
  std::uint32_t begin = 0, end = 0;
};

struct ParquetWriterConfig {
  std::uint64_t memory_bytes = 1ull << 30;  // DuckDB's, beyond the rows that lie in the relation
};

// One thread at a time.
class ParquetWriter {
 public:
  static Result<std::unique_ptr<ParquetWriter>> open(const ParquetWriterConfig& config);
  ~ParquetWriter();
  // Path of a file for the rows of that day or hour. Called once for each, in ascending order,
  // those without a time last.
  using PathOf = std::function<std::string(std::optional<std::int64_t> span_begin_us)>;
  // Writes all rows of `ranges` (empty: every row of the relation), one file a span, and syncs each
  // file; its folder must be there, and syncing that is the caller's. No file is ever written over.
  // After a failure no file of this call is left. kInvalid FRS-3801 (layout and relation differ:
  // columns are those of the relation, in its order), kExists FRS-3802, kInvalid FRS-3803 (a number
  // above what BIGINT holds, in a column that is no decimal), kIo or kNoSpace FRS-3804.
  Result<std::vector<ParquetFile>> write(const Relation& relation, std::span<const RowRange> ranges,
                                         const ParquetLayout& layout, const PathOf& path_of);

 private:
  struct State;
  explicit ParquetWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::sql

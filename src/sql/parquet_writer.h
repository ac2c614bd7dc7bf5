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
#include "sql/parquet_column.h"
#include "sql/relation.h"

namespace freshet::sql {

// Rows [begin, end) of a chunk; both inside Relation::chunk_rows().
struct RowRange {
  std::size_t chunk = 0;
  std::uint32_t begin = 0, end = 0;
};

enum class FileSpan : std::uint8_t { kDay, kHour };

struct ParquetLayout {
  std::vector<ParquetColumn> columns;  // as many as the relation has, in its order
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
  // After a failure no file of this call is left. kInvalid FRS-3801 (layout and relation differ),
  // kExists FRS-3802, kInvalid FRS-3803 (a number above what BIGINT holds), kIo or kNoSpace
  // FRS-3804.
  Result<std::vector<ParquetFile>> write(const Relation& relation, std::span<const RowRange> ranges,
                                         const ParquetLayout& layout, const PathOf& path_of);

 private:
  struct State;
  explicit ParquetWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::sql

// Merges Parquet files of one day or hour of a table into one new file in the same order: by key,
// then by time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "sql/archive_table.h"
#include "sql/parquet_file.h"

namespace freshet::sql {

// What a row is judged by; nothing where the table has no such column, or the row no value.
struct JudgedRow {
  std::optional<std::string_view> id, camera;  // a UUID as text
  std::optional<std::int64_t> time_us;
  std::optional<std::string_view> raw;
};

// Columns of the layout, by number.
struct JudgedColumns {
  std::optional<std::size_t> id, camera, time, raw;
};

// Which rows are past their time: those whose `time_column` is before what their text in
// `class_column` says, or before `before_us` where that text is not listed. Rows without a time are
// not.
struct RowExpiry {
  std::size_t time_column = 0;
  std::optional<std::size_t> class_column;
  std::map<std::string, std::int64_t> before_us_of_class;
  std::optional<std::int64_t> before_us;  // nothing: all others stay
};

struct ParquetMerge {
  // Each once, of any older schema of the table: columns go by field id, a file without one gives
  // NULL, and columns that the layout does not have are left out.
  std::vector<ArchiveFile> inputs;
  ParquetLayout layout;  // of the new file
  std::string path;      // of the new file, absolute; its folder must be there
  // Whole numbers. Rows alike in key and time go by them, so that the same inputs give the same
  // order; nulls are last.
  std::optional<std::size_t> position_column, sub_position_column;
  // kUuid or kText. Of rows with the same id only the one lowest in position and sub_position is
  // kept. Rows without an id are all kept.
  std::optional<std::size_t> id_column;
  // Where given, rows for which it is true are left out.
  std::function<bool(const JudgedRow&)> is_dropped;
  JudgedColumns judged;
  // These rows are left out. Where none are, or all, no file is made: the merge would change
  // nothing, or leave nothing.
  std::optional<RowExpiry> expiry;
  // Asked every few milliseconds, by threads of ours: true ends the merge soon.
  std::function<bool()> is_cancelled;
};

struct ParquetMergeConfig {
  std::uint64_t memory_bytes = 1ull << 30;  // DuckDB's
  std::uint32_t threads = 1;
  // Where what has no room in the memory goes, up to the size of all rows unpacked; "": nowhere. A
  // folder of this merge's own is made in it and removed at the end: what is found there at a start
  // is of a process that died, and may go.
  std::string spill_folder;
};

struct MergedParquet {
  ParquetFile file;  // not made where no row is left of the inputs', or an expiry changes nothing
  std::uint64_t duplicates_dropped = 0;
  std::uint64_t judged_dropped = 0;
  std::uint64_t expired = 0;
};

// The new file is synced (its folder is not) and its rows are those of the inputs, counted; no file
// is written over, and after a failure none is left. Any thread; several merges at once are apart.
//
// Of inputs, naming the file: kNotFound FRS-3810; kCorruption FRS-3811 (size), FRS-3812 (checksum),
// FRS-3813 (footer), FRS-3820 (of another table), FRS-3821 (found while reading); kIo FRS-3816.
// Else: kInvalid FRS-3801 (layout), kExists FRS-3802, kIo or kNoSpace FRS-3804, kCorruption
// FRS-3814 (rows are missing), kUnavailable FRS-3822 (cancelled), kIo FRS-3823 (DuckDB cannot),
// kInvalid FRS-3824 (nothing to merge, or columns of a wrong type), kInvalid FRS-3825 (rows of
// several days or hours), kThrottled FRS-3826 (memory).
Result<MergedParquet> merge_parquet_files(const ParquetMerge& merge,
                                          const ParquetMergeConfig& config);

// How many rows of the inputs is_dropped() is true for. Makes no file; errors as above.
Result<std::uint64_t> count_judged_rows(const ParquetMerge& merge,
                                        const ParquetMergeConfig& config);

}  // namespace freshet::sql

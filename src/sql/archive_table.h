// The archived part of a table that a query may read: Parquet files on a local path.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "sql/parquet_column.h"

namespace freshet::sql {

// What a query says of a column: rows outside cannot matter to its answer. A planner may ignore it.
struct ColumnConstraint {
  // Inclusive. Of kTimestamp in microseconds since 1970, else of whole numbers.
  std::optional<std::int64_t> minimum, maximum;
  // Of texts: the value is one of these (binary, as written in the query).
  std::optional<std::vector<std::string>> texts;
};
// By the column's name as ArchiveTable::columns has it. All of them hold together.
using ScanConstraints = std::map<std::string, ColumnConstraint, std::less<>>;

// A part of a table by position: above the first, up to the last.
struct PositionRange {
  std::int64_t above = 0;
  std::int64_t last = 0;
  friend bool operator==(const PositionRange&, const PositionRange&) = default;
};

struct ArchiveFile {
  std::string path = {};    // absolute
  std::uint64_t bytes = 0;  // as the manifest says; another size ends the query
  // ParquetFile::checksum, or "". Where given, the file's bytes are read and checked before its
  // first use, and again only where the file has changed since.
  std::string checksum = {};
  std::string name = {};  // where the archive keeps it; "": the path
  std::uint64_t rows = 0;
  std::uint64_t row_groups = 0;                 // 0: not known
  std::optional<PositionRange> positions = {};  // only these rows of it are the table's
  std::optional<Error> failure = {};            // why it cannot be had: it has no path

  const std::string& shown_name() const { return name.empty() ? path : name; }
};

// Files or chunks that a query need not read, for one reason.
struct LeftOut {
  std::string reason;
  std::uint64_t count = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};
// Adds to the entry with the reason.
void add_left_out(std::vector<LeftOut>& to, const std::string& reason, std::uint64_t rows,
                  std::uint64_t bytes);

// What a query reads of a table's files.
struct ArchivePlan {
  std::vector<ArchiveFile> files;
  std::vector<LeftOut> left_out;
  std::string snapshot = {};  // which state of the archive: "snapshot 123"
};

// Of a file that cannot be had.
enum class OnMissing : std::uint8_t {
  kFail,  // the plan is an error
  kNote,  // it is in the plan, with its failure
};

// Files hold rows of `columns`, by field id: a file without one gives NULL, and columns of a file
// that are not in `columns` are hidden. Files must stay until the query is over.
struct ArchiveTable {
  std::vector<ParquetColumn> columns;
  // The files that may hold a row within the constraints: too many is slow, too few is wrong.
  // Called once a query and table, on the query's thread. An error ends the query.
  std::function<Result<ArchivePlan>(const ScanConstraints&, OnMissing)> plan;
  // Only rows whose value in this column (a whole number, or a kTimestamp in microseconds) is at
  // most that are rows of the table.
  struct Last {
    std::string column;
    std::int64_t value = 0;
  };
  std::optional<Last> last = std::nullopt;
};

// By the name that SQL uses. A name that is in Relations too is one table of both: files and
// memory.
using ArchiveTables = std::map<std::string, std::shared_ptr<const ArchiveTable>, std::less<>>;

}  // namespace freshet::sql

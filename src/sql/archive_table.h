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

struct ArchiveFile {
  std::string path;         // absolute
  std::uint64_t bytes = 0;  // as the manifest says; another size ends the query
  // ParquetFile::checksum, or "". Where given, the file's bytes are read and checked before its
  // first use, and again only where the file has changed since.
  std::string checksum;
};

// Files hold rows of `columns`, by field id: a file without one gives NULL, and columns of a file
// that are not in `columns` are hidden. Files must stay until the query is over.
struct ArchiveTable {
  std::vector<ParquetColumn> columns;
  // The files that may hold a row within the constraints: too many is slow, too few is wrong.
  // Called once a query and table, on the query's thread. An error ends the query.
  std::function<Result<std::vector<ArchiveFile>>(const ScanConstraints&)> plan;
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

// What a query read of its tables, what it left out and why, and what it could not have.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "event/position.h"
#include "sql/archive_table.h"

namespace freshet::sql {

struct TableScan {
  std::string snapshot;  // of the archive; "" where the table has none
  std::vector<ArchiveFile> files;
  std::vector<LeftOut> files_left_out;
  std::uint64_t chunks = 0, chunk_rows = 0;  // in memory, that were read
  std::vector<LeftOut> chunks_left_out;
};
using ScanReport = std::map<std::string, TableScan, std::less<>>;  // by the name in SQL

// Rows that an answer lacks.
struct MissingPart {
  std::string table;
  std::string file;                   // "" where it is not known which files hold them
  std::optional<Position> positions;  // then: all up to it
  std::optional<std::uint64_t> rows;  // so many at most; not said: not known
  std::string reason;
};

}  // namespace freshet::sql

// The files of one query: planned, looked at, and made part of its tables.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mutex.h"
#include "common/result.h"
#include "sql/archive_table.h"
#include "sql/duckdb_handles.h"
#include "sql/file_bytes.h"
#include "sql/query_database.h"
#include "sql/scan_report.h"

namespace freshet::sql {

// A table's files in one query.
struct PlannedTable {
  std::shared_ptr<const ArchiveTable> table;
  std::vector<ArchiveFile> files;
  std::vector<LeftOut> left_out = {};
  std::string snapshot = {};
};
using PlannedTables = std::map<std::string, PlannedTable, std::less<>>;  // by the name in SQL

// Asks each planner. `connection` computes the values of conditions. Files that cannot be had are
// an error, or go to `missing` where that is given.
Result<PlannedTables> plan_archives(duckdb_connection connection, const JudgedQuery& query,
                                    const ArchiveTables& archives, const Parameters& parameters,
                                    std::vector<MissingPart>* missing);
// Takes a file out of the plan and notes that it is missing.
void drop_file(PlannedTables& planned, const std::string& path, const Error& why,
               std::vector<MissingPart>& missing);
// What the DuckDB of the query may open.
std::vector<std::string> readable_paths(const PlannedTables& planned);

// The file's size, its checksum where it is known, and that it has one of the columns at least.
// kNotFound FRS-3810, kCorruption FRS-3811, FRS-3812, FRS-3813, FRS-3820, kIo FRS-3816.
Status check_archive_file(duckdb_connection connection, const std::vector<ParquetColumn>& columns,
                          const ArchiveFile& file);
// ['/a.parquet', '/b.parquet']: DuckDB reads exactly these.
std::string file_list_text(const std::vector<ArchiveFile>& files);

// Which files were looked at and found whole, so that only new ones cost more than a stat. Thread-
// safe.
class CheckedFiles {
 public:
  // Sizes, and of files not seen before the checksum and the field ids. `connection` may read the
  // files. Ends early with kTimeout where `expired` says so. A file that is not right ends it too,
  // and `bad_path` is its path then.
  Status check(duckdb_connection connection, const PlannedTables& planned,
               const std::function<bool()>& expired, std::string& bad_path);

 private:
  struct Seen {
    FileIdentity identity;
    std::string checksum;  // that was compared, or ""
  };
  Status check_file(duckdb_connection connection, const std::vector<ParquetColumn>& columns,
                    const ArchiveFile& file);
  bool is_known(const ArchiveFile& file, const FileIdentity& identity);
  void remember(const std::string& path, Seen seen);

  Mutex mutex_;
  std::map<std::string, Seen, std::less<>> seen_ FRESHET_GUARDED_BY(mutex_);
};

// The SELECT over a table's files that gives the named columns, in order; a column that files do
// not have is NULL. Nothing where there are no files.
std::optional<std::string> select_from_files(const PlannedTable& planned,
                                             const std::vector<ColumnSchema>& columns);

// FRS-3821 where DuckDB's words name one of the files, else nothing. `bad_path`, if given, is its
// path then.
std::optional<Error> file_error(const PlannedTables& planned, std::string_view message,
                                std::string* bad_path = nullptr);
std::optional<Error> file_error(const std::vector<ArchiveFile>& files, std::string_view message,
                                std::string* bad_path = nullptr);

}  // namespace freshet::sql

#include "sql/archive_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sql/parquet_metadata.h"
#include "sql/scan_conditions.h"

namespace freshet::sql {
namespace {

// Some hundred bytes each; where there are more, what is forgotten is looked at again.
constexpr std::size_t kSeenMax = 100'000;

Status check_size(const ArchiveFile& file, const FileIdentity& identity) {
  if (identity.bytes == file.bytes) return ok();
  return Error(Code::kCorruption, 3811,
               fmt::format("{}: {} bytes, the archive's metadata says {}", file.path,
                           identity.bytes, file.bytes));
}

Status check_checksum(const ArchiveFile& file) {
  if (file.checksum.empty()) return ok();
  FRESHET_TRY(FileBytes whole, read_file_bytes(file.path));
  if (whole.checksum == file.checksum) return ok();
  return Error(Code::kCorruption, 3812,
               fmt::format("{}: the bytes are others than were archived: checksum {}, not {}",
                           file.path, whole.checksum, file.checksum));
}

// A file of another table would give nothing but NULL: it has none of our columns.
Status check_columns(duckdb_connection connection, const std::vector<ParquetColumn>& columns,
                     const ArchiveFile& file) {
  FRESHET_TRY(std::vector<std::string> lines, read_parquet_schema(connection, file.path));
  for (const std::string& line : lines) {
    for (const ParquetColumn& column : columns) {
      if (line.starts_with(fmt::format("{} ", column.field_id))) return ok();
    }
  }
  return Error(Code::kCorruption, 3820,
               fmt::format("{}: none of its columns is one of the table's: the file is not of this "
                           "table",
                           file.path));
}

std::string last_row_condition(const ArchiveTable& table) {
  if (!table.last) return "";
  std::string column = quoted_name(table.last->column);
  auto known = std::find_if(
      table.columns.begin(), table.columns.end(),
      [&](const ParquetColumn& candidate) { return candidate.name == table.last->column; });
  bool is_time = known != table.columns.end() && known->type == ColumnType::kTimestamp;
  return fmt::format(" WHERE {} <= {}", is_time ? fmt::format("epoch_us({})", column) : column,
                     table.last->value);
}

// MAP {1: {name: 'detection_id', type: 'UUID', default_value: NULL}, …}
std::string reader_schema(const std::vector<ParquetColumn>& columns) {
  std::string entries;
  for (const ParquetColumn& column : columns) {
    entries += fmt::format("{}{}: {{name: {}, type: '{}', default_value: NULL}}",
                           entries.empty() ? "" : ", ", column.field_id, quoted_text(column.name),
                           sql_type_name(column.type));
  }
  return fmt::format("MAP {{{}}}", entries);
}

}  // namespace

Status check_archive_file(duckdb_connection connection, const std::vector<ParquetColumn>& columns,
                          const ArchiveFile& file) {
  FRESHET_TRY(FileIdentity identity, identity_of_file(file.path));
  FRESHET_TRY_STATUS(check_size(file, identity));
  FRESHET_TRY_STATUS(check_checksum(file));
  return check_columns(connection, columns, file);
}

std::string file_list_text(const std::vector<ArchiveFile>& files) {
  std::string list;
  for (const ArchiveFile& file : files)
    list += (list.empty() ? "" : ", ") + quoted_text(escaped_path(file.path));
  return '[' + list + ']';
}

Result<PlannedTables> plan_archives(duckdb_connection connection, const JudgedQuery& query,
                                    const ArchiveTables& archives, const Parameters& parameters) {
  PlannedTables planned;
  for (const auto& [name, table] : archives) {
    ScanConstraints constraints =
        constraints_of(connection, query.conditions, name, table->columns, parameters);
    auto files = table->plan(constraints);
    if (!files) return std::move(files).error();
    planned[name] = {table, *std::move(files)};
  }
  return planned;
}

std::vector<std::string> readable_paths(const PlannedTables& planned) {
  std::set<std::string> paths;
  for (const auto& [name, table] : planned) {
    for (const ArchiveFile& file : table.files) {
      paths.insert(file.path);
      // DuckDB asks for a pattern by its own text, before it looks what matches.
      paths.insert(escaped_path(file.path));
    }
  }
  return {paths.begin(), paths.end()};
}

Status CheckedFiles::check(duckdb_connection connection, const PlannedTables& planned,
                           const std::function<bool()>& expired) {
  for (const auto& [name, table] : planned) {
    for (const ArchiveFile& file : table.files) {
      if (expired()) return Error(Code::kTimeout, 5006, "the time was up while files were checked");
      FRESHET_TRY(FileIdentity identity, identity_of_file(file.path));
      FRESHET_TRY_STATUS(check_size(file, identity));
      if (is_known(file, identity)) continue;
      FRESHET_TRY_STATUS(check_checksum(file));
      FRESHET_TRY_STATUS(check_columns(connection, table.table->columns, file));
      remember(file.path, {identity, file.checksum});
    }
  }
  return ok();
}

bool CheckedFiles::is_known(const ArchiveFile& file, const FileIdentity& identity) {
  MutexLock lock(mutex_);
  auto seen = seen_.find(file.path);
  return seen != seen_.end() && seen->second.identity == identity &&
         (file.checksum.empty() || seen->second.checksum == file.checksum);
}

void CheckedFiles::remember(const std::string& path, Seen seen) {
  MutexLock lock(mutex_);
  if (seen_.size() >= kSeenMax) seen_.clear();
  seen_.insert_or_assign(path, std::move(seen));
}

std::optional<std::string> select_from_files(const PlannedTable& planned,
                                             const std::vector<ColumnSchema>& columns) {
  if (planned.files.empty()) return std::nullopt;
  std::string list;
  for (const ColumnSchema& column : columns) {
    const auto& archived = planned.table->columns;
    bool is_archived =
        std::any_of(archived.begin(), archived.end(),
                    [&](const ParquetColumn& known) { return known.name == column.name; });
    std::string name = quoted_name(column.name);
    list += list.empty() ? "" : ", ";
    list += is_archived ? name : fmt::format("NULL::{} AS {}", sql_type_name(column.type), name);
  }
  // By field id, so a file's own names do not count; its path says nothing of its columns.
  return fmt::format("SELECT {} FROM read_parquet({}, schema = {}, hive_partitioning = false){}",
                     list, file_list_text(planned.files), reader_schema(planned.table->columns),
                     last_row_condition(*planned.table));
}

std::optional<Error> file_error(const std::vector<ArchiveFile>& files, std::string_view message) {
  std::string_view named;  // the longest: one path may begin another
  for (const ArchiveFile& file : files) {
    if (file.path.size() > named.size() && message.find(file.path) != std::string_view::npos)
      named = file.path;
  }
  if (named.empty()) return std::nullopt;
  return Error(
      Code::kCorruption, 3821,
      fmt::format("the archived file {} cannot be read: {}", named, plain_message(message)));
}

std::optional<Error> file_error(const PlannedTables& planned, std::string_view message) {
  std::vector<ArchiveFile> all;
  for (const auto& [name, table] : planned)
    all.insert(all.end(), table.files.begin(), table.files.end());
  return file_error(all, message);
}

}  // namespace freshet::sql

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
  std::string column = quoted_name(table.last->column);
  auto known = std::find_if(
      table.columns.begin(), table.columns.end(),
      [&](const ParquetColumn& candidate) { return candidate.name == table.last->column; });
  bool is_time = known != table.columns.end() && known->type == ColumnType::kTimestamp;
  return fmt::format("{} <= {}", is_time ? fmt::format("epoch_us({})", column) : column,
                     table.last->value);
}

// Which rows of files are the table's: " WHERE …", or "" for all.
std::string row_condition(const ArchiveTable& table,
                          const std::optional<PositionRange>& positions) {
  std::string condition;
  if (table.last) condition = last_row_condition(table);
  if (positions) {
    condition += fmt::format("{}position > {} AND position <= {}", condition.empty() ? "" : " AND ",
                             positions->above, positions->last);
  }
  return condition.empty() ? condition : " WHERE " + condition;
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

void add_left_out(std::vector<LeftOut>& to, const std::string& reason, std::uint64_t rows,
                  std::uint64_t bytes) {
  auto entry = std::find_if(to.begin(), to.end(),
                            [&](const LeftOut& known) { return known.reason == reason; });
  if (entry == to.end()) entry = to.insert(to.end(), {reason, 0, 0, 0});
  ++entry->count;
  entry->rows += rows;
  entry->bytes += bytes;
}

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
                                    const ArchiveTables& archives, const Parameters& parameters,
                                    std::vector<MissingPart>* missing) {
  PlannedTables planned;
  OnMissing on_missing = missing == nullptr ? OnMissing::kFail : OnMissing::kNote;
  for (const auto& [name, table] : archives) {
    ScanConstraints constraints =
        constraints_of(connection, query.conditions, name, table->columns, parameters);
    auto plan = table->plan(constraints, on_missing);
    if (!plan) return std::move(plan).error();
    PlannedTable& made = planned[name];
    made = {table, {}, std::move(plan->left_out), std::move(plan->snapshot)};
    for (ArchiveFile& file : plan->files) {
      if (!file.failure) {
        made.files.push_back(std::move(file));
        continue;
      }
      if (missing == nullptr) return *std::move(file.failure);
      missing->push_back({name, file.shown_name(), {}, file.rows, file.failure->to_string()});
    }
  }
  return planned;
}

void drop_file(PlannedTables& planned, const std::string& path, const Error& why,
               std::vector<MissingPart>& missing) {
  for (auto& [name, table] : planned) {
    std::erase_if(table.files, [&, &name = name](const ArchiveFile& file) {
      if (file.path != path) return false;
      missing.push_back({name, file.shown_name(), {}, file.rows, why.to_string()});
      return true;
    });
  }
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
                           const std::function<bool()>& expired, std::string& bad_path) {
  for (const auto& [name, table] : planned) {
    for (const ArchiveFile& file : table.files) {
      if (expired()) return Error(Code::kTimeout, 5006, "the time was up while files were checked");
      Status checked = check_file(connection, table.table->columns, file);
      if (checked) continue;
      bad_path = file.path;
      return checked;
    }
  }
  return ok();
}

Status CheckedFiles::check_file(duckdb_connection connection,
                                const std::vector<ParquetColumn>& columns,
                                const ArchiveFile& file) {
  FRESHET_TRY(FileIdentity identity, identity_of_file(file.path));
  FRESHET_TRY_STATUS(check_size(file, identity));
  if (is_known(file, identity)) return ok();
  FRESHET_TRY_STATUS(check_checksum(file));
  FRESHET_TRY_STATUS(check_columns(connection, columns, file));
  remember(file.path, {identity, file.checksum});
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
  std::string query;
  for (std::size_t begin = 0, end = 0; begin < planned.files.size(); begin = end) {
    std::vector<ArchiveFile> files;
    for (; end < planned.files.size() &&
           planned.files[end].positions == planned.files[begin].positions;
         ++end)
      files.push_back(planned.files[end]);
    // By field id, so a file's own names do not count; its path says nothing of its columns.
    query +=
        fmt::format("{}SELECT {} FROM read_parquet({}, schema = {}, hive_partitioning = false){}",
                    query.empty() ? "" : " UNION ALL ", list, file_list_text(files),
                    reader_schema(planned.table->columns),
                    row_condition(*planned.table, files.front().positions));
  }
  return query;
}

std::optional<Error> file_error(const std::vector<ArchiveFile>& files, std::string_view message,
                                std::string* bad_path) {
  std::string_view named;  // the longest: one path may begin another
  for (const ArchiveFile& file : files) {
    if (file.path.size() > named.size() && message.find(file.path) != std::string_view::npos)
      named = file.path;
  }
  if (named.empty()) return std::nullopt;
  if (bad_path != nullptr) *bad_path = named;
  return Error(
      Code::kCorruption, 3821,
      fmt::format("the archived file {} cannot be read: {}", named, plain_message(message)));
}

std::optional<Error> file_error(const PlannedTables& planned, std::string_view message,
                                std::string* bad_path) {
  std::vector<ArchiveFile> all;
  for (const auto& [name, table] : planned)
    all.insert(all.end(), table.files.begin(), table.files.end());
  return file_error(all, message, bad_path);
}

}  // namespace freshet::sql

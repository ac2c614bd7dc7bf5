// The tables of an archive that replays have filled.
#include <fmt/format.h>

#include <algorithm>

#include "archive/archive.h"
#include "common/logging.h"

namespace freshet::archive {
namespace {

constexpr int kErrorTableExists = 3843, kErrorNoFilesOfSuchRows = 3844, kErrorNotOpen = 3846;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

}  // namespace

bool is_filled(const TableState& state) {
  return state.metadata.properties.contains(std::string(kFilledLike));
}

// Once the store answers. One that cannot be read must not keep the others from being archived.
Status Archive::open_filled_tables() {
  if (filled_opened_) return ok();
  FRESHET_TRY(auto rows, catalog_.archive_tables());
  for (const catalog::ArchiveTableRow& row : rows) {
    if (find_table(row.name) || pipeline_tables_.find(row.name)) continue;
    Status opened = open_filled_table(row);
    if (opened) continue;
    log_error("an archived table is not shown until the next start",
              {{"table", row.name}, {"error", opened.error().to_string()}});
  }
  filled_opened_ = true;
  return ok();
}

Status Archive::open_filled_table(const catalog::ArchiveTableRow& row) {
  FRESHET_TRY(auto state, load_table_state(*store_, catalog_, row));
  if (!is_filled(*state)) return ok();  // of a pipeline that is not configured now
  if (row.boundary == Position{}) return remove_unfinished(*store_, catalog_, row.name);
  FRESHET_TRY(std::shared_ptr<Table> table, Table::open(parts(), filled_table_info(*state), row));
  MutexLock lock(tables_mutex_);
  tables_[row.name] = std::move(table);
  return ok();
}

Status Archive::check_new_table(const std::string& name, const Schema& schema) {
  FRESHET_TRY(auto rows, catalog_.archive_tables());
  auto taken = [&](const std::string& other) {
    return lower_case(iceberg_name_of(other)) == lower_case(iceberg_name_of(name));
  };
  bool exists =
      std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return taken(row.name); });
  for (const pipeline::TableInfo& info : pipeline_tables_.tables())
    exists = exists || taken(info.name);
  if (exists) {
    return Error(Code::kExists, kErrorTableExists,
                 fmt::format("there is a table {} already: give the new one another name", name));
  }
  bool has_order = schema.find("camera_id") && schema.find("event_time");
  if (has_order) return ok();
  return Error(
      Code::kInvalid, kErrorNoFilesOfSuchRows,
      "files are sorted by camera_id and event_time, and the pipeline's rows have not both: "
      "select them in its SQL");
}

Result<std::unique_ptr<TableBuild>> Archive::build_table(const pipeline::TableInfo& info,
                                                         const std::string& source,
                                                         std::uint64_t memory_bytes) {
  if (!filled_opened_) {
    return Error(Code::kUnavailable, kErrorNotOpen,
                 "the archive is not open: GET /metrics and the log say what it answers");
  }
  FRESHET_TRY_STATUS(check_new_table(info.name, info.schema));
  TableParts own = parts();
  own.work_folder += "/build";
  return TableBuild::open(own, info, source, memory_bytes);
}

Status Archive::show_table(const std::string& name) {
  FRESHET_TRY(auto rows, catalog_.archive_tables());
  for (const catalog::ArchiveTableRow& row : rows) {
    if (row.name == name) return open_filled_table(row);
  }
  return Error(Code::kNotFound, 3830, fmt::format("no archived table has the name \"{}\"", name));
}

std::vector<FilledTable> Archive::filled_tables() {
  std::vector<FilledTable> filled;
  for (const std::shared_ptr<Table>& table : all_tables()) {
    std::shared_ptr<const TableState> state = table->state();
    if (is_filled(*state)) filled.push_back({filled_table_info(*state), table->part()});
  }
  return filled;
}

TableParts Archive::parts() {
  return {*store_, catalog_, disk_, clock_, random_, *writer_, files_, config_.work_folder};
}

}  // namespace freshet::archive

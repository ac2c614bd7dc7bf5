#include "replay/all_tables.h"

#include <algorithm>

#include "archive/archive.h"

namespace freshet::replay {

std::optional<archive::FilledTable> AllTables::find_filled(std::string_view table) {
  if (archive_ == nullptr) return std::nullopt;
  for (archive::FilledTable& filled : archive_->filled_tables()) {
    if (filled.info.name == table) return std::move(filled);
  }
  return std::nullopt;
}

hot::Snapshot AllTables::no_rows(const pipeline::TableInfo& info) {
  MutexLock lock(mutex_);
  std::unique_ptr<hot::Table>& table = empty_[info.name];
  if (!table) {
    hot::TableConfig config;
    config.name = info.name;
    config.schema = info.schema;
    table = std::make_unique<hot::Table>(std::move(config), nothing_);
  }
  return table->snapshot();
}

std::vector<pipeline::TableInfo> AllTables::tables() {
  std::vector<pipeline::TableInfo> infos = pipelines_.tables();
  if (archive_ == nullptr) return infos;
  for (archive::FilledTable& filled : archive_->filled_tables())
    infos.push_back(std::move(filled.info));
  std::sort(infos.begin(), infos.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return infos;
}

std::optional<pipeline::TableInfo> AllTables::find(std::string_view table) {
  if (auto info = pipelines_.find(table)) return info;
  auto filled = find_filled(table);
  return filled ? std::optional(std::move(filled->info)) : std::nullopt;
}

std::optional<pipeline::Cut> AllTables::cut(std::string_view table) {
  if (auto cut = pipelines_.cut(table)) return cut;
  auto filled = find_filled(table);
  if (!filled) return std::nullopt;
  pipeline::Cut cut;
  cut.stream = filled->info.stream;
  cut.position = filled->part.boundary;
  cut.tables.emplace(filled->info.name, no_rows(filled->info));
  cut.archived.emplace(filled->info.name, std::move(filled->part));
  return cut;
}

std::optional<hot::Snapshot> AllTables::snapshot(std::string_view table) {
  if (auto rows = pipelines_.snapshot(table)) return rows;
  auto filled = find_filled(table);
  return filled ? std::optional(no_rows(filled->info)) : std::nullopt;
}

Result<std::optional<hot::RowNumber>> AllTables::find_row(std::string_view table,
                                                          std::string_view id) {
  return pipelines_.find_row(table, id);
}

bool AllTables::wait_for(std::string_view table, Position position, std::int64_t timeout_us) {
  auto filled = find_filled(table);
  if (filled) return position <= filled->part.boundary;
  return pipelines_.wait_for(table, position, timeout_us);
}

}  // namespace freshet::replay

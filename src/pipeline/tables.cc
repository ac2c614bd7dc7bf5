#include "pipeline/tables.h"

#include <algorithm>

namespace freshet::pipeline {

void Tables::add(std::shared_ptr<StreamPipeline> pipeline) {
  MutexLock lock(mutex_);
  std::string name = pipeline->settings().table;
  pipelines_[name] = std::move(pipeline);
}

void Tables::remove(const StreamPipeline& pipeline) {
  MutexLock lock(mutex_);
  auto found = pipelines_.find(pipeline.settings().table);
  if (found != pipelines_.end() && found->second.get() == &pipeline) pipelines_.erase(found);
}

std::shared_ptr<StreamPipeline> Tables::pipeline_of(std::string_view table) {
  std::string_view name = table.substr(0, table.find('$'));
  MutexLock lock(mutex_);
  auto found = pipelines_.find(name);
  return found == pipelines_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<StreamPipeline>> Tables::pipelines() {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<StreamPipeline>> all;
  for (const auto& [name, pipeline] : pipelines_) all.push_back(pipeline);
  return all;
}

Status Tables::check_reference(const ReferenceTable& table) {
  for (const auto& pipeline : pipelines()) FRESHET_TRY_STATUS(pipeline->check_reference(table));
  return ok();
}

std::vector<TableInfo> Tables::tables() {
  std::vector<TableInfo> infos;
  for (const auto& pipeline : pipelines()) {
    for (TableInfo& info : pipeline->tables()->table_infos()) infos.push_back(std::move(info));
  }
  std::sort(infos.begin(), infos.end(),
            [](const TableInfo& a, const TableInfo& b) { return a.name < b.name; });
  return infos;
}

std::optional<TableInfo> Tables::find(std::string_view table) {
  auto pipeline = pipeline_of(table);
  if (!pipeline) return std::nullopt;
  if (table == pipeline->settings().table) return pipeline->tables()->info();
  for (TableInfo& info : pipeline->tables()->table_infos()) {
    if (info.name == table) return std::move(info);
  }
  return std::nullopt;
}

std::optional<Cut> Tables::cut(std::string_view table) {
  auto pipeline = pipeline_of(table);
  if (!pipeline) return std::nullopt;
  return pipeline->tables()->cut();
}

std::optional<hot::Snapshot> Tables::snapshot(std::string_view table) {
  auto pipeline = pipeline_of(table);
  return pipeline ? pipeline->tables()->snapshot(table) : std::nullopt;
}

Result<std::optional<hot::RowNumber>> Tables::find_row(std::string_view table,
                                                       std::string_view id) {
  auto pipeline = pipeline_of(table);
  if (!pipeline || table != pipeline->settings().table) return std::optional<hot::RowNumber>();
  auto row = pipeline->find_row(id);
  if (row) return row;
  // To a door kCorruption means the client's own bytes.
  return Error(Code::kIo, row.error().number(), row.error().message());
}

bool Tables::wait_for(std::string_view table, Position position, std::int64_t timeout_us) {
  auto pipeline = pipeline_of(table);
  return pipeline && pipeline->tables()->wait_for(position, timeout_us);
}

}  // namespace freshet::pipeline

// A TableService in memory, for the tests of what reads tables. One writing thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hot/table.h"
#include "pipeline/table_service.h"

namespace freshet::query {

class ModelTables : public pipeline::TableService {
 public:
  explicit ModelTables(std::string stream) : stream_(std::move(stream)) {}

  void add(const std::string& name, const Schema& schema, std::uint32_t chunk_rows) {
    pipeline::TableInfo info;
    info.name = name;
    info.stream = stream_;
    info.pipeline = name;
    info.schema = schema;
    info.id_column = schema.find("detection_id");
    info.time_column = schema.find("event_time");
    hot::TableConfig config;
    config.name = name;
    config.schema = schema;
    config.time_column = info.time_column;
    config.chunk_rows = chunk_rows;
    if (auto camera = schema.find("camera_id")) config.key_columns = {*camera};
    info.key_columns = config.key_columns;
    tables_[name] = {std::move(info), std::make_unique<hot::Table>(std::move(config), budget_)};
  }
  // Not visible before publish().
  void append(const std::string& name, const ColumnBatch& rows) {
    FRESHET_CHECK(tables_.at(name).table->append(rows).has_value());
  }
  void publish(Position position) {
    for (auto& [name, entry] : tables_) entry.table->publish(entry.table->appended());
    position_ = position;
  }
  void set_archived(const std::string& name, pipeline::ArchivedPart part) {
    archived_[name] = std::move(part);
  }
  void count(const pipeline::LedgerDelta& delta) { ledger_.apply(delta); }
  hot::Table& table(const std::string& name) { return *tables_.at(name).table; }

  std::vector<pipeline::TableInfo> tables() override {
    std::vector<pipeline::TableInfo> infos;
    for (const auto& [name, entry] : tables_) infos.push_back(entry.info);
    return infos;
  }
  std::optional<pipeline::TableInfo> find(std::string_view name) override {
    auto entry = tables_.find(name);
    if (entry == tables_.end()) return std::nullopt;
    return entry->second.info;
  }
  std::optional<pipeline::Cut> cut(std::string_view name) override {
    if (!tables_.contains(name)) return std::nullopt;
    pipeline::Cut cut;
    cut.stream = stream_;
    cut.position = position_;
    cut.ref_version = 1;
    for (const auto& [table, entry] : tables_) cut.tables.emplace(table, entry.table->snapshot());
    cut.archived = archived_;
    cut.ledger = ledger_.snapshot();
    return cut;
  }
  std::optional<hot::Snapshot> snapshot(std::string_view name) override {
    auto entry = tables_.find(name);
    if (entry == tables_.end()) return std::nullopt;
    return entry->second.table->snapshot();
  }
  Result<std::optional<hot::RowNumber>> find_row(std::string_view, std::string_view) override {
    return std::optional<hot::RowNumber>();
  }
  bool wait_for(std::string_view, Position position, std::int64_t) override {
    return position <= position_;
  }

 private:
  struct Entry {
    pipeline::TableInfo info;
    std::unique_ptr<hot::Table> table;
  };
  std::string stream_;
  MemoryBudget budget_{8ull << 30};
  Position position_;
  pipeline::Ledger ledger_;
  std::map<std::string, pipeline::ArchivedPart, std::less<>> archived_;
  std::map<std::string, Entry, std::less<>> tables_;
};

}  // namespace freshet::query

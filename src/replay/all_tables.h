// The tables that SQL reads: those of the pipelines, and those that replays have filled.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/memory_budget.h"
#include "common/mutex.h"
#include "pipeline/table_service.h"

namespace freshet::archive {
class Archive;
struct FilledTable;
}  // namespace freshet::archive

namespace freshet::replay {

// Thread-safe. Filled tables have no hot rows: no key finds one.
class AllTables : public pipeline::TableService {
 public:
  // Both outlive it; `archive` may be null.
  AllTables(pipeline::TableService& pipelines, archive::Archive* archive)
      : pipelines_(pipelines), archive_(archive) {}

  std::vector<pipeline::TableInfo> tables() override;
  std::optional<pipeline::TableInfo> find(std::string_view table) override;
  std::optional<pipeline::Cut> cut(std::string_view table) override;
  std::optional<hot::Snapshot> snapshot(std::string_view table) override;
  Result<std::optional<hot::RowNumber>> find_row(std::string_view table,
                                                 std::string_view id) override;
  bool wait_for(std::string_view table, Position position, std::int64_t timeout_us) override;

 private:
  std::optional<archive::FilledTable> find_filled(std::string_view table);
  hot::Snapshot no_rows(const pipeline::TableInfo& info);

  pipeline::TableService& pipelines_;
  archive::Archive* archive_;
  MemoryBudget nothing_{0};
  Mutex mutex_;
  // One each, always empty: the hot part of a filled table.
  std::map<std::string, std::unique_ptr<hot::Table>, std::less<>> empty_ FRESHET_GUARDED_BY(mutex_);
};

}  // namespace freshet::replay

// The tables of all pipelines, by name.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/mutex.h"
#include "pipeline/stream_pipeline.h"
#include "pipeline/table_service.h"

namespace freshet::pipeline {

// Thread-safe.
class Tables : public TableService {
 public:
  void add(std::shared_ptr<StreamPipeline> pipeline);
  void remove(const StreamPipeline& pipeline);
  // Could every pipeline that joins the table take this version?
  Status check_reference(const ReferenceTable& table);
  // The pipeline behind a table, "detections$dead" too; null where there is none.
  std::shared_ptr<StreamPipeline> pipeline_of(std::string_view table);

  std::vector<TableInfo> tables() override;
  std::optional<TableInfo> find(std::string_view table) override;
  std::optional<Cut> cut(std::string_view table) override;
  std::optional<hot::Snapshot> snapshot(std::string_view table) override;
  Result<std::optional<hot::RowNumber>> find_row(std::string_view table,
                                                 std::string_view id) override;
  bool wait_for(std::string_view table, Position position, std::int64_t timeout_us) override;

 private:
  std::vector<std::shared_ptr<StreamPipeline>> pipelines();

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<StreamPipeline>, std::less<>> pipelines_
      FRESHET_GUARDED_BY(mutex_);
};

}  // namespace freshet::pipeline

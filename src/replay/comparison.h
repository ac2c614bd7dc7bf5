// Replayed rows beside production's rows of the same positions.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/streams.h"
#include "pipeline/tables.h"
#include "replay/range_replay.h"
#include "replay/replay_service.h"
#include "sql/query_database.h"

namespace freshet::replay {

// One thread. Values are compared as SQL does (IS DISTINCT FROM), column by column.
class Comparison : public RowSink {
 public:
  // `production` fills the table that is compared with; its log is `log`. All outlives it.
  static Result<std::unique_ptr<Comparison>> open(pipeline::Tables& tables, std::string table,
                                                  pipeline::LogOfStream log,
                                                  std::uint64_t memory_bytes);
  // kExpired FRS-5127 where production has let go of the rows meanwhile.
  Status take(const ReplayedRows& step) override;
  const ReplayComparison& result() const { return result_; }

 private:
  Comparison(pipeline::Tables& tables, std::string table, pipeline::LogOfStream log,
             std::unique_ptr<sql::QueryDatabase> database);
  struct Sides;
  Result<Sides> sides_of(const ReplayedRows& step);
  Result<std::string> ask(const Sides& sides, const std::string& sql, sql::AnswerFormat format);
  Status count(const Sides& sides, const std::string& joined);
  Status add_examples(const Sides& sides, const std::string& joined);

  pipeline::Tables& tables_;
  const std::string table_;
  pipeline::LogOfStream log_;
  std::unique_ptr<sql::QueryDatabase> database_;
  ReplayComparison result_;
};

}  // namespace freshet::replay

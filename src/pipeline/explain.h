// One event's fate, from everything that its pipeline knows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "event/position.h"
#include "pipeline/stream_pipeline.h"

namespace freshet::pipeline {

// What happened to one record with the id.
struct FateStep {
  std::string outcome;  // "accepted", "duplicate", "refused", "filtered"
  Position position;
  std::uint32_t sub = 0;
  std::int64_t arrival_us = 0;  // 0 where not known any more
  std::string partition;
  std::string reason;  // of a refusal
  std::string detail;
};

struct Fate {
  std::string table;
  bool known = false;  // dedup knows the id, or an outcome table holds it
  std::optional<hot::RowNumber> row;
  std::vector<FateStep> steps;  // by position
};

// Looks through the outcome tables, a scan of them: on a worker, not a net thread.
Result<Fate> explain(const StreamPipeline& pipeline, std::string_view id);

}  // namespace freshet::pipeline

#include "app/memory_plan.h"

#include <algorithm>

namespace freshet::app {

MemoryPlan plan_memory(const LimitsConfig& limits) {
  MemoryPlan plan;
  // What the process needs before it holds a single row: threads, DuckDB, log buffers, allocator
  // slack.
  plan.other_bytes = std::min<std::uint64_t>(limits.memory_bytes / 4, 256ull << 20);
  std::uint64_t left = limits.memory_bytes - plan.other_bytes;
  plan.query_bytes = std::min(limits.query_memory_bytes, left / 2);
  left -= plan.query_bytes;
  plan.requests_bytes = std::min<std::uint64_t>(left / 4, 512ull << 20);
  plan.rows_bytes = left - plan.requests_bytes;
  return plan;
}

}  // namespace freshet::app

#include "app/memory_plan.h"

#include <algorithm>

namespace freshet::app {
namespace {

constexpr std::uint64_t kBytesPerId = 82;
// A checkpoint writes all of them.
constexpr std::uint64_t kMemoryIdsMax = 4'000'000;

}  // namespace

MemoryPlan plan_memory(const LimitsConfig& limits, bool archived) {
  MemoryPlan plan;
  // What the process needs before it holds a single row: threads, DuckDB, log buffers, allocator
  // slack.
  plan.other_bytes = std::min<std::uint64_t>(limits.memory_bytes / 4, 256ull << 20);
  // A row group and what it is sorted by; a merge spills what has no room.
  if (archived) plan.archive_bytes = std::min<std::uint64_t>(limits.memory_bytes / 8, 256ull << 20);
  std::uint64_t left = limits.memory_bytes - plan.other_bytes - 2 * plan.archive_bytes;
  plan.query_bytes = std::min(limits.query_memory_bytes, left / 2);
  left -= plan.query_bytes;
  plan.requests_bytes = std::min<std::uint64_t>(left / 4, 512ull << 20);
  plan.rows_bytes = left - plan.requests_bytes;
  // A quarter for ids in memory, which is minutes of retries at full rate; the filter of those on
  // disk, 2 bytes an id, comes out of the rest.
  plan.memory_ids = std::min(plan.rows_bytes / 4 / kBytesPerId, kMemoryIdsMax);
  return plan;
}

}  // namespace freshet::app

// How limits.memory is shared out: one owner a budget, their sum below the limit.
#pragma once

#include <cstdint>

#include "app/config.h"

namespace freshet::app {

// An archive wants so much: its files are made in memory.
inline constexpr std::uint64_t kArchiveMemoryMin = 512ull << 20;

struct MemoryPlan {
  std::uint64_t rows_bytes = 0;      // hot rows, dedup, ledger
  std::uint64_t memory_ids = 0;      // event ids of these; older ones go to disk
  std::uint64_t query_bytes = 0;     // DuckDB's, for all queries together
  std::uint64_t requests_bytes = 0;  // of HTTP requests from their head to their answer
  std::uint64_t archive_bytes = 0;   // of the thread that writes files, and once more of the merge
  std::uint64_t other_bytes = 0;     // code, buffers of the log, caches: not handed out
};

MemoryPlan plan_memory(const LimitsConfig& limits, bool archived);

}  // namespace freshet::app

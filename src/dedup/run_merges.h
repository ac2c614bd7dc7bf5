// Which runs shall become one.
#pragma once

#include <cstdint>
#include <vector>

#include "dedup/run_set.h"

namespace freshet::dedup {

struct MergePolicy {
  std::uint64_t flush_entries = 1;  // of a run as it leaves memory
  std::uint32_t fan_in = 6;         // so many runs of a size become one of the next
};

// Oldest first, neighbours in one group; empty where all is well.
std::vector<RunFilePtr> pick_merge(const RunSet& set, const MergePolicy& policy);
// The first of two closed neighbours that shall become one group, because tags have run out;
// nothing where there are no two.
std::optional<std::size_t> pick_groups(const RunSet& set);

}  // namespace freshet::dedup

#include "dedup/run_merges.h"

#include <algorithm>

namespace freshet::dedup {
namespace {

// A merge holds a buffer for each of its runs.
constexpr std::size_t kRunsMax = 32;

// 0 for a run as it was flushed, 1 for one of fan_in such, and so on.
std::uint32_t size_class(const RunFile& run, const MergePolicy& policy) {
  std::uint32_t result = 0;
  for (std::uint64_t size = policy.flush_entries * policy.fan_in / 2; size < run.entries();
       size *= policy.fan_in)
    ++result;
  return result;
}

// The newest runs up to the first that is larger than all of them together would be: size-tiered,
// so each entry is written again once a size.
std::vector<RunFilePtr> pick_tier(const std::vector<RunFilePtr>& runs, const MergePolicy& policy) {
  std::size_t count = 0;
  std::uint32_t largest = 0;
  while (count < runs.size()) {
    largest = std::max(largest, size_class(*runs[runs.size() - 1 - count], policy));
    std::size_t of_size = 0;
    while (count < runs.size() && size_class(*runs[runs.size() - 1 - count], policy) <= largest) {
      ++count;
      ++of_size;
    }
    if (of_size < policy.fan_in) continue;
    std::size_t taken = std::min(of_size, kRunsMax);
    auto first = runs.end() - static_cast<std::ptrdiff_t>(count);
    return {first, first + static_cast<std::ptrdiff_t>(taken)};
  }
  return {};
}

}  // namespace

std::vector<RunFilePtr> pick_merge(const RunSet& set, const MergePolicy& policy) {
  if (set.empty()) return {};
  // In a closed group an id that is sought costs a page a run: one run is best. Small ones of the
  // open group first, they are what grows.
  auto tier = pick_tier(set.back().runs, policy);
  if (!tier.empty()) return tier;
  for (std::size_t i = 0; i + 1 < set.size(); ++i) {
    const auto& runs = set[i].runs;
    if (runs.size() < 2) continue;
    return {runs.begin(),
            runs.begin() + static_cast<std::ptrdiff_t>(std::min(runs.size(), kRunsMax))};
  }
  return {};
}

std::optional<std::size_t> pick_groups(const RunSet& set) {
  std::optional<std::size_t> best;
  std::uint64_t best_entries = ~std::uint64_t{0};
  for (std::size_t i = 0; i + 2 < set.size(); ++i) {
    std::uint64_t entries = set[i].entries() + set[i + 1].entries();
    if (entries >= best_entries) continue;
    best = i;
    best_entries = entries;
  }
  return best;
}

}  // namespace freshet::dedup

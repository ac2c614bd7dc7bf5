// The runs that stand, and the book that says which they are.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "dedup/run_file.h"

namespace freshet::dedup {

using RunFilePtr = std::shared_ptr<const RunFile>;  // shared: a reader may be in a run that goes

// Runs that follow one another in time, under one tag of the filter. While two groups become one
// their entries have either tag.
struct RunGroup {
  std::uint32_t tag = 0;
  std::uint32_t tags = 0;        // bits, `tag` among them
  std::vector<RunFilePtr> runs;  // oldest first
  std::uint64_t entries() const {
    std::uint64_t sum = 0;
    for (const RunFilePtr& run : runs) sum += run->entries();
    return sum;
  }
};

// Oldest first. New runs go to the last group; the others are closed.
using RunSet = std::vector<RunGroup>;

// The runs' numbers, group by group.
using RunNames = std::vector<std::vector<std::uint64_t>>;

// One writer, any readers.
class RunBook {
 public:
  // Rises with every change.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const RunSet> read() const {
    MutexLock lock(mutex_);
    return set_;
  }
  void write(RunSet set) {
    auto next = std::make_shared<const RunSet>(std::move(set));
    MutexLock lock(mutex_);
    set_.swap(next);
    version_.fetch_add(1, std::memory_order_release);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const RunSet> set_ FRESHET_GUARDED_BY(mutex_) = std::make_shared<RunSet>();
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace freshet::dedup

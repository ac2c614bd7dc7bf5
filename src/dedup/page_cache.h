// The pages of runs that were read last, checked: a key that is asked for again and again costs
// one read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "common/mutex.h"
#include "dedup/run_page.h"

namespace freshet::dedup {

struct CachedPage {
  std::uint64_t run = 0;
  std::uint64_t page = 0;
  alignas(8) std::array<std::byte, run_format::kPageBytes> bytes;
};

// Any thread.
class PageCache {
 public:
  static constexpr std::size_t kSlots = 64;

  std::shared_ptr<const CachedPage> find(std::uint64_t run, std::uint64_t page) const {
    MutexLock lock(mutex_);
    const auto& slot = slots_[slot_of(run, page)];
    return slot != nullptr && slot->run == run && slot->page == page ? slot : nullptr;
  }
  void put(std::shared_ptr<const CachedPage> page) {
    reads_.fetch_add(1, std::memory_order_relaxed);
    std::size_t slot = slot_of(page->run, page->page);
    MutexLock lock(mutex_);
    slots_[slot].swap(page);
  }
  std::uint64_t reads() const { return reads_.load(std::memory_order_relaxed); }

 private:
  static std::size_t slot_of(std::uint64_t run, std::uint64_t page) {
    return (run * 31 + page) % kSlots;
  }
  mutable Mutex mutex_;
  std::array<std::shared_ptr<const CachedPage>, kSlots> slots_ FRESHET_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> reads_{0};
};

}  // namespace freshet::dedup

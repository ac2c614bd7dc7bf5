// The shared memory of one table: a sparse memfd in which each chunk has a range of its own.
//
// Ranges are never given twice, so that a stale offset never leads into another chunk; a file of
// 2^63 bytes lasts. One descriptor per table, whatever the number of chunks. Thread-safe: a chunk
// may die on the thread of the last reader that held it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "common/memory_budget.h"
#include "common/result.h"

namespace freshet::hot {

class Arena {
 public:
  Arena(std::string name, MemoryBudget& budget) : name_(std::move(name)), budget_(budget) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  struct Range {
    std::byte* base = nullptr;
    std::uint64_t offset = 0;  // in the memfd
    std::uint64_t bytes = 0;
  };
  // Owner thread. Maps `bytes` of fresh zeros; they cost nothing yet.
  Result<Range> map(std::uint64_t bytes);
  // Gives pages back to the system; they read as zeros afterwards.
  void discard(const Range& range, std::uint64_t from, std::uint64_t bytes);
  void unmap(const Range& range);
  // Maps the first `bytes` of a file read-only, at no offset of the memfd. The file may be closed.
  Result<Range> map_file(int descriptor, std::uint64_t bytes) const;
  static void unmap_file(const Range& range);
  // Makes pages present before they are written: one call instead of a fault per page.
  static void populate(const Range& range, std::uint64_t from, std::uint64_t bytes);

  // The budget, and what of it this table uses now.
  bool try_take(std::uint64_t bytes);
  void give_back(std::uint64_t bytes);
  std::uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t limit_bytes() const { return budget_.limit_bytes(); }

 private:
  std::string name_;
  MemoryBudget& budget_;
  int fd_ = -1;
  std::uint64_t end_ = 0;
  std::atomic<std::uint64_t> used_bytes_{0};
};

}  // namespace freshet::hot

// Entries in memory, in generations that are filled one after another and let go whole, oldest
// first. An entry's number counts on for ever; the low bits are its place in its generation.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "dedup/dedup_entry.h"
#include "io/executor.h"
#include "io/page_memory.h"

namespace freshet::dedup {

// One cache line each: to confirm a hit costs one miss.
static_assert(sizeof(DedupEntry) == 64);

struct Generation {
  // Not from the heap: the index's small tables would settle in the holes that generations leave,
  // and the next ones find no place. Pages are touched as entries come, not in one pause.
  // Shared: a checkpoint may write what has left meanwhile.
  using Memory = std::shared_ptr<const io::PageMemory>;
  static Memory make_memory(std::uint32_t count) {
    return std::make_shared<const io::PageMemory>(sizeof(DedupEntry) * count);
  }
  Memory memory;
  DedupEntry* entries() const { return reinterpret_cast<DedupEntry*>(memory->data()); }
  std::uint32_t used = 0;
  std::uint32_t living = 0;  // entries that a slot leads to; the others were seen again, elsewhere
  std::int64_t last_seen_us = 0;  // of the youngest
  std::uint64_t rows_end = 0;     // one past the highest row
  std::span<const DedupEntry> span() const { return {entries(), used}; }
};

// The owner's, but for entry_at() and number_of(), which readers call under a lock of MemoryIds.
class Generations {
 public:
  Generations(std::uint32_t bits, io::Executor* background)
      : bits_(bits), background_(background) {}

  std::uint32_t entries_each() const { return 1u << bits_; }
  std::uint64_t bytes_each() const {
    return sizeof(Generation) + sizeof(DedupEntry) * entries_each() + 64;
  }
  bool empty() const { return all_.empty(); }
  std::size_t size() const { return all_.size(); }
  const std::deque<Generation>& all() const { return all_; }
  Generation& front() { return all_.front(); }
  Generation& back() { return all_.back(); }
  bool is_full() const { return all_.empty() || all_.back().used == entries_each(); }
  std::uint32_t room() const { return all_.empty() ? 0 : entries_each() - all_.back().used; }

  // What a slot's low 32 bits mean, or nothing where that entry has been let go.
  std::optional<std::uint64_t> number_of(std::uint64_t slot) const {
    auto ahead = static_cast<std::uint32_t>(slot) - static_cast<std::uint32_t>(first_number_);
    if (ahead >= std::uint64_t{all_.size()} << bits_) return std::nullopt;
    return first_number_ + ahead;
  }
  Generation& generation_of(std::uint64_t number) {
    return all_[(number - first_number_) >> bits_];
  }
  const DedupEntry& entry_at(std::uint64_t number) const {
    std::uint64_t ahead = number - first_number_;
    return all_[ahead >> bits_].entries()[ahead & (entries_each() - 1)];
  }
  DedupEntry& entry_at(std::uint64_t number) {
    std::uint64_t ahead = number - first_number_;
    return all_[ahead >> bits_].entries()[ahead & (entries_each() - 1)];
  }

  // Memory for one more; it may have been made present ahead, in the background.
  Generation make();
  void push(Generation generation) { all_.push_back(std::move(generation)); }
  // Into the last, which has room. Gives the entry's number.
  std::uint64_t append(const DedupEntry& entry);
  Generation pop() {
    Generation gone = std::move(all_.front());
    all_.pop_front();
    first_number_ += entries_each();
    return gone;
  }

 private:
  // Entries of the generation to come, whose pages the background has touched. Shared with it: it
  // may come too late.
  struct Spare {
    explicit Spare(std::uint32_t count) : memory(Generation::make_memory(count)) {}
    Generation::Memory memory;
    std::atomic<bool> is_ready{false};
    void touch(std::size_t bytes);
  };

  std::uint32_t bits_;
  io::Executor* background_;  // may be null
  std::shared_ptr<Spare> spare_;
  std::deque<Generation> all_;
  std::uint64_t first_number_ = 0;  // of the oldest generation
};

}  // namespace freshet::dedup

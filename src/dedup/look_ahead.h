// Ids are looked for in the filter of runs some hundred events before they are decided, so that
// what must be read from disk is on its way when its turn comes. What is in no run is remembered
// for its decision.
#pragma once

#include <array>
#include <cstdint>

#include "dedup/run_store.h"

namespace freshet::dedup {

// The owner's of a Dedup.
class LookAhead {
 public:
  void look(const RunStore& store, std::uint64_t hash) {
    if (!store.has_runs()) return;
    store.prefetch(hash);
    std::uint64_t due = on_the_way_[next_];
    on_the_way_[next_] = hash;
    next_ = (next_ + 1) % kOnTheWay;
    if (due == 0) return;
    if (store.may_hold(due)) {
      store.will_need(due);
    } else {
      absent_[due % kAbsent] = due;
    }
  }
  // No run holds an id of that hash, and none has come since but from memory.
  bool is_absent(std::uint64_t hash) const { return hash != 0 && absent_[hash % kAbsent] == hash; }
  // Ids have left memory.
  void forget() {
    absent_.fill(0);
    on_the_way_.fill(0);
  }

 private:
  // So many later the filter's lines have come from memory.
  static constexpr std::size_t kOnTheWay = 16;
  static constexpr std::size_t kAbsent = 2048;
  std::array<std::uint64_t, kOnTheWay> on_the_way_{};
  std::array<std::uint64_t, kAbsent> absent_{};
  std::size_t next_ = 0;
};

}  // namespace freshet::dedup

// Bytes of a MemoryBudget that one request holds, given back on destruction.
#pragma once

#include <cstdint>
#include <utility>

#include "common/memory_budget.h"

namespace freshet::http {

// Without a budget everything is granted. One thread at a time.
class BudgetHold {
 public:
  BudgetHold() = default;
  explicit BudgetHold(MemoryBudget* budget) : budget_(budget) {}
  BudgetHold(BudgetHold&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  BudgetHold& operator=(BudgetHold&& other) noexcept {
    release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  ~BudgetHold() { release(); }

  // Holds `bytes` in all, in steps, so that a body that trickles in does not cost an atomic
  // operation a packet. False where the budget is full; what was held stays held.
  [[nodiscard]] bool grow_to(std::uint64_t bytes) {
    if (budget_ == nullptr || bytes <= bytes_) return true;
    std::uint64_t wanted = (bytes + kStepBytes - 1) / kStepBytes * kStepBytes;
    if (!budget_->try_take(wanted - bytes_)) return false;
    bytes_ = wanted;
    return true;
  }
  // True where `bytes` more would fit now. Nothing is taken: a peer that only announces a long body
  // must not hold the budget.
  bool would_fit(std::uint64_t bytes) const {
    return budget_ == nullptr || budget_->used_bytes() + bytes <= budget_->limit_bytes();
  }
  std::uint64_t bytes() const { return bytes_; }
  void release() {
    if (budget_ != nullptr) budget_->give_back(bytes_);
    bytes_ = 0;
  }

 private:
  static constexpr std::uint64_t kStepBytes = 16 * 1024;
  MemoryBudget* budget_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace freshet::http

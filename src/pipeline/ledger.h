// The account per camera and minute: received = accepted + duplicate + late + refused + filtered +
// erased.
// The owner adds to a delta while it processes a block; the delta becomes visible with the block's
// rows.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace freshet::pipeline {

enum class Outcome : std::uint8_t { kAccepted, kDuplicate, kLate, kRefused, kFiltered, kErased };

struct LedgerCounts {
  std::uint64_t received = 0, accepted = 0, duplicate = 0, late = 0, refused = 0, filtered = 0;
  std::uint64_t erased = 0;
  void add(Outcome outcome);
  LedgerCounts& operator+=(const LedgerCounts& other);
  bool balances() const {
    return received == accepted + duplicate + late + refused + filtered + erased;
  }
};

struct LedgerRow {
  std::string camera_id;       // "" where the event did not say
  std::int64_t minute_us = 0;  // start of the minute of arrival
  LedgerCounts counts;
};

// Minute first, then camera; takes views, so that a lookup copies no text.
struct LedgerKeyLess {
  using is_transparent = void;
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    if (a.first != b.first) return a.first < b.first;
    return std::string_view(a.second) < std::string_view(b.second);
  }
};

// Counts of one block, not visible yet. A plain value.
class LedgerDelta {
 public:
  using Counts = std::map<std::pair<std::int64_t, std::string>, LedgerCounts, LedgerKeyLess>;
  void add(std::string_view camera_id, std::int64_t arrival_us, Outcome outcome);
  bool empty() const { return counts_.empty(); }
  const Counts& counts() const { return counts_; }

 private:
  friend class LedgerCounter;
  // The entry of a camera's minute, made where it is missing.
  Counts::value_type& entry(std::int64_t minute_us, std::string_view camera_id);

  Counts counts_;
};

// Counts into a delta, and remembers where the counts of the last cameras stand.
class LedgerCounter {
 public:
  void add(std::string_view camera_id, std::int64_t arrival_us, Outcome outcome);
  // What was counted since the last call.
  LedgerDelta take();

 private:
  struct Recent {
    std::int64_t minute_us = 0;
    std::string_view camera_id;
    LedgerCounts* counts = nullptr;  // in delta_
  };
  static constexpr std::size_t kRecent = 256;
  LedgerDelta delta_;
  std::array<Recent, kRecent> recent_{};
};

// What readers see. apply() and trim() are the owner's; the owner's publish lock keeps snapshot()
// apart from them. Minutes are shared with snapshots and copied when written to, so a snapshot is
// cheap.
class Ledger {
 public:
  using Minute = std::map<std::string, LedgerCounts, std::less<>>;
  using Minutes = std::map<std::int64_t, std::shared_ptr<const Minute>>;
  void apply(const LedgerDelta& delta);
  void restore(const std::vector<LedgerRow>& rows);  // of an empty ledger; as rows() gave them
  void trim(std::int64_t before_us);
  Minutes snapshot() const {
    snapshot_count_.fetch_add(1, std::memory_order_relaxed);
    return minutes_;
  }
  static std::vector<LedgerRow> rows(const Minutes& minutes);  // by minute, then camera
  std::uint64_t memory_bytes() const;

 private:
  Minutes minutes_;
  // A minute that was made or copied since the last snapshot is in none, and is written in place.
  // A shared_ptr's use_count() would not do: it says nothing about what a reader still reads.
  mutable std::atomic<std::uint64_t> snapshot_count_{0};
  std::map<std::int64_t, std::uint64_t> owned_since_;
};

}  // namespace freshet::pipeline

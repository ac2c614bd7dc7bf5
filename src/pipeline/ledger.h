// The account per camera and minute: received = accepted + duplicate + late + refused + filtered.
// The owner adds to a delta while it processes a block; the delta becomes visible with the block's
// rows.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::pipeline {

enum class Outcome : std::uint8_t { kAccepted, kDuplicate, kLate, kRefused, kFiltered };

struct LedgerCounts {
  std::uint64_t received = 0, accepted = 0, duplicate = 0, late = 0, refused = 0, filtered = 0;
  void add(Outcome outcome);
  LedgerCounts& operator+=(const LedgerCounts& other);
  bool balances() const { return received == accepted + duplicate + late + refused + filtered; }
};

struct LedgerRow {
  std::string camera_id;       // "" where the event did not say
  std::int64_t minute_us = 0;  // start of the minute of arrival
  LedgerCounts counts;
};

// Counts of one block, not visible yet. A plain value.
class LedgerDelta {
 public:
  void add(std::string_view camera_id, std::int64_t arrival_us, Outcome outcome);
  bool empty() const { return counts_.empty(); }
  const std::map<std::pair<std::int64_t, std::string>, LedgerCounts, std::less<>>& counts() const {
    return counts_;
  }
  void clear() { counts_.clear(); }

 private:
  std::map<std::pair<std::int64_t, std::string>, LedgerCounts, std::less<>> counts_;
};

// What readers see. apply() and trim() are the owner's; the owner's publish lock keeps snapshot()
// apart from them. Minutes are shared with snapshots and copied when written to, so a snapshot is
// cheap.
class Ledger {
 public:
  using Minute = std::map<std::string, LedgerCounts, std::less<>>;
  using Minutes = std::map<std::int64_t, std::shared_ptr<const Minute>>;
  void apply(const LedgerDelta& delta);
  void trim(std::int64_t before_us);
  Minutes snapshot() const { return minutes_; }
  static std::vector<LedgerRow> rows(const Minutes& minutes);  // by minute, then camera
  std::uint64_t memory_bytes() const;

 private:
  Minutes minutes_;
};

}  // namespace freshet::pipeline

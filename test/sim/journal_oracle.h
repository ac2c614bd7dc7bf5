// What a journal must hold, kept beside it. One answer per record: acknowledged (present from then
// on), unknown (submitted when the machine died: present or absent, and then always so), refused
// or never submitted (absent for ever). Contents are compared, never counts alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/journal.h"

namespace freshet::sim {

struct ExpectedRecord {
  enum class State {
    kOpen,          // appended, its block not submitted
    kSubmitted,     // on its way
    kAcknowledged,  // durable, or shown by a recovery
    kAbsent,        // a recovery decided that it is not there
    kDamaged,       // acknowledged, then hit by bit rot and reported in a gap
  };
  State state = State::kOpen;
  StreamId stream = 0;
  PartitionId partition = 0;
  log::RecordKind kind = log::RecordKind::kData;
  std::int64_t arrival_us = 0;
  std::string key;
  std::string data;
};

struct OracleCounters {
  std::uint64_t unknown_present = 0, unknown_absent = 0, damaged = 0;
};

// Every check gives back a sentence where a promise was broken.
class JournalOracle {
 public:
  using Violation = std::optional<std::string>;

  Violation appended(Position position, ExpectedRecord record);
  void submitted();
  // Everything up to `last` has been acknowledged.
  Violation durable(Position last);
  void trimmed(Position before) { trimmed_before_ = std::max(trimmed_before_, before.value); }

  // After a restart. `replayed` is all that replay() gave, in its order.
  Violation recovered(const log::Recovery& recovery,
                      const std::vector<std::pair<Position, ExpectedRecord>>& replayed,
                      bool rot_is_possible);
  // What a reader of one partition gave for [from, next).
  Violation read(StreamId stream, PartitionId partition, Position from, Position next,
                 const std::vector<std::pair<Position, ExpectedRecord>>& given,
                 Position durable) const;

  const OracleCounters& counters() const { return counters_; }
  std::uint64_t acknowledged_count() const;

 private:
  static Violation compare(Position position, const ExpectedRecord& expected,
                           const ExpectedRecord& given);
  Violation settle(const log::Recovery& recovery, std::uint64_t position, ExpectedRecord& expected,
                   bool present, bool& unknown_missing);

  std::map<std::uint64_t, ExpectedRecord> records_;
  std::uint64_t trimmed_before_ = 0;
  OracleCounters counters_;
};

}  // namespace freshet::sim

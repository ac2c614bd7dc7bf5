#include "sim/journal_oracle.h"

#include <algorithm>
#include <set>

namespace freshet::sim {
namespace {

using State = ExpectedRecord::State;

bool lies_in_gap(const log::Recovery& recovery, std::uint64_t position) {
  return std::any_of(recovery.gaps.begin(), recovery.gaps.end(), [&](const log::Gap& gap) {
    return gap.after.value < position && (gap.before.value == 0 || position < gap.before.value);
  });
}

std::string at(std::uint64_t position) {
  return " at position " + std::to_string(position);
}

}  // namespace

JournalOracle::Violation JournalOracle::appended(Position position, ExpectedRecord record) {
  if (!records_.empty() && position.value <= records_.rbegin()->first) {
    return "a position was given twice, or ran backwards" + at(position.value);
  }
  records_[position.value] = std::move(record);
  return std::nullopt;
}

void JournalOracle::submitted() {
  for (auto each = records_.rbegin(); each != records_.rend(); ++each) {
    if (each->second.state != State::kOpen) break;
    each->second.state = State::kSubmitted;
  }
}

JournalOracle::Violation JournalOracle::durable(Position last) {
  for (auto each = records_.rbegin(); each != records_.rend(); ++each) {
    if (each->first > last.value) continue;
    if (each->second.state == State::kOpen)
      return "acknowledged before it was submitted" + at(last.value);
    if (each->second.state != State::kSubmitted) break;
    each->second.state = State::kAcknowledged;
  }
  return std::nullopt;
}

JournalOracle::Violation JournalOracle::compare(Position position, const ExpectedRecord& expected,
                                                const ExpectedRecord& given) {
  bool same = expected.stream == given.stream && expected.partition == given.partition &&
              expected.kind == given.kind && expected.arrival_us == given.arrival_us &&
              expected.key == given.key && expected.data == given.data;
  if (same) return std::nullopt;
  return "another content than was appended" + at(position.value);
}

JournalOracle::Violation JournalOracle::recovered(
    const log::Recovery& recovery, const std::vector<std::pair<Position, ExpectedRecord>>& replayed,
    bool rot_is_possible) {
  if (!recovery.gaps.empty() && !rot_is_possible) {
    return "a gap was reported, but nothing was damaged: " + recovery.gaps.front().segment;
  }
  std::set<std::uint64_t> present;
  std::uint64_t last = 0;
  for (const auto& [position, given] : replayed) {
    if (position.value <= last) return "replay is out of order" + at(position.value);
    last = position.value;
    auto expected = records_.find(position.value);
    if (expected == records_.end()) return "a record that was never appended" + at(last);
    if (Violation wrong = compare(position, expected->second, given)) return wrong;
    present.insert(position.value);
  }
  if (recovery.last.value < last) return "recovery ends before its last record" + at(last);
  bool unknown_missing = false;
  for (auto& [position, expected] : records_) {
    Violation wrong =
        settle(recovery, position, expected, present.contains(position), unknown_missing);
    if (wrong.has_value()) return wrong;
  }
  return std::nullopt;
}

JournalOracle::Violation JournalOracle::settle(const log::Recovery& recovery,
                                               std::uint64_t position, ExpectedRecord& expected,
                                               bool present, bool& unknown_missing) {
  switch (expected.state) {
    case State::kOpen:
    case State::kAbsent:
      if (present) return "a record came that must be absent" + at(position);
      expected.state = State::kAbsent;
      return std::nullopt;
    case State::kSubmitted:
      if (present && unknown_missing)
        return "a hole before an unacknowledged record" + at(position);
      unknown_missing |= !present;
      ++(present ? counters_.unknown_present : counters_.unknown_absent);
      expected.state = present ? State::kAcknowledged : State::kAbsent;
      return std::nullopt;
    case State::kDamaged:
      if (present) expected.state = State::kAcknowledged;
      return std::nullopt;
    case State::kAcknowledged:
      if (present || position < trimmed_before_) return std::nullopt;
      if (!lies_in_gap(recovery, position)) return "an acknowledged record is lost" + at(position);
      ++counters_.damaged;
      expected.state = State::kDamaged;
      return std::nullopt;
  }
  return std::nullopt;
}

JournalOracle::Violation JournalOracle::read(
    StreamId stream, PartitionId partition, Position from, Position next,
    const std::vector<std::pair<Position, ExpectedRecord>>& given, Position durable) const {
  auto each = given.begin();
  for (auto expected = records_.lower_bound(from.value);
       expected != records_.end() && expected->first < next.value; ++expected) {
    const ExpectedRecord& record = expected->second;
    if (record.stream != stream || record.partition != partition) continue;
    bool there = each != given.end() && each->first.value == expected->first;
    if (there) {
      if (record.state != State::kAcknowledged && record.state != State::kSubmitted) {
        return "a reader saw a record that must be absent" + at(expected->first);
      }
      if (Violation wrong = compare(each->first, record, each->second)) return wrong;
      ++each;
      continue;
    }
    // A trim that a crash cut short may have happened: a reader that comes from before it goes on
    // behind it.
    if (expected->first < trimmed_before_) continue;
    if (record.state == State::kAcknowledged) {
      return "a reader did not see an acknowledged record" + at(expected->first);
    }
  }
  if (each != given.end()) {
    return "a reader saw a record that is not there, or out of order" + at(each->first.value);
  }
  if (!given.empty() && given.back().first > durable) {
    return "a reader saw a record that is not durable" + at(given.back().first.value);
  }
  return std::nullopt;
}

std::uint64_t JournalOracle::acknowledged_count() const {
  return static_cast<std::uint64_t>(
      std::count_if(records_.begin(), records_.end(),
                    [](const auto& each) { return each.second.state == State::kAcknowledged; }));
}

}  // namespace freshet::sim

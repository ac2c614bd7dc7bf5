#include "pipeline/ledger.h"

#include <algorithm>
#include <utility>

namespace freshet::pipeline {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;

std::int64_t minute_of(std::int64_t us) {
  std::int64_t rest = us % kMinuteUs;
  return us - (rest < 0 ? rest + kMinuteUs : rest);
}

}  // namespace

void LedgerCounts::add(Outcome outcome) {
  ++received;
  switch (outcome) {
    case Outcome::kAccepted:
      ++accepted;
      break;
    case Outcome::kDuplicate:
      ++duplicate;
      break;
    case Outcome::kLate:
      ++late;
      break;
    case Outcome::kRefused:
      ++refused;
      break;
    case Outcome::kFiltered:
      ++filtered;
      break;
    case Outcome::kErased:
      ++erased;
      break;
  }
}

LedgerCounts& LedgerCounts::operator+=(const LedgerCounts& other) {
  received += other.received;
  accepted += other.accepted;
  duplicate += other.duplicate;
  late += other.late;
  refused += other.refused;
  filtered += other.filtered;
  erased += other.erased;
  return *this;
}

LedgerDelta::Counts::value_type& LedgerDelta::entry(std::int64_t minute_us,
                                                    std::string_view camera_id) {
  // The lookup by view spares a string for every event but a camera's first in its minute.
  auto found = counts_.find(std::pair<std::int64_t, std::string_view>(minute_us, camera_id));
  if (found == counts_.end()) {
    found = counts_.try_emplace({minute_us, std::string(camera_id)}).first;
  }
  return *found;
}

void LedgerDelta::add(std::string_view camera_id, std::int64_t arrival_us, Outcome outcome) {
  entry(minute_of(arrival_us), camera_id).second.add(outcome);
}

void LedgerCounter::add(std::string_view camera_id, std::int64_t arrival_us, Outcome outcome) {
  std::int64_t minute_us = minute_of(arrival_us);
  // Names of cameras mostly differ in their last letters.
  std::size_t place = camera_id.size();
  for (std::size_t i = 0; i < std::min<std::size_t>(camera_id.size(), 4); ++i) {
    place = place * 31 + static_cast<unsigned char>(camera_id[camera_id.size() - 1 - i]);
  }
  Recent& recent = recent_[place % kRecent];
  if (recent.counts == nullptr || recent.minute_us != minute_us || recent.camera_id != camera_id) {
    LedgerDelta::Counts::value_type& entry = delta_.entry(minute_us, camera_id);
    recent = {minute_us, entry.first.second, &entry.second};
  }
  recent.counts->add(outcome);
}

LedgerDelta LedgerCounter::take() {
  recent_.fill({});
  return std::exchange(delta_, {});
}

void Ledger::apply(const LedgerDelta& delta) {
  auto at = delta.counts().begin();
  while (at != delta.counts().end()) {
    std::int64_t minute_us = at->first.first;
    std::shared_ptr<const Minute>& slot = minutes_[minute_us];
    std::uint64_t& since = owned_since_[minute_us];
    std::uint64_t now = snapshot_count_.load(std::memory_order_relaxed);
    std::shared_ptr<Minute> minute;
    if (slot == nullptr) {
      minute = std::make_shared<Minute>();
    } else if (since == now) {
      minute = std::const_pointer_cast<Minute>(slot);
    } else {
      minute = std::make_shared<Minute>(*slot);
    }
    since = now;
    for (; at != delta.counts().end() && at->first.first == minute_us; ++at) {
      (*minute)[at->first.second] += at->second;
    }
    slot = std::move(minute);
  }
}

void Ledger::restore(const std::vector<LedgerRow>& rows) {
  std::map<std::int64_t, std::shared_ptr<Minute>> made;
  for (const LedgerRow& row : rows) {
    std::shared_ptr<Minute>& minute = made[row.minute_us];
    if (minute == nullptr) minute = std::make_shared<Minute>();
    (*minute)[row.camera_id] = row.counts;
  }
  for (auto& [minute_us, minute] : made) {
    minutes_[minute_us] = std::move(minute);
    owned_since_[minute_us] = snapshot_count_.load(std::memory_order_relaxed);
  }
}

void Ledger::trim(std::int64_t before_us) {
  std::int64_t first_kept_us = minute_of(before_us);
  minutes_.erase(minutes_.begin(), minutes_.lower_bound(first_kept_us));
  owned_since_.erase(owned_since_.begin(), owned_since_.lower_bound(first_kept_us));
}

std::vector<LedgerRow> Ledger::rows(const Minutes& minutes) {
  std::vector<LedgerRow> rows;
  for (const auto& [minute_us, minute] : minutes) {
    for (const auto& [camera_id, counts] : *minute) rows.push_back({camera_id, minute_us, counts});
  }
  return rows;
}

std::uint64_t Ledger::memory_bytes() const {
  // A node of std::map: three pointers, the colour, key, value and the allocator's header.
  constexpr std::uint64_t kNodeBytes = 48 + sizeof(std::string) + sizeof(LedgerCounts);
  std::uint64_t bytes = 0;
  for (const auto& [minute_us, minute] : minutes_) bytes += 128 + minute->size() * kNodeBytes;
  return bytes;
}

}  // namespace freshet::pipeline

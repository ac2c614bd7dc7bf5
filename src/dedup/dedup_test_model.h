// Dedup against the promise in its plainest form, with generations and runs so small that every id
// soon leaves memory. For the tests of this folder.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "dedup/dedup.h"
#include "io/random.h"

namespace freshet::dedup {

// A map that forgets nothing and looks at the time.
class ModelIds {
 public:
  explicit ModelIds(std::int64_t horizon_us) : horizon_us_(horizon_us) {}
  DedupOutcome decide(const DedupEntry& event) {
    auto found = all_.find(event.id);
    if (found == all_.end() || found->second.last_seen_us < event.last_seen_us - horizon_us_) {
      all_[event.id] = event;
      return {DedupDecision::kNew, event, {}};
    }
    found->second.last_seen_us = event.last_seen_us;
    bool is_same = found->second.content == event.content;
    return {is_same ? DedupDecision::kDuplicate : DedupDecision::kConflict, found->second, {}};
  }
  void set_row(EventId id, std::uint64_t row) { all_.at(id).row = row; }
  const std::map<EventId, DedupEntry>& all() const { return all_; }

 private:
  std::int64_t horizon_us_;
  std::map<EventId, DedupEntry> all_;
};

// Events of a seed, sent to a Dedup and a model alike.
class ModelRun {
 public:
  static constexpr std::int64_t kHorizonUs = 50'000;

  ModelRun(std::uint64_t seed, Dedup& dedup) : random_(seed), model_(kHorizonUs), dedup_(&dedup) {}

  // The differences so far, each in words.
  const std::vector<std::string>& differences() const { return differences_; }
  std::int64_t now_us() const { return now_us_; }
  void move_to(Dedup& dedup) { dedup_ = &dedup; }

  // Some events, as a block has them: decided, given rows, then what is old may go. False where the
  // disk failed: then the run is over.
  bool run_block() {
    std::vector<std::tuple<EventId, DedupTicket, std::uint64_t>> rows;
    std::vector<DedupEntry> events = next_events();
    for (const DedupEntry& event : events) dedup_->look_ahead(event.id);
    for (const DedupEntry& event : events) {
      auto got =
          dedup_->decide(event.id, event.content, event.first, event.first_sub, event.last_seen_us);
      if (!got) return false;
      DedupOutcome expected = model_.decide(event);
      if (got->decision != expected.decision || !(got->first == expected.first))
        differences_.push_back(fmt::format("id {}: decided {}, by the model {}", event.id.high,
                                           int(got->decision), int(expected.decision)));
      if (got->decision != DedupDecision::kNew || random_.below(8) == 0) continue;
      rows.emplace_back(event.id, got->ticket, next_row_);
      ++next_row_;
    }
    for (const auto& [id, ticket, row] : rows) {
      dedup_->set_row(id, ticket, row);
      model_.set_row(id, row);
    }
    first_row_ = std::max(first_row_, next_row_ - std::min<std::uint64_t>(next_row_, 300));
    dedup_->expire(now_us_, first_row_);
    return true;
  }

  // Every id that counts as seen is found, with what is known of it; no other is found wrongly.
  void check_all() {
    for (const auto& [id, entry] : model_.all()) {
      auto found = dedup_->find(id);
      bool must_be_there = entry.last_seen_us >= now_us_ - kHorizonUs;
      if (!found) {
        differences_.push_back(found.error().to_string());
      } else if (*found ? !(**found == entry) && must_be_there : must_be_there) {
        differences_.push_back(fmt::format("id {} is not found as it is", id.high));
      }
    }
    if (dedup_->find({~0ull, 12345})->has_value()) differences_.push_back("a stranger is found");
  }

 private:
  std::vector<DedupEntry> next_events() {
    std::vector<DedupEntry> events(1 + random_.below(12));
    for (DedupEntry& event : events) event = next_event();
    return events;
  }

  DedupEntry next_event() {
    now_us_ += static_cast<std::int64_t>(random_.below(100));
    if (random_.below(400) == 0) now_us_ += kHorizonUs / 3;
    DedupEntry event;
    event.id = next_id();
    event.content = {event.id.high, random_.below(10) == 0 ? 1u : 0u};
    event.first = {++position_};
    event.first_sub = static_cast<std::uint32_t>(random_.below(3));
    event.last_seen_us = now_us_;
    return event;
  }

  // New ids, young ones again, old ones again, and one exactly at the horizon or just past it.
  EventId next_id() {
    std::uint64_t kind = random_.below(10);
    if (kind < 6 || known_ == 0) return {++known_, 7};
    std::uint64_t back = kind < 8 ? random_.below(20) : random_.below(known_);
    EventId id{known_ - std::min(back, known_ - 1), 7};
    auto found = model_.all().find(id);
    if (kind < 9 || found == model_.all().end()) return id;
    now_us_ = std::max(now_us_, found->second.last_seen_us + kHorizonUs +
                                    static_cast<std::int64_t>(random_.below(2)));
    return id;
  }

  io::SeededRandom random_;
  ModelIds model_;
  Dedup* dedup_;
  std::vector<std::string> differences_;
  std::int64_t now_us_ = 1'000'000;
  std::uint64_t position_ = 0, known_ = 0, next_row_ = 0, first_row_ = 0;
};

}  // namespace freshet::dedup

// Exact deduplication by event id. A core: no I/O, clock or thread of its own; a function of the
// log's prefix.
//
// A fingerprint of the id leads to an entry that holds the whole id and content hash, which decide.
// An id is remembered for `horizon_us` of log time after it was last seen, to the microsecond: an
// id counts as seen where last_seen_us >= now - horizon_us. A duplicate or a conflict is a sight
// too. So whether an id counts as seen depends on nothing older than the horizon.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "common/memory_budget.h"
#include "event/position.h"
#include "io/executor.h"

namespace freshet::pipeline {

struct DedupConfig {
  std::int64_t horizon_us = 24ll * 3'600'000'000;
  std::uint64_t hash_seed = 0;  // kept in the catalog, so that nobody can choose ids that collide
  // For tests: fewer bits force collisions, and the planted bug takes every hit for the id itself.
  int fingerprint_bits = 32;
  bool plant_unconfirmed_hits = false;
};

// Where an event's first occurrence went.
inline constexpr std::uint64_t kDedupNoRow = ~std::uint64_t{0};
struct DedupEntry {
  EventId id;
  ContentHash content;
  Position first;                 // position of the first occurrence
  std::uint32_t first_sub = 0;    // index inside a KPL aggregate
  std::int64_t last_seen_us = 0;  // log time
  std::uint64_t row =
      kDedupNoRow;  // its row number in hot; kDedupNoRow where the user's SQL filtered it
};

enum class DedupDecision : std::uint8_t { kNew, kDuplicate, kConflict };

// Where the entry of a new event is, for set_row() soon after.
struct DedupTicket {
  std::uint64_t number = 0;
  std::uint64_t moves = 0;
};

struct DedupOutcome {
  DedupDecision decision = DedupDecision::kNew;
  DedupEntry first;    // the entry of the first occurrence; for kNew the one just made
  DedupTicket ticket;  // kNew
};

class Dedup {
 public:
  // `budget` and `background` outlive it. With `background` memory is made present there, ahead of
  // the ids.
  Dedup(const DedupConfig& config, MemoryBudget& budget, io::Executor* background = nullptr);
  ~Dedup();
  // Owner thread. Room for `count` more decisions within the budget? Ask before a batch is taken:
  // state is never dropped to make room. Without it decide() still works, and owes the budget.
  bool reserve(std::size_t count);
  // Owner thread. Fetches what decide(id) will read first: some events ahead of the decision, this
  // hides most of the memory's latency.
  void prefetch(EventId id) const;
  // Owner thread. Decides one event, in log order; `now_us` is the log's arrival time.
  DedupOutcome decide(EventId id, ContentHash content, Position position, std::uint32_t sub,
                      std::int64_t now_us);
  // Owner thread. Notes the row of an event that decide() called new with that ticket, before the
  // next expire().
  void set_row(EventId id, DedupTicket ticket, std::uint64_t row);
  // Owner thread, often (each block). Forgets what is past the horizon at `now_us` and whose row
  // stands below `first_row`, a generation at a time; what is forgotten later costs memory only.
  void expire(std::int64_t now_us, std::uint64_t first_row);
  // Any thread: the newest entry of an id.
  std::optional<DedupEntry> find(EventId id) const;
  // Ids in memory, also those past the horizon that expire() has not let go yet.
  std::uint64_t entry_count() const;
  // What is taken from the budget.
  std::uint64_t memory_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freshet::pipeline

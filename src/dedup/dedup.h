// Exact deduplication by event id. A core: no clock or thread of its own, files only through a
// seam; a function of the log's prefix.
//
// The hash of an id leads to an entry that holds the whole id and content hash, which decide. An id
// is remembered for `horizon_us` of log time after it was last seen, to the microsecond: an id
// counts as seen where last_seen_us >= now - horizon_us. A duplicate or a conflict is a sight too.
// So whether an id counts as seen depends on nothing older than the horizon.
//
// The newest ids are in memory (memory_ids.h). Where a folder is given, older ones leave it for
// runs on disk (run_store.h), in the background; the answers are the same, whenever that happens.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/memory_budget.h"
#include "common/result.h"
#include "dedup/dedup_entry.h"
#include "event/position.h"
#include "io/disk.h"
#include "io/executor.h"

namespace freshet::dedup {

struct DedupConfig {
  std::int64_t horizon_us = 24ll * 3'600'000'000;
  std::uint64_t hash_seed = 0;  // kept in the catalog, so that nobody can choose ids that collide

  // Where ids go beyond memory; "": nowhere, all of them stay in memory.
  std::string directory = {};
  io::Disk* disk = nullptr;  // outlives it
  std::uint64_t data_directory_id = 0;
  std::uint64_t memory_ids = 4'000'000;  // so many stay in memory, at about 82 bytes

  // For tests: small generations, early merges; fewer bits force collisions. The planted bugs take
  // every hit for the id itself, and look into the newest run alone.
  std::uint32_t generation_bits = 13;
  std::uint32_t merge_fan_in = 6;
  int fingerprint_bits = 32;
  bool plant_unconfirmed_hits = false;
  bool plant_newest_run_only = false;
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

// The runs that a state of Dedup is made of, beside what is in memory: numbers of files, group by
// group. They stay on disk until `hold` is released.
struct DedupRuns {
  std::uint64_t hold = 0;
  std::vector<std::vector<std::uint64_t>> groups;
};

// The whole state at one moment; it stays as it was.
struct DedupState {
  struct Piece {
    std::shared_ptr<const DedupEntry[]> entries;
    std::uint32_t count = 0;
  };
  DedupRuns runs;
  std::vector<Piece> memory;  // in log order: of an id that comes twice, the later entry stands
};

struct DedupCounters {
  std::uint64_t memory_ids = 0, run_entries = 0, runs = 0, file_bytes = 0, filter_bytes = 0;
  std::uint64_t flushes = 0, merges = 0, entries_written = 0, bytes_written = 0;
  std::uint64_t filter_hits = 0;  // ids that runs were asked for
  std::uint64_t false_hits = 0;   // of these, ids that no run had
  std::uint64_t page_reads = 0;
};

class Dedup {
 public:
  // `budget` and `background` outlive it. With `background` memory is made present there, ahead of
  // the ids; a directory needs it.
  Dedup(const DedupConfig& config, MemoryBudget& budget, io::Executor* background = nullptr);
  ~Dedup();

  // Owner thread. Room for `count` more decisions within the budget? Ask before a batch is taken:
  // state is never dropped to make room. Without it decide() still works, and owes the budget.
  bool reserve(std::size_t count);
  // Owner thread, some hundred events ahead of decide(id): where a run may hold the id, the disk
  // fetches its page meanwhile.
  void look_ahead(EventId id);
  static constexpr std::size_t kLookAhead = 512;
  // Owner thread. Fetches what decide(id) will read first: some events ahead of the decision, this
  // hides most of the memory's latency.
  void prefetch(EventId id) const;
  // Owner thread. Decides one event, in log order; `now_us` is the log's arrival time. An error
  // where a run cannot be read: then nothing has been decided, and nothing can be.
  Result<DedupOutcome> decide(EventId id, ContentHash content, Position position, std::uint32_t sub,
                              std::int64_t now_us);
  // Owner thread. Notes the row of an event that decide() called new with that ticket, before the
  // next expire().
  void set_row(EventId id, DedupTicket ticket, std::uint64_t row);
  // Owner thread, often (each block). Forgets what is past the horizon at `now_us` and whose row
  // stands below `first_row`, a generation or a run at a time; what is forgotten later costs room
  // only. Sends to disk what is too much for memory.
  void expire(std::int64_t now_us, std::uint64_t first_row);
  // Any thread: the newest entry of an id.
  Result<std::optional<DedupEntry>> find(EventId id) const;

  // A checkpoint: owner thread, between two blocks.
  DedupState hold_state();
  // The checkpoint of that hold (0: none) will not be needed again.
  void release_runs(std::uint64_t hold);
  // Owner thread, on a new Dedup, before all else: the same state again. First the runs, whose
  // files must be those of the checkpoint (others are removed), then the entries in their order.
  // Whoever restores nothing begins with no runs: the first expire() removes what lies there. Gives
  // a hold of those runs, as hold_state() does: the checkpoint may be needed again.
  Result<std::uint64_t> restore_runs(const std::vector<std::vector<std::uint64_t>>& groups);
  void restore_entry(const DedupEntry& entry);

  // Owner thread. What kept ids from going to disk since the last call: memory fills meanwhile.
  std::optional<Error> take_failure();
  // Any thread. Ids remembered, also those past the horizon that expire() has not let go yet; one
  // that is in memory again may count twice.
  std::uint64_t entry_count() const;
  // Any thread. What is taken from the budget.
  std::uint64_t memory_bytes() const;
  DedupCounters counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freshet::dedup

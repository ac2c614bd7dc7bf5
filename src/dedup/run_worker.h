// What runs behind the owner of a RunStore: writes what leaves memory, merges, lets go.
//
// Works in slices of some milliseconds, each a task of the background executor, one at a time. It
// is the only writer of book and filter. The answers to "where is this id?" are the same before and
// after every slice.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/result.h"
#include "dedup/id_filter.h"
#include "dedup/run_merges.h"
#include "dedup/run_set.h"
#include "dedup/run_source.h"
#include "dedup/run_writer.h"
#include "io/executor.h"

namespace freshet::dedup {

struct RunStoreConfig {
  RunPlace place;
  std::int64_t horizon_us = 0;
  MergePolicy merges;
  bool plant_newest_run_only = false;  // wrong on purpose: looks into one run alone
};

// Entries in log order that stay as they are until they have been written.
using EntrySpans = std::vector<std::span<const DedupEntry>>;

struct RunCounters {
  std::atomic<std::uint64_t> flushes{0}, merges{0}, entries_written{0}, bytes_written{0};
  std::atomic<std::uint64_t> filter_hits{0}, false_hits{0};
};

// A run in the making.
struct RunBuild {
  std::unique_ptr<RunSource> source;
  std::unique_ptr<RunWriter> writer;  // null before the first entry
  std::vector<RunFilePtr> replaced;   // of a merge
  std::uint64_t run = 0;
  std::uint32_t tag = 0;             // of what is flushed
  std::int64_t past_us = INT64_MIN;  // entries seen before it and with rows below the next go
  std::uint64_t first_row = 0;
};
// A pass over the filter's parts.
struct FilterPass {
  std::uint32_t next = 0;  // part
  std::uint32_t tag = 0;
  std::uint32_t to = 0;  // == tag: entries go
};

class RunWorker : public std::enable_shared_from_this<RunWorker> {
 public:
  RunWorker(RunStoreConfig config, io::Executor& background)
      : config_(std::move(config)), background_(background) {}

  // Any thread.
  const RunStoreConfig& config() const { return config_; }
  const RunBook& book() const { return book_; }
  const IdFilter& filter() const { return filter_; }
  RunCounters& counters() { return counters_; }

  // The owner of the store. Once, before all else: the groups of runs that `names` has, oldest
  // first; all other runs are removed.
  Status restore(const RunNames& names);
  void flush(EntrySpans entries);
  // True once after each flush(): the entries are in a run, or in no memory's way any more.
  bool take_flushed() { return flushed_.exchange(false, std::memory_order_acquire); }
  // What is past the horizon at `now_us` and below `first_row` may go.
  void note_time(std::int64_t now_us, std::uint64_t first_row);
  // Entries that the filter must be able to take before the flush can go on; 0: it can.
  std::uint64_t wanted_entries() const { return wanted_.load(std::memory_order_relaxed); }
  // Bytes of memory that the filter may have from now on.
  void grant(std::uint64_t filter_bytes);
  std::uint64_t pin();  // the runs that the book names now keep their files
  void unpin(std::uint64_t pin);
  RunNames pinned(std::uint64_t pin) const;
  std::optional<Error> take_failure();
  // Waits for the slice in work; none follows.
  void stop();

 private:
  Status make_directory() FRESHET_REQUIRES(work_);
  Status remove_others(const RunNames& names) FRESHET_REQUIRES(work_);
  Status open_groups(const RunNames& names) FRESHET_REQUIRES(work_);
  Status insert_all(const RunFilePtr& run, std::uint32_t tag) FRESHET_REQUIRES(work_);
  void schedule();
  void run_task();
  // False where nothing is left to do.
  bool slice() FRESHET_REQUIRES(work_);
  void fail(Error error);
  void collect_garbage() FRESHET_REQUIRES(work_);
  bool let_go() FRESHET_REQUIRES(work_);
  bool step_pass() FRESHET_REQUIRES(work_);
  bool step_rebuild() FRESHET_REQUIRES(work_);
  Status rebuild_part(std::uint32_t part) FRESHET_REQUIRES(work_);
  bool has_room(std::uint64_t more) FRESHET_REQUIRES(work_);
  bool step_flush() FRESHET_REQUIRES(work_);
  void begin_flush(const EntrySpans& entries) FRESHET_REQUIRES(work_);
  void choose_group(std::int64_t youngest_us) FRESHET_REQUIRES(work_);
  std::optional<std::uint32_t> free_tag() const FRESHET_REQUIRES(work_);
  void join_groups() FRESHET_REQUIRES(work_);
  bool is_crowded() const;
  bool step_merge() FRESHET_REQUIRES(work_);
  // True where the source is at its end.
  Result<bool> add_entries(RunBuild& build, bool insert) FRESHET_REQUIRES(work_);
  void abandon(std::optional<RunBuild>& build, Error error) FRESHET_REQUIRES(work_);
  void publish(RunFilePtr made, const std::vector<RunFilePtr>& replaced) FRESHET_REQUIRES(work_);
  void write_book(RunSet set) FRESHET_REQUIRES(work_);

  const RunStoreConfig config_;
  io::Executor& background_;
  RunBook book_;
  IdFilter filter_;
  RunCounters counters_;

  // has_work_: a slice may find something to do; scheduled_: a task for it is on its way.
  std::atomic<bool> has_work_{false}, scheduled_{false}, stopped_{false}, flushed_{false};
  std::atomic<std::uint64_t> wanted_{0}, granted_{0};
  // The first far enough from the end of the scale to take a horizon from.
  std::atomic<std::int64_t> now_us_{INT64_MIN / 2}, oldest_us_{INT64_MAX};
  std::atomic<std::uint64_t> first_row_{0};
  std::atomic<std::uint32_t> pause_{0};  // calls of note_time() until it is tried again

  Mutex work_;  // held during a slice
  std::uint64_t next_run_ FRESHET_GUARDED_BY(work_) = 0;
  std::uint32_t failures_ FRESHET_GUARDED_BY(work_) = 0;
  std::optional<RunBuild> flush_ FRESHET_GUARDED_BY(work_);
  std::optional<RunBuild> merge_ FRESHET_GUARDED_BY(work_);
  std::optional<std::uint32_t> rebuild_next_ FRESHET_GUARDED_BY(work_);  // part
  std::vector<FilterPass> passes_ FRESHET_GUARDED_BY(work_);
  std::vector<std::uint64_t> garbage_ FRESHET_GUARDED_BY(work_);  // runs whose files go

  mutable Mutex inbox_;
  std::optional<EntrySpans> given_ FRESHET_GUARDED_BY(inbox_);
  std::optional<Error> failure_ FRESHET_GUARDED_BY(inbox_);
  std::uint64_t next_pin_ FRESHET_GUARDED_BY(inbox_) = 1;
  std::map<std::uint64_t, RunNames> pins_ FRESHET_GUARDED_BY(inbox_);
};

}  // namespace freshet::dedup

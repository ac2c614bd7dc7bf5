// Ids beyond memory: runs on disk behind one filter, and the worker that writes and merges them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "common/result.h"
#include "dedup/dedup.h"
#include "dedup/page_cache.h"
#include "dedup/run_worker.h"
#include "io/executor.h"

namespace freshet::dedup {

class RunStore {
 public:
  // `background` and the config's disk outlive it.
  RunStore(const RunStoreConfig& config, io::Executor& background);
  ~RunStore();

  RunWorker& worker() { return *worker_; }
  const RunWorker& worker() const { return *worker_; }

  // Any thread. The newest entry of an id that has been flushed.
  Result<std::optional<DedupEntry>> find(const HashedId& id) const;
  // Any thread. May find() give something?
  bool may_hold(std::uint64_t hash) const { return worker_->filter().tags_of(hash) != 0; }
  void prefetch(std::uint64_t hash) const { worker_->filter().prefetch(hash); }
  // Any thread. Has the disk fetch what find() will read.
  void will_need(std::uint64_t hash) const;

  bool has_runs() const { return worker_->filter().size() > 0; }
  std::uint64_t entries() const;
  // Memory of directories and buffers: all but the filter's table.
  std::uint64_t fixed_bytes() const;
  DedupCounters counters() const;

 private:
  struct Held {
    std::uint32_t tags = 0;
    std::shared_ptr<const RunSet> set;
  };
  Held held(std::uint64_t hash) const;

  std::shared_ptr<RunWorker> worker_;  // shared with its tasks, which may come too late
  mutable PageCache cache_;
};

}  // namespace freshet::dedup

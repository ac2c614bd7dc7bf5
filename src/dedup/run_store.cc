#include "dedup/run_store.h"

namespace freshet::dedup {
namespace {

// Runs of up to 32 MB were written lately and are in the system's cache: to ask for their pages
// ahead costs more than to read them.
constexpr std::uint64_t kCachedPages = 4'096;

}  // namespace

RunStore::RunStore(const RunStoreConfig& config, io::Executor& background)
    : worker_(std::make_shared<RunWorker>(config, background)) {}

RunStore::~RunStore() {
  worker_->stop();
}

// Tags and the set they belong to: a tag that was read before a group changed its own would lead
// nowhere in the set after it.
RunStore::Held RunStore::held(std::uint64_t hash) const {
  while (true) {
    std::uint64_t version = worker_->book().version();
    Held result{worker_->filter().tags_of(hash), nullptr};
    if (result.tags == 0) return result;
    result.set = worker_->book().read();
    if (worker_->book().version() == version) return result;
  }
}

Result<std::optional<DedupEntry>> RunStore::find(const HashedId& id) const {
  Held here = held(id.hash);
  if (here.tags == 0) return std::optional<DedupEntry>();
  RunCounters& counters = worker_->counters();
  counters.filter_hits.fetch_add(1, std::memory_order_relaxed);
  // Newest first: an id that was seen again stands in several runs.
  for (auto group = here.set->rbegin(); group != here.set->rend(); ++group) {
    if ((group->tags & here.tags) == 0) continue;
    for (auto run = group->runs.rbegin(); run != group->runs.rend(); ++run) {
      FRESHET_TRY(auto found, (*run)->find(id, cache_));
      if (found) return found;
      if (worker_->config().plant_newest_run_only) return std::optional<DedupEntry>();
    }
  }
  counters.false_hits.fetch_add(1, std::memory_order_relaxed);
  return std::optional<DedupEntry>();
}

void RunStore::will_need(std::uint64_t hash) const {
  Held here = held(hash);
  if (here.tags == 0) return;
  for (const RunGroup& group : *here.set) {
    if ((group.tags & here.tags) == 0) continue;
    for (const RunFilePtr& run : group.runs) {
      if (run->pages() > kCachedPages) run->will_need(hash);
    }
  }
}

std::uint64_t RunStore::entries() const {
  std::uint64_t sum = 0;
  auto set = worker_->book().read();
  for (const RunGroup& group : *set) sum += group.entries();
  return sum;
}

std::uint64_t RunStore::fixed_bytes() const {
  std::uint64_t sum = sizeof(IdFilter) + PageCache::kSlots * sizeof(CachedPage);
  auto set = worker_->book().read();
  for (const RunGroup& group : *set) {
    for (const RunFilePtr& run : group.runs) sum += run->memory_bytes();
  }
  return sum;
}

DedupCounters RunStore::counters() const {
  const RunCounters& counted = worker_->counters();
  DedupCounters result;
  auto set = worker_->book().read();
  for (const RunGroup& group : *set) {
    for (const RunFilePtr& run : group.runs) {
      ++result.runs;
      result.run_entries += run->entries();
      result.file_bytes += run->file_bytes();
    }
  }
  result.filter_bytes = worker_->filter().bytes();
  result.flushes = counted.flushes;
  result.merges = counted.merges;
  result.entries_written = counted.entries_written;
  result.bytes_written = counted.bytes_written;
  result.filter_hits = counted.filter_hits;
  result.false_hits = counted.false_hits;
  result.page_reads = cache_.reads();
  return result;
}

}  // namespace freshet::dedup

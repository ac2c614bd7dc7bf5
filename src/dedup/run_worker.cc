#include "dedup/run_worker.h"

#include <algorithm>

#include "common/check.h"

namespace freshet::dedup {
namespace {

// Of one slice: some ten milliseconds.
constexpr std::uint64_t kSliceEntries = 32'768;
constexpr std::uint32_t kPauseMax = 1024;
// A group covers a sixth of the horizon, so that a whole one goes soon after its youngest id has,
// and that tags are enough for all that live at a time.
constexpr std::int64_t kGroupsPerHorizon = 6;

}  // namespace

void RunWorker::schedule() {
  has_work_.store(true);
  if (stopped_ || scheduled_.exchange(true)) return;
  // Where the executor is full, the next note_time() comes again.
  if (!background_.post([self = shared_from_this()] { self->run_task(); })) scheduled_ = false;
}

void RunWorker::run_task() {
  scheduled_ = false;
  bool more = false;
  {
    MutexLock lock(work_);
    if (stopped_) return;
    has_work_ = false;
    more = slice();
  }
  if (more) schedule();
}

void RunWorker::stop() {
  stopped_ = true;
  MutexLock lock(work_);
}

void RunWorker::note_time(std::int64_t now_us, std::uint64_t first_row) {
  now_us_.store(now_us, std::memory_order_relaxed);
  first_row_.store(first_row, std::memory_order_relaxed);
  if (std::uint32_t pause = pause_.load(); pause > 0) {
    pause_.store(pause - 1);
    return;
  }
  bool may_let_go = oldest_us_.load(std::memory_order_relaxed) < now_us - config_.horizon_us;
  if (has_work_ || may_let_go) schedule();
}

void RunWorker::flush(EntrySpans entries) {
  {
    MutexLock lock(inbox_);
    FRESHET_CHECK(!given_);
    given_ = std::move(entries);
  }
  schedule();
}

void RunWorker::grant(std::uint64_t filter_bytes) {
  granted_.store(filter_bytes);
  wanted_.store(0);
  schedule();
}

void RunWorker::fail(Error error) {
  MutexLock lock(inbox_);
  if (!failure_) failure_ = std::move(error);
}

std::optional<Error> RunWorker::take_failure() {
  MutexLock lock(inbox_);
  return std::exchange(failure_, std::nullopt);
}

bool RunWorker::slice() {
  if (pause_.load() > 0) {
    has_work_ = true;
    return false;
  }
  collect_garbage();
  if (let_go() || step_rebuild() || step_pass()) return true;
  // Or merges would starve where ids come faster than they can be written, and a hit would cost a
  // page of each of hundreds of runs. Memory fills meanwhile, and clients are told.
  if (is_crowded() && step_merge()) return true;
  if (step_flush()) return true;
  // The filter grows first, where the flush found it too small.
  return rebuild_next_.has_value() || step_merge();
}

// Runs whose youngest id is past the horizon, and whose rows have left.
bool RunWorker::let_go() {
  std::int64_t past_us = now_us_.load(std::memory_order_relaxed) - config_.horizon_us;
  std::uint64_t first_row = first_row_.load(std::memory_order_relaxed);
  if (oldest_us_.load(std::memory_order_relaxed) >= past_us) return false;
  RunSet set = *book_.read();
  std::vector<std::uint64_t> gone;
  for (RunGroup& group : set) {
    std::erase_if(group.runs, [&](const RunFilePtr& run) {
      if (run->youngest_us() >= past_us || run->rows_end() > first_row) return false;
      gone.push_back(run->number());
      return true;
    });
  }
  if (gone.empty()) return false;
  garbage_.insert(garbage_.end(), gone.begin(), gone.end());
  for (std::size_t i = set.size() - 1; i-- > 0;) {
    // Not while a tag of its own still changes: the pass would bring it back.
    if (!set[i].runs.empty() || set[i].tags != 1u << set[i].tag) continue;
    passes_.push_back({0, set[i].tag, set[i].tag});
    set.erase(set.begin() + static_cast<std::ptrdiff_t>(i));
  }
  write_book(std::move(set));
  return true;
}

void RunWorker::write_book(RunSet set) {
  std::int64_t oldest_us = INT64_MAX;
  for (const RunGroup& group : set) {
    for (const RunFilePtr& run : group.runs) oldest_us = std::min(oldest_us, run->youngest_us());
  }
  oldest_us_.store(oldest_us, std::memory_order_relaxed);
  book_.write(std::move(set));
}

bool RunWorker::step_flush() {
  if (!flush_) {
    EntrySpans given;
    {
      MutexLock lock(inbox_);
      if (!given_) return false;
      given = *given_;
    }
    begin_flush(given);
    return flush_.has_value();
  }
  Result<bool> at_end = add_entries(*flush_, true);
  if (!at_end) {
    abandon(flush_, std::move(at_end).error());
    return true;
  }
  if (!*at_end) return true;
  auto made = flush_->writer->finish();
  if (!made) {
    abandon(flush_, std::move(made).error());
    return true;
  }
  counters_.flushes.fetch_add(1, std::memory_order_relaxed);
  publish(*std::move(made), {});
  flush_.reset();
  failures_ = 0;
  {
    MutexLock lock(inbox_);
    given_.reset();
  }
  flushed_.store(true, std::memory_order_release);
  return true;
}

void RunWorker::begin_flush(const EntrySpans& spans) {
  std::uint64_t count = 0;
  std::int64_t youngest_us = INT64_MIN;
  for (auto span : spans) count += span.size();
  if (!has_room(count)) return;
  auto source = std::make_unique<MemorySource>();
  source->reserve(count);
  for (auto span : spans) {
    for (const DedupEntry& entry : span) {
      source->add(entry, config_.place.hash_seed);
      youngest_us = std::max(youngest_us, entry.last_seen_us);
    }
  }
  source->sort();
  choose_group(youngest_us);
  flush_.emplace();
  flush_->source = std::move(source);
  flush_->run = next_run_++;
  flush_->tag = book_.read()->back().tag;
}

std::optional<std::uint32_t> RunWorker::free_tag() const {
  std::uint32_t used = 0;
  auto set = book_.read();
  for (const RunGroup& group : *set) used |= group.tags;
  for (const FilterPass& pass : passes_) used |= 1u << pass.tag;
  for (std::uint32_t tag = 0; tag < IdFilter::kTagCount; ++tag) {
    if ((used >> tag & 1) == 0) return tag;
  }
  return std::nullopt;
}

// Closes the last group where it covers its share of the horizon.
void RunWorker::choose_group(std::int64_t youngest_us) {
  RunSet set = *book_.read();
  bool is_full = set.empty() || (!set.back().runs.empty() &&
                                 youngest_us - set.back().runs.front()->youngest_us() >=
                                     config_.horizon_us / kGroupsPerHorizon);
  if (!is_full) return;
  auto tag = free_tag();
  if (!tag) return join_groups();
  set.push_back({*tag, 1u << *tag, {}});
  write_book(std::move(set));
}

// Rows that stay longer than the horizon keep more groups alive than there are tags. The last group
// goes on growing until the pass that this begins has freed one.
void RunWorker::join_groups() {
  if (!passes_.empty()) return;
  RunSet set = *book_.read();
  auto first = pick_groups(set);
  if (!first) return;
  RunGroup& older = set[*first];
  RunGroup& younger = set[*first + 1];
  passes_.push_back({0, older.tag, younger.tag});
  older.tag = younger.tag;
  older.tags |= younger.tags;
  older.runs.insert(older.runs.end(), younger.runs.begin(), younger.runs.end());
  set.erase(set.begin() + static_cast<std::ptrdiff_t>(*first) + 1);
  write_book(std::move(set));
}

bool RunWorker::is_crowded() const {
  std::size_t runs = 0;
  auto set = book_.read();
  for (const RunGroup& group : *set) runs += group.runs.size();
  return runs > std::size_t{3} * config_.merges.fan_in;
}

bool RunWorker::step_merge() {
  if (!merge_) {
    std::vector<RunFilePtr> runs = pick_merge(*book_.read(), config_.merges);
    if (runs.empty()) return false;
    std::vector<std::unique_ptr<RunSource>> sources;
    for (const RunFilePtr& run : runs)
      sources.push_back(std::make_unique<RunCursor>(run, config_.place.hash_seed));
    merge_.emplace();
    merge_->source = std::make_unique<MergedSource>(std::move(sources));
    merge_->replaced = std::move(runs);
    merge_->run = next_run_++;
    merge_->past_us = now_us_.load(std::memory_order_relaxed) - config_.horizon_us;
    merge_->first_row = first_row_.load(std::memory_order_relaxed);
  }
  Result<bool> at_end = add_entries(*merge_, false);
  if (at_end && !*at_end) return true;
  Result<std::shared_ptr<RunFile>> made = std::shared_ptr<RunFile>();
  if (at_end && merge_->writer) made = merge_->writer->finish();
  if (!at_end || !made) {
    abandon(merge_, at_end ? std::move(made).error() : std::move(at_end).error());
    return true;
  }
  counters_.merges.fetch_add(1, std::memory_order_relaxed);
  publish(*std::move(made), merge_->replaced);
  merge_.reset();
  failures_ = 0;
  return true;
}

Result<bool> RunWorker::add_entries(RunBuild& build, bool insert) {
  for (std::uint64_t i = 0; i < kSliceEntries; ++i) {
    FRESHET_TRY(const RunEntry* next, build.source->next());
    if (next == nullptr) return true;
    const DedupEntry& entry = next->entry;
    bool has_row = entry.row != kDedupNoRow && entry.row >= build.first_row;
    if (entry.last_seen_us < build.past_us && !has_row) continue;
    if (!build.writer) {
      FRESHET_TRY(build.writer, RunWriter::create(config_.place, build.run));
    }
    // Before the run is published: who does not find it yet finds the entry in memory.
    if (insert) filter_.insert(next->id.hash, build.tag);
    FRESHET_TRY_STATUS(build.writer->add(next->id, entry));
  }
  return false;
}

// Begins again after a while, with another file: what a failed sync leaves cannot be trusted.
void RunWorker::abandon(std::optional<RunBuild>& build, Error error) {
  garbage_.push_back(build->run);
  build.reset();
  failures_ = std::min(failures_ + 1, 10u);
  pause_.store(std::min(kPauseMax, 1u << failures_));
  fail(std::move(error).with_context("event ids cannot be moved from memory to disk"));
}

// `made` takes the place of what it was made from; null where nothing was left of it.
void RunWorker::publish(RunFilePtr made, const std::vector<RunFilePtr>& replaced) {
  RunSet set = *book_.read();
  RunGroup* group = replaced.empty() ? &set.back() : nullptr;
  std::size_t at = group != nullptr ? group->runs.size() : 0;
  for (RunGroup& each : set) {
    for (const RunFilePtr& old : replaced) {
      auto found = std::find(each.runs.begin(), each.runs.end(), old);
      if (found == each.runs.end()) continue;  // it has been let go meanwhile
      if (group == nullptr) at = static_cast<std::size_t>(found - each.runs.begin());
      group = &each;
      each.runs.erase(found);
      garbage_.push_back(old->number());
    }
  }
  if (made) {
    counters_.entries_written.fetch_add(made->entries(), std::memory_order_relaxed);
    counters_.bytes_written.fetch_add(made->file_bytes(), std::memory_order_relaxed);
    if (group == nullptr) {
      garbage_.push_back(made->number());
    } else {
      group->runs.insert(group->runs.begin() + static_cast<std::ptrdiff_t>(at), std::move(made));
    }
  }
  write_book(std::move(set));
}

}  // namespace freshet::dedup

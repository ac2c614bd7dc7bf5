// RunWorker: the filter's passes and sizes, the files that go, and the start.
#include <fmt/format.h>

#include <algorithm>

#include "common/check.h"
#include "dedup/run_worker.h"

namespace freshet::dedup {
namespace {

constexpr std::uint32_t kPassParts = 256;
constexpr std::uint32_t kRebuildParts = 32;

bool names_run(const RunNames& names, std::uint64_t run) {
  return std::any_of(names.begin(), names.end(), [run](const auto& group) {
    return std::find(group.begin(), group.end(), run) != group.end();
  });
}

}  // namespace

bool RunWorker::has_room(std::uint64_t more) {
  std::uint64_t needed = filter_.size() + more;
  if (needed <= filter_.capacity()) return true;
  if (granted_.load() <= filter_.bytes()) {
    wanted_.store(needed);
    return false;
  }
  filter_.begin_rebuild(granted_.load());
  rebuild_next_ = 0;
  return false;
}

bool RunWorker::step_rebuild() {
  if (!rebuild_next_) return false;
  for (std::uint32_t i = 0; i < kRebuildParts; ++i) {
    Status done = rebuild_part(*rebuild_next_);
    if (!done) {
      failures_ = std::min(failures_ + 1, 10u);
      pause_.store(1u << failures_);
      fail(std::move(done).error());
      return true;
    }
    if (++*rebuild_next_ < IdFilter::kPartCount) continue;
    rebuild_next_.reset();
    return true;
  }
  return true;
}

// A part of another size cannot be made from the old one, which has not enough of the hashes: the
// runs have them.
Status RunWorker::rebuild_part(std::uint32_t part) {
  std::vector<IdFilter::Tagged> entries;
  std::uint64_t from = std::uint64_t{part} << (64 - IdFilter::kPartBits);
  auto set = book_.read();
  for (const RunGroup& group : *set) {
    for (const RunFilePtr& run : group.runs) {
      RunCursor cursor(run, config_.place.hash_seed, from, 4);
      while (true) {
        FRESHET_TRY(const RunEntry* next, cursor.next());
        if (next == nullptr || IdFilter::part_of(next->id.hash) != part) break;
        entries.push_back({next->id.hash, group.tag});
      }
    }
  }
  filter_.rebuild_part(part, entries);
  return ok();
}

bool RunWorker::step_pass() {
  if (passes_.empty()) return false;
  FilterPass& pass = passes_.front();
  for (std::uint32_t i = 0; i < kPassParts; ++i) {
    if (pass.tag == pass.to) {
      filter_.remove_tag(pass.next, pass.tag);
    } else {
      filter_.change_tag(pass.next, pass.tag, pass.to);
    }
    if (++pass.next < IdFilter::kPartCount) continue;
    if (pass.tag != pass.to) {
      RunSet set = *book_.read();
      for (RunGroup& group : set) {
        if (group.tag == pass.to) group.tags = 1u << group.tag;
      }
      write_book(std::move(set));
    }
    passes_.erase(passes_.begin());
    return true;
  }
  return true;
}

void RunWorker::collect_garbage() {
  std::vector<std::uint64_t> kept;
  for (std::uint64_t run : garbage_) {
    {
      MutexLock lock(inbox_);
      bool is_pinned = std::any_of(pins_.begin(), pins_.end(),
                                   [run](const auto& pin) { return names_run(pin.second, run); });
      if (is_pinned) {
        kept.push_back(run);
        continue;
      }
    }
    // Not made, where its writer failed before; a file that stays goes at the next start.
    Status removed = config_.place.disk->remove(config_.place.path(run));
    if (!removed && removed.error().code() != Code::kNotFound) fail(std::move(removed).error());
  }
  garbage_.swap(kept);
}

std::uint64_t RunWorker::pin() {
  MutexLock lock(inbox_);
  RunNames names;
  auto set = book_.read();
  for (const RunGroup& group : *set) {
    names.emplace_back();
    for (const RunFilePtr& run : group.runs) names.back().push_back(run->number());
  }
  std::erase_if(names, [](const auto& group) { return group.empty(); });
  pins_[next_pin_] = std::move(names);
  return next_pin_++;
}

void RunWorker::unpin(std::uint64_t pin) {
  {
    MutexLock lock(inbox_);
    pins_.erase(pin);
  }
  schedule();
}

RunNames RunWorker::pinned(std::uint64_t pin) const {
  MutexLock lock(inbox_);
  return pins_.at(pin);
}

// Its name and that of the folder around it, which may be new too, must outlive a crash as the
// runs in it do.
Status RunWorker::make_directory() {
  std::string path = config_.place.directory;
  FRESHET_TRY_STATUS(config_.place.disk->make_directory(path));
  for (int level = 0; level < 2; ++level) {
    std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos || slash == 0) return ok();
    path.resize(slash);
    FRESHET_TRY_STATUS(config_.place.disk->sync_directory(path));
  }
  return ok();
}

Status RunWorker::restore(const RunNames& names) {
  MutexLock lock(work_);
  FRESHET_TRY_STATUS(make_directory());
  FRESHET_TRY_STATUS(open_groups(names));
  FRESHET_TRY_STATUS(remove_others(names));
  std::uint64_t entries = 0;
  auto set = book_.read();
  for (const RunGroup& group : *set) entries += group.entries();
  if (entries == 0) return ok();
  filter_.begin_rebuild(IdFilter::bytes_for(entries + entries / 4));
  for (std::uint32_t part = 0; part < IdFilter::kPartCount; ++part) filter_.rebuild_part(part, {});
  for (const RunGroup& group : *set) {
    for (const RunFilePtr& run : group.runs) FRESHET_TRY_STATUS(insert_all(run, group.tag));
  }
  return ok();
}

Status RunWorker::insert_all(const RunFilePtr& run, std::uint32_t tag) {
  RunCursor cursor(run, config_.place.hash_seed, 0, 64);
  while (true) {
    FRESHET_TRY(const RunEntry* next, cursor.next());
    if (next == nullptr) return ok();
    filter_.insert(next->id.hash, tag);
  }
}

Status RunWorker::open_groups(const RunNames& names) {
  if (names.size() > IdFilter::kTagCount)
    return Error(Code::kCorruption, 3453,
                 fmt::format("{} groups of runs are named, {} are possible", names.size(),
                             IdFilter::kTagCount));
  RunSet set;
  for (const auto& group : names) {
    auto tag = static_cast<std::uint32_t>(set.size());
    set.push_back({tag, 1u << tag, {}});
    for (std::uint64_t run : group) {
      FRESHET_TRY(auto opened, RunFile::open(config_.place, run));
      set.back().runs.push_back(std::move(opened));
      next_run_ = std::max(next_run_, run + 1);
    }
  }
  write_book(std::move(set));
  return ok();
}

Status RunWorker::remove_others(const RunNames& names) {
  FRESHET_TRY(auto files, config_.place.disk->list(config_.place.directory));
  for (const std::string& file : files) {
    auto run = RunPlace::run_of(file);
    if (!run || names_run(names, *run)) continue;
    FRESHET_TRY_STATUS(config_.place.disk->remove(config_.place.path(*run)));
    // A number is not given twice, even where the removal is forgotten.
    next_run_ = std::max(next_run_, *run + 1);
  }
  return ok();
}

}  // namespace freshet::dedup

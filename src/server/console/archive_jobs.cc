#include "server/console/archive_jobs.h"

#include <fmt/format.h>

#include <utility>

namespace freshet::console {
namespace {

// Enough for a client that asks again after a broken connection.
constexpr std::size_t kJobsKept = 16;

}  // namespace

std::string_view name_of(ArchiveWork work) {
  return work == ArchiveWork::kVerify ? "verify" : "compact";
}

ArchiveJob::ArchiveJob(std::string id, ArchiveWork work, std::string owner,
                       std::vector<std::string> tables) {
  MutexLock lock(mutex_);
  state_.id = std::move(id);
  state_.work = work;
  state_.owner = std::move(owner);
  state_.tables = std::move(tables);
}

void ArchiveJob::run(archive::ArchiveService& archive) {
  const ArchiveJobState begun = state();
  for (const std::string& table : begun.tables) {
    if (state().stopped) break;
    auto report = work_on(archive, begun.work, table);
    MutexLock lock(mutex_);
    // A check that was cut short says nothing about the files that it did not reach.
    if (state_.stopped && begun.work == ArchiveWork::kVerify) break;
    state_.files_done = state_.files = 0;
    state_.outcomes.push_back({table, std::move(report)});
  }
  MutexLock lock(mutex_);
  // Stopped behind its last table is done.
  if (state_.outcomes.size() == state_.tables.size()) state_.stopped = false;
  state_.running = false;
}

std::variant<archive::VerifyReport, archive::CompactReport, Error> ArchiveJob::work_on(
    archive::ArchiveService& archive, ArchiveWork work, const std::string& table) {
  if (work == ArchiveWork::kCompact) {
    auto compacted = archive.compact(table);
    if (!compacted) return std::move(compacted).error();
    return *std::move(compacted);
  }
  auto verified = archive.verify(table, [this](std::uint64_t files_done, std::uint64_t files) {
    return note_progress(files_done, files);
  });
  if (!verified) return std::move(verified).error();
  return *std::move(verified);
}

bool ArchiveJob::note_progress(std::uint64_t files_done, std::uint64_t files) {
  MutexLock lock(mutex_);
  state_.files_done = files_done;
  state_.files = files;
  return !state_.stopped;
}

ArchiveJobState ArchiveJob::state() const {
  MutexLock lock(mutex_);
  return state_;
}

void ArchiveJob::stop() {
  MutexLock lock(mutex_);
  if (state_.running) state_.stopped = true;
}

Result<std::shared_ptr<ArchiveJob>> ArchiveJobs::begin(archive::ArchiveService& archive,
                                                       io::Executor& executor, ArchiveWork work,
                                                       const std::string& owner,
                                                       std::vector<std::string> tables) {
  FRESHET_TRY(std::shared_ptr<ArchiveJob> job, add(work, owner, std::move(tables)));
  if (executor.post([job, &archive] { job->run(archive); })) return job;
  MutexLock lock(mutex_);
  std::erase(jobs_, job);
  return Error(Code::kThrottled, 5107, "too many calls are waiting: try again");
}

Result<std::shared_ptr<ArchiveJob>> ArchiveJobs::add(ArchiveWork work, const std::string& owner,
                                                     std::vector<std::string> tables) {
  MutexLock lock(mutex_);
  if (stopped_) return Error(Code::kUnavailable, 5113, "the server is stopping");
  if (!jobs_.empty() && jobs_.back()->state().running) {
    // Two would read the store against each other, and may want the same table.
    return Error(Code::kThrottled, 5113,
                 fmt::format("the archive is at work on {}: wait until it is done",
                             jobs_.back()->state().id));
  }
  std::string id = fmt::format("{}-{}", name_of(work), ++begun_);
  jobs_.push_back(std::make_shared<ArchiveJob>(std::move(id), work, owner, std::move(tables)));
  if (jobs_.size() > kJobsKept) jobs_.pop_front();
  return jobs_.back();
}

Result<std::shared_ptr<ArchiveJob>> ArchiveJobs::find(std::string_view id, std::string_view owner) {
  MutexLock lock(mutex_);
  for (const std::shared_ptr<ArchiveJob>& job : jobs_) {
    ArchiveJobState state = job->state();
    if (state.id == id && state.owner == owner) return job;
  }
  return Error(Code::kNotFound, 5116,
               fmt::format("there is no archive job {} of this key: only the last {} are kept, and "
                           "none across a restart",
                           id, kJobsKept));
}

void ArchiveJobs::stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  for (const std::shared_ptr<ArchiveJob>& job : jobs_) job->stop();
}

}  // namespace freshet::console

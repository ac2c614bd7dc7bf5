// Verifies and compactions of archived tables. They take minutes to hours, longer than any request
// may: a call begins one, others ask how far it is.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "archive/archive_service.h"
#include "common/mutex.h"
#include "common/result.h"
#include "io/executor.h"

namespace freshet::console {

enum class ArchiveWork { kVerify, kCompact };
std::string_view name_of(ArchiveWork work);  // "verify"

// What came of one table.
struct ArchiveOutcome {
  std::string table;
  std::variant<archive::VerifyReport, archive::CompactReport, Error> report;
};

struct ArchiveJobState {
  std::string id;  // "verify-1"
  ArchiveWork work = ArchiveWork::kVerify;
  std::string owner;  // the key that began it
  std::vector<std::string> tables;
  bool running = true;
  bool stopped = false;                     // asked to end early; what was done stands in outcomes
  std::uint64_t files_done = 0, files = 0;  // of the table at work; 0 where that is not told
  std::vector<ArchiveOutcome> outcomes;     // in the order of `tables`
};

// Thread-safe.
class ArchiveJob {
 public:
  ArchiveJob(std::string id, ArchiveWork work, std::string owner, std::vector<std::string> tables);
  void run(archive::ArchiveService& archive);
  ArchiveJobState state() const;
  void stop();

 private:
  std::variant<archive::VerifyReport, archive::CompactReport, Error> work_on(
      archive::ArchiveService& archive, ArchiveWork work, const std::string& table);
  bool note_progress(std::uint64_t files_done, std::uint64_t files);

  mutable Mutex mutex_;
  ArchiveJobState state_ FRESHET_GUARDED_BY(mutex_);
};

// One at a time, and the last few that ended. Thread-safe.
class ArchiveJobs {
 public:
  // kThrottled FRS-5113 while another runs, FRS-5107 where the executor is full.
  Result<std::shared_ptr<ArchiveJob>> begin(archive::ArchiveService& archive,
                                            io::Executor& executor, ArchiveWork work,
                                            const std::string& owner,
                                            std::vector<std::string> tables);
  // kNotFound FRS-5116, for the jobs of others too.
  Result<std::shared_ptr<ArchiveJob>> find(std::string_view id, std::string_view owner);
  // Ends the one under way at its next file, and begins none any more.
  void stop();

 private:
  Result<std::shared_ptr<ArchiveJob>> add(ArchiveWork work, const std::string& owner,
                                          std::vector<std::string> tables);

  Mutex mutex_;
  bool stopped_ FRESHET_GUARDED_BY(mutex_) = false;
  std::uint64_t begun_ FRESHET_GUARDED_BY(mutex_) = 0;
  std::deque<std::shared_ptr<ArchiveJob>> jobs_ FRESHET_GUARDED_BY(mutex_);  // the newest last
};

}  // namespace freshet::console

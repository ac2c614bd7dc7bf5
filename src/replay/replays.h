// The replays of a server: one at a time, on a thread below all others in priority.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/mutex.h"
#include "io/executor.h"
#include "pipeline/runner.h"
#include "replay/range_replay.h"
#include "replay/replay_service.h"

namespace freshet::archive {
class Archive;
}

namespace freshet::replay {

struct ReplaysConfig {
  std::string folder;  // below the data directory, for ids; what lies there is removed
  RangeLimits limits;
};

// Nothing of a replay outlives the process but the table that it has made whole.
class Replays : public ReplayService {
 public:
  // `archive` may be null: none is configured. All outlives the replays.
  Replays(ReplaysConfig config, pipeline::Runner& runner, archive::Archive* archive);
  ~Replays() override;  // stop()
  // Ends the one under way at its next batch, and begins none any more. Idempotent.
  void stop();

  Result<ReplayEstimate> estimate(const ReplayRequest& request, const Allows& allows) override;
  Result<ReplayState> begin(const ReplayRequest& request, const Allows& allows,
                            const std::string& owner) override;
  Result<ReplayState> state(std::string_view id, std::string_view owner) override;
  Result<ReplayState> stop(std::string_view id, std::string_view owner) override;

 private:
  struct Job;
  class Filling;
  using JobPointer = std::shared_ptr<Job>;

  Result<std::shared_ptr<pipeline::StreamPipeline>> find_pipeline(const ReplayRequest& request,
                                                                  const Allows& allows);
  Result<ReplayEstimate> estimate_of(const ReplayRequest& request,
                                     const pipeline::StreamPipeline& production);
  Status check_into(const ReplayRequest& request, const pipeline::StreamPipeline& production);
  Result<JobPointer> find(std::string_view id, std::string_view owner);
  Status add(const JobPointer& job);
  void run(Job& job);
  Status replay(Job& job);
  Status fill(Job& job, RangeSource source, pipeline::StreamPipeline& pipeline,
              std::uint64_t memory_bytes);
  Result<RangeSource> source_of(const ReplayEstimate& estimate,
                                const pipeline::StreamPipeline& production);
  RangeWatch watch(Job& job);

  const ReplaysConfig config_;
  pipeline::Runner& runner_;
  archive::Archive* archive_;

  Mutex mutex_;
  ConditionVariable changed_;
  bool stopped_ FRESHET_GUARDED_BY(mutex_) = false;
  std::uint64_t begun_ FRESHET_GUARDED_BY(mutex_) = 0;
  std::deque<JobPointer> jobs_ FRESHET_GUARDED_BY(mutex_);  // the newest last
  io::ThreadPool thread_{"replay", 1, 1};
};

}  // namespace freshet::replay

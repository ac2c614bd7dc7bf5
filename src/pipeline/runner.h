// The main job of one machine: opens a data directory, brings everything back, runs the shards.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "common/memory_budget.h"
#include "common/result.h"
#include "io/clock.h"
#include "io/disk.h"
#include "io/executor.h"
#include "io/random.h"
#include "pipeline/crash_marker.h"
#include "pipeline/references.h"
#include "pipeline/shard.h"
#include "pipeline/streams.h"
#include "pipeline/tables.h"

namespace freshet::pipeline {

// A stream that the configuration declares: made at start where it is missing.
struct DeclaredStream {
  std::string name;
  std::uint32_t partitions = 1;
  std::int64_t keep_us = 24ll * 3'600'000'000;
  std::uint64_t keep_bytes = 0;
  bool before_archive = false;
};

struct RunnerConfig {
  std::string data_directory;
  std::uint64_t memory_bytes = 1ull << 30;  // of rows and dedup together
  // Event ids that stay in memory, of all pipelines together; older ones are on disk.
  std::uint64_t memory_ids = 3'000'000;
  std::uint64_t disk_bytes = 0;  // of the log; 0: no limit but the disk's
  std::uint64_t segment_bytes = 256ull << 20;
  std::uint32_t shards = 1;            // of a new data directory; an old one keeps its own number
  std::uint32_t quarantine_after = 3;  // times that an event may end the process
  bool check_log_bodies = false;       // as log::Config::check_bodies
  std::uint64_t checkpoint_records = 3'000'000;  // as ShardConfig's; 0: no checkpoints
  std::vector<DeclaredStream> streams;
  std::vector<PipelineSettings> pipelines;  // id_seed is filled in here
  // What must be done before anything reads the log: erasures that were asked for.
  std::function<Status(catalog::Catalog&)> before_log = {};
};

// What was found at start, to be said to the operator.
struct RunnerReport {
  std::uint64_t records = 0;
  std::int64_t replay_us = 0;
  std::vector<Position> checkpoints;  // that replay began at; 0 where it began at the beginning
  std::string write_queue;            // "io_uring" or "thread"
  std::vector<log::Gap> gaps;
};

// A pipeline beside production: the same plan over the same records, with tables and ids of its
// own.
struct PipelineBeside {
  std::string ids_folder;  // where ids go beyond memory; to be empty, and removed afterwards
  std::uint64_t memory_ids = 500'000;
};

class Runner {
 public:
  // `references` are the versions that files offer now: they give joins their columns, and become
  // active where their content differs from what is in force. All else outlives the runner.
  static Result<std::unique_ptr<Runner>> start(
      RunnerConfig config, std::vector<std::shared_ptr<const ReferenceTable>> references,
      io::Disk& disk, io::Clock& clock, io::Random& random, io::Executor& readers);
  // Builds the pipelines and nothing else: what `serve --check` does. `id_seed` does not matter
  // here.
  static Status check(const std::vector<PipelineSettings>& pipelines,
                      const std::vector<std::shared_ptr<const ReferenceTable>>& references);
  ~Runner();  // stop()
  void stop();
  // What production's pipeline was made of, as it stands now. `budget` outlives the pipeline.
  Result<std::unique_ptr<StreamPipeline>> make_pipeline_beside(const StreamPipeline& production,
                                                               const PipelineBeside& beside,
                                                               MemoryBudget& budget);

  Streams& streams() { return *streams_; }
  Tables& tables() { return tables_; }
  References& references() { return *references_; }
  catalog::Catalog& catalog() { return *catalog_; }
  const RunnerReport& report() const { return report_; }
  MemoryBudget& memory() { return *budget_; }
  // Reads the catalog's holds again. What they cover stays from here on.
  Status apply_holds();
  bool rows_are_held() const { return held_from_us_.load() != INT64_MAX; }
  bool can_write() const;

 private:
  static Result<std::unique_ptr<Runner>> start_once(
      const RunnerConfig& config,
      const std::vector<std::shared_ptr<const ReferenceTable>>& references, io::Disk& disk,
      io::Clock& clock, io::Random& random, io::Executor& readers);
  Runner(RunnerConfig config, io::Disk& disk, io::Clock& clock, io::Random& random,
         io::Executor& readers);
  Status open();
  Status open_shard(std::uint32_t index);
  Status load_erasures();
  Status note_crashes(const CrashMarker& marker);
  Status replay();
  Status restore_checkpoint(std::uint32_t index);
  Status declare_streams();
  Result<KnownReferences> known_references(
      const std::vector<std::shared_ptr<const ReferenceTable>>& references);
  Status note_boundaries(StreamPipeline& pipeline);
  Result<std::shared_ptr<StreamPipeline>> make_pipeline(const catalog::StreamRow& stream);

  RunnerConfig config_;
  io::Disk& disk_;
  io::Clock& clock_;
  io::Random& random_;
  io::Executor& readers_;
  std::vector<io::DirectoryLock> lock_;  // one, once acquired
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<MemoryBudget> budget_;
  PoisonEvents poison_;
  std::shared_ptr<const ErasureRules> erasures_;
  std::atomic<std::int64_t> held_from_us_{INT64_MAX};
  KnownReferences known_references_;
  Tables tables_;
  std::vector<std::unique_ptr<io::WriteQueue>> queues_;
  std::vector<std::unique_ptr<CrashMarker>> markers_;
  std::vector<std::shared_ptr<CheckpointStore>> checkpoints_;  // by shard
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<Streams> streams_;
  std::unique_ptr<References> references_;
  RunnerReport report_;
};

}  // namespace freshet::pipeline

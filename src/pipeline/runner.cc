#include "pipeline/runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/logging.h"
#include "common/metrics.h"
#include "common/units.h"

namespace freshet::pipeline {
namespace {

constexpr int kCheckpointNotRestored = 3506;

}  // namespace

Runner::Runner(RunnerConfig config, io::Disk& disk, io::Clock& clock, io::Random& random,
               io::Executor& readers)
    : config_(std::move(config)),
      disk_(disk),
      clock_(clock),
      random_(random),
      readers_(readers),
      budget_(std::make_unique<MemoryBudget>(config_.memory_bytes)) {}

Runner::~Runner() {
  stop();
}

void Runner::stop() {
  for (auto& shard : shards_) shard->stop();
}

bool Runner::can_write() const {
  return std::all_of(shards_.begin(), shards_.end(),
                     [](const auto& shard) { return shard->can_write(); });
}

Result<std::unique_ptr<Runner>> Runner::start(
    RunnerConfig config, std::vector<std::shared_ptr<const ReferenceTable>> references,
    io::Disk& disk, io::Clock& clock, io::Random& random, io::Executor& readers) {
  auto runner = start_once(config, references, disk, clock, random, readers);
  // A bad checkpoint is gone by then, so this ends: at the latest with the whole log.
  while (!runner && runner.error().number() == kCheckpointNotRestored) {
    log_warning("a checkpoint is passed over", {{"error", runner.error().to_string()}});
    runner = start_once(config, references, disk, clock, random, readers);
  }
  // FRS-31xx are the log's own.
  bool is_log_damage =
      !runner && runner.error().code() == Code::kCorruption && runner.error().number() / 100 == 31;
  if (!is_log_damage || config.check_log_bodies) return runner;
  log_warning("the log is damaged: it is read once more, whole, to go on around the gap",
              {{"error", runner.error().to_string()}});
  config.check_log_bodies = true;
  return start_once(config, references, disk, clock, random, readers);
}

Result<std::unique_ptr<Runner>> Runner::start_once(
    const RunnerConfig& config,
    const std::vector<std::shared_ptr<const ReferenceTable>>& references, io::Disk& disk,
    io::Clock& clock, io::Random& random, io::Executor& readers) {
  auto runner = std::unique_ptr<Runner>(new Runner(config, disk, clock, random, readers));
  FRESHET_TRY_STATUS(runner->open());
  FRESHET_TRY(runner->known_references_, runner->known_references(references));
  FRESHET_TRY_STATUS(runner->streams_->load());
  FRESHET_TRY_STATUS(runner->replay());
  for (std::size_t i = 0; i < runner->shards_.size(); ++i)
    runner->shards_[i]->start(fmt::format("shard-{}", i));
  // References before streams: the first event of a new stream is joined already.
  for (const auto& table : references) {
    FRESHET_TRY([[maybe_unused]] auto version,
                runner->references_->switch_to_file(table, clock.wall_us()));
  }
  FRESHET_TRY_STATUS(runner->declare_streams());
  return runner;
}

Status Runner::check(const std::vector<PipelineSettings>& pipelines,
                     const std::vector<std::shared_ptr<const ReferenceTable>>& references) {
  KnownReferences known;
  for (const auto& table : references) known[table->name()] = table;
  MemoryBudget budget(64ull << 20);
  PoisonEvents poison;
  for (const PipelineSettings& settings : pipelines) {
    FRESHET_TRY([[maybe_unused]] auto pipeline,
                StreamPipeline::create(settings, known, budget, poison));
  }
  return ok();
}

Status Runner::open() {
  const std::string& directory = config_.data_directory;
  FRESHET_TRY_STATUS(disk_.make_directory(directory));
  FRESHET_TRY(auto lock, io::DirectoryLock::acquire(directory + "/freshet.lock"));
  lock_.push_back(std::move(lock));
  FRESHET_TRY(catalog_, catalog::Catalog::open(directory + "/catalog.sqlite", random_));
  if (config_.before_log) FRESHET_TRY_STATUS(config_.before_log(*catalog_));
  FRESHET_TRY_STATUS(load_erasures());
  FRESHET_TRY_STATUS(apply_holds());
  FRESHET_TRY_STATUS(disk_.make_directory(directory + "/log"));
  FRESHET_TRY(auto journals, disk_.list(directory + "/log"));
  // Streams belong to journals by number, so an existing directory keeps the journals that it has.
  std::uint32_t count =
      journals.empty() ? std::max(1u, config_.shards) : static_cast<std::uint32_t>(journals.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    FRESHET_TRY(auto marker, CrashMarker::open(fmt::format("{}/processing-{}", directory, i)));
    FRESHET_TRY_STATUS(note_crashes(*marker));
    markers_.push_back(std::move(marker));
  }
  FRESHET_TRY(auto poison, catalog_->poison());
  for (const auto& row : poison) {
    if (row.attempts >= config_.quarantine_after) poison_[row.record_hash] = row.attempts;
  }
  std::vector<Shard*> shards;
  for (std::uint32_t i = 0; i < count; ++i) {
    FRESHET_TRY_STATUS(open_shard(i));
    shards.push_back(shards_.back().get());
  }
  StreamsConfig streams;
  for (const DeclaredStream& stream : config_.streams)
    streams.keep[stream.name] = {stream.keep_bytes, stream.before_archive};
  streams_ = std::make_unique<Streams>(
      std::move(streams), *catalog_, shards, tables_, clock_, readers_,
      [this](const catalog::StreamRow& row) { return make_pipeline(row); });
  references_ = std::make_unique<References>(*catalog_, shards, tables_);
  return ok();
}

// For as long as a retry could be taken for new: the horizon of the pipeline that remembers
// longest.
Status Runner::load_erasures() {
  std::int64_t horizon_us = 0;
  for (const PipelineSettings& settings : config_.pipelines)
    horizon_us = std::max(horizon_us, settings.dedup.horizon_us);
  FRESHET_TRY(auto rows, catalog_->erasures());
  auto rules = std::make_shared<ErasureRules>(catalog_->erasure_key());
  for (const catalog::ErasureRow& row : rows) {
    if (row.state != "refused" && row.changed_us + horizon_us > clock_.wall_us()) rules->add(row);
  }
  erasures_ = std::move(rules);
  return ok();
}

Status Runner::apply_holds() {
  FRESHET_TRY(auto holds, catalog_->holds());
  std::int64_t from_us = INT64_MAX;
  for (const catalog::HoldRow& hold : holds) {
    if (hold.lifted_us == 0) from_us = std::min(from_us, hold.arrived_from_us);
  }
  held_from_us_.store(from_us);
  return ok();
}

Status Runner::note_crashes(const CrashMarker& marker) {
  if (!marker.found()) return ok();
  if (marker.found()->record_hash == 0) {
    log_warning(
        "the last process ended while it ran a batch; events are taken one by one until it is "
        "known which did it");
    return ok();
  }
  FRESHET_TRY(std::uint32_t attempts, catalog_->add_poison_attempt(marker.found()->record_hash));
  log_warning("the last process ended while it processed one event",
              {{"record_hash", fmt::format("{:016x}", marker.found()->record_hash)},
               {"attempts", attempts},
               {"quarantined", attempts >= config_.quarantine_after}});
  return ok();
}

Status Runner::open_shard(std::uint32_t index) {
  queues_.push_back(io::make_write_queue());
  report_.write_queue = queues_.back()->kind();
  log::Config journal_config{
      .directory = fmt::format("{}/log/journal-{}", config_.data_directory, index),
      .data_directory_id = catalog_->data_directory_id(),
      .journal_id = index,
      .segment_bytes = config_.segment_bytes,
      .check_bodies = config_.check_log_bodies};
  FRESHET_TRY(auto journal,
              log::Journal::open(journal_config, disk_, *queues_.back(), clock_, random_,
                                 log::RecoveryPolicy::kWatermark, &readers_));
  for (const log::Gap& gap : journal->recovery().gaps) {
    log_error(
        "part of the log cannot be read: these events are lost to readers until it is repaired",
        {{"segment", gap.segment},
         {"offset", gap.offset},
         {"bytes", gap.bytes},
         {"after_position", gap.after.value},
         {"before_position", gap.before.value},
         {"reason", gap.reason}});
    report_.gaps.push_back(gap);
  }
  report_.records += journal->recovery().records;
  ShardConfig shard_config;
  shard_config.checkpoint_records = config_.checkpoint_records;
  shard_config.segment_bytes = config_.segment_bytes;
  shard_config.erasures = erasures_;
  shard_config.decode.id_seed = catalog_->id_seed();
  shard_config.held_from_us = &held_from_us_;
  // Events are refused at 95 % of limits.disk, so that there is room to come back from.
  if (config_.disk_bytes != 0)
    shard_config.disk_bytes_max = config_.disk_bytes / 100 * 95 / markers_.size();
  shards_.push_back(std::make_unique<Shard>(shard_config, std::move(journal), *queues_.back(),
                                            clock_, markers_[index].get()));
  checkpoints_.push_back(std::make_shared<CheckpointStore>(
      disk_, fmt::format("{}/checkpoint/journal-{}", config_.data_directory, index),
      catalog_->data_directory_id(), index));
  if (config_.checkpoint_records > 0)
    shards_.back()->use_checkpoints({checkpoints_.back(), readers_, disk_});
  return ok();
}

Result<KnownReferences> Runner::known_references(
    const std::vector<std::shared_ptr<const ReferenceTable>>& references) {
  KnownReferences known;
  FRESHET_TRY(auto versions, catalog_->reference_versions());
  std::map<std::string, std::uint32_t> newest;
  for (const auto& version : versions) newest[version.table] = version.version;
  for (const auto& [name, version] : newest) {
    FRESHET_TRY(known[name], references_->load(version));
  }
  for (const auto& table : references) known[table->name()] = table;
  return known;
}

Result<std::shared_ptr<StreamPipeline>> Runner::make_pipeline(const catalog::StreamRow& stream) {
  for (PipelineSettings settings : config_.pipelines) {
    if (settings.stream != stream.name) continue;
    settings.created_us = stream.created_us;
    settings.decode.id_seed = catalog_->id_seed();
    settings.dedup.hash_seed = catalog_->id_seed();
    settings.dedup.directory = fmt::format("{}/ids/{}", config_.data_directory, stream.id);
    settings.dedup.disk = &disk_;
    settings.dedup.data_directory_id = catalog_->data_directory_id();
    settings.dedup.memory_ids = config_.memory_ids / config_.pipelines.size();
    FRESHET_TRY(std::shared_ptr<StreamPipeline> pipeline,
                StreamPipeline::create(std::move(settings), known_references_, *budget_, poison_,
                                       &readers_));
    FRESHET_TRY_STATUS(note_boundaries(*pipeline));
    return pipeline;
  }
  return std::shared_ptr<StreamPipeline>();
}

Result<std::unique_ptr<StreamPipeline>> Runner::make_pipeline_beside(
    const StreamPipeline& production, const PipelineBeside& beside, MemoryBudget& budget) {
  PipelineSettings settings = production.settings();
  settings.dedup.directory = beside.ids_folder;
  settings.dedup.memory_ids = beside.memory_ids;
  // What is archived of production's rows says nothing of these.
  settings.archived = false;
  settings.keep_hot_us = 0;
  return StreamPipeline::create(std::move(settings), known_references_, budget, poison_, &readers_);
}

// Before the first record: what no file holds yet must not leave.
Status Runner::note_boundaries(StreamPipeline& pipeline) {
  FRESHET_TRY(auto rows, catalog_->archive_tables());
  for (const TableInfo& info : pipeline.tables()->table_infos()) {
    auto row = std::find_if(rows.begin(), rows.end(),
                            [&](const auto& each) { return each.name == info.name; });
    if (pipeline.settings().archived) {
      Position boundary = row == rows.end() ? Position{} : row->boundary;
      pipeline.tables()->set_archived(info.name, {.boundary = boundary, .files = nullptr});
    } else if (row != rows.end() && row->boundary > Position{}) {
      log_warning("queries do not see the archived rows of a table: [archive] url is not set",
                  {{"table", info.name}, {"location", row->location}});
    }
  }
  return ok();
}

Status Runner::replay() {
  std::int64_t started_ns = clock_.monotonic_ns();
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    FRESHET_TRY_STATUS(references_->prepare_replay(i));
    FRESHET_TRY_STATUS(restore_checkpoint(i));
    FRESHET_TRY_STATUS(
        shards_[i]->replay([this](std::uint32_t version) { return references_->load(version); },
                           ReplayThreads::kThree));
    FRESHET_TRY_STATUS(references_->finish_replay(i));
  }
  report_.replay_us = (clock_.monotonic_ns() - started_ns) / 1000;
  return ok();
}

Status Runner::restore_checkpoint(std::uint32_t index) {
  report_.checkpoints.emplace_back();
  if (config_.checkpoint_records == 0) return ok();
  CheckpointStore& store = *checkpoints_[index];
  Shard& shard = *shards_[index];
  FRESHET_TRY(auto checkpoint, store.load(shard.recovery().last, readers_));
  if (!checkpoint) return ok();
  if (Status can = shard.can_restore(*checkpoint); !can) {
    log_info("the checkpoint is not used", {{"reason", can.error().message()}});
    return store.clear();
  }
  Status restored = references_->restore(index, checkpoint->references);
  if (restored) restored = shard.restore(*checkpoint);
  if (!restored) {
    FRESHET_TRY_STATUS(store.remove(checkpoint->position));
    return Error(Code::kCorruption, kCheckpointNotRestored,
                 fmt::format("{}: the checkpoint at position {} is of no use: {}", store.folder(),
                             checkpoint->position.value, restored.error().to_string()));
  }
  report_.checkpoints.back() = checkpoint->position;
  return ok();
}

Status Runner::declare_streams() {
  for (const DeclaredStream& declared : config_.streams) {
    auto found = streams_->find(declared.name);
    if (!found) {
      FRESHET_TRY(found, streams_->create(declared.name, declared.partitions,
                                          StreamMode::kProvisioned, {}));
    }
    if (found->retention_us != declared.keep_us) {
      FRESHET_TRY_STATUS(streams_->set_retention(declared.name, declared.keep_us));
    }
  }
  return ok();
}

}  // namespace freshet::pipeline

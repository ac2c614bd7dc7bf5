// How a shard makes checkpoints while events come, and begins with one.
//
// When one is due the shard submits no further block until those in flight are durable, some
// milliseconds. Then all that was processed is published, and the state is sealed: chunks are
// closed, ids are held. What was sealed does not change any more, so the background writes it while
// the shard goes on.
#include <fmt/format.h>

#include "common/logging.h"
#include "common/metrics.h"
#include "pipeline/shard.h"

namespace freshet::pipeline {
namespace {

struct Metrics {
  metrics::Counter& made =
      metrics::counter("freshet_pipeline_checkpoints_total", "Checkpoints written");
  metrics::Counter& failed = metrics::counter("freshet_pipeline_checkpoints_failed_total",
                                              "Checkpoints that could not be written");
  metrics::Gauge& position =
      metrics::gauge("freshet_pipeline_checkpoint_position", "Position of the newest checkpoint");
};

Metrics& checkpoint_metrics() {
  static Metrics instance;
  return instance;
}

// Sealed rows leave memory from here, down to there, in per cent of the budget.
constexpr std::uint64_t kLeaveAbove = 50;
constexpr std::uint64_t kLeaveTo = 40;
constexpr std::size_t kCheckpointsKept = 2;  // as the store does

}  // namespace

void Shard::use_checkpoints(ShardCheckpoints checkpoints) {
  checkpoints_.emplace(std::move(checkpoints));
}

// Sooner where memory is short: rows leave it only behind a checkpoint.
bool Shard::checkpoint_is_due() const {
  if (!checkpoints_ || checkpoint_work_ != nullptr || !can_write()) return false;
  if (since_checkpoint_ >= config_.checkpoint_records) return true;
  std::uint64_t least = config_.checkpoint_records / (was_throttled_ ? 64 : 8);
  return since_checkpoint_ > 0 && since_checkpoint_ >= least && memory_is_tight();
}

bool Shard::memory_is_tight() const {
  // They share one budget.
  for (const auto& [id, runtime] : streams_) {
    if (runtime->stream.pipeline) return runtime->stream.pipeline->memory_is_tight();
  }
  return false;
}

void Shard::begin_checkpoint() {
  since_checkpoint_ = 0;
  was_throttled_ = false;
  auto work = std::make_shared<CheckpointWork>();
  auto draft = std::make_shared<CheckpointDraft>();
  Checkpoint& checkpoint = draft->checkpoint;
  checkpoint.position = published_;
  checkpoint.arrival_us = published_us_;
  for (const auto& [name, in_force] : in_force_)
    checkpoint.references.push_back(in_force.reference);
  std::sort(checkpoint.references.begin(), checkpoint.references.end(),
            [](const auto& a, const auto& b) { return a.version < b.version; });
  for (auto& [id, runtime] : streams_) {
    StreamCheckpoint& stream = checkpoint.streams.emplace_back();
    stream.stream = id;
    stream.visible_from_us = runtime->visible_from_us;
    stream.bytes = runtime->bytes;
    stream.samples.assign(runtime->samples.begin(), runtime->samples.end());
    CheckpointDraft::Stream& to = draft->streams.emplace_back();
    to.pipeline = runtime->stream.pipeline;
    if (to.pipeline == nullptr) continue;
    to.sealed = to.pipeline->seal(stream);
    work->holds.emplace_back(id, to.sealed->ids.runs.hold);
  }
  bool posted = checkpoints_->background.post([work, draft, store = checkpoints_->store] {
    work->result = store->write(std::move(*draft), work->cancelled);
    work->finished.store(true, std::memory_order_release);
    work->finished.notify_all();
  });
  // A full queue: the next one will do.
  if (posted) {
    checkpoint_work_ = std::move(work);
  } else {
    release_holds(*work);
  }
}

// In every turn.
void Shard::end_checkpoint() {
  if (checkpoint_work_ == nullptr || !checkpoint_work_->finished.load(std::memory_order_acquire))
    return;
  std::shared_ptr<CheckpointWork> work = std::move(checkpoint_work_);
  checkpoint_work_ = nullptr;
  Result<Checkpoint>& made = *work->result;
  if (!made) {
    checkpoint_metrics().failed.add();
    log_warning("no checkpoint could be written; a start will read more of the log again",
                {{"error", made.error().to_string()}});
    return release_holds(*work);
  }
  checkpoint_metrics().made.add();
  checkpoint_metrics().position.set(static_cast<std::int64_t>(made->position.value));
  leave_memory(*made);
  work->result.reset();
  checkpoints_kept_.push_back(std::move(work));
  if (checkpoints_kept_.size() <= kCheckpointsKept) return;
  release_holds(*checkpoints_kept_.front());
  checkpoints_kept_.pop_front();
}

void Shard::release_holds(const CheckpointWork& work) {
  for (auto [id, hold] : work.holds) {
    auto found = streams_.find(id);
    if (found != streams_.end() && found->second->stream.pipeline)
      found->second->stream.pipeline->release(hold);
  }
}

void Shard::leave_memory(const Checkpoint& checkpoint) {
  for (const StreamCheckpoint& stream : checkpoint.streams) {
    auto found = streams_.find(stream.stream);
    if (found == streams_.end() || !found->second->stream.pipeline) continue;
    Status moved = found->second->stream.pipeline->move_to_files(
        stream.tables[0], checkpoints_->store->folder(), checkpoints_->disk, kLeaveAbove, kLeaveTo);
    if (!moved)
      log_warning("rows stay in memory, because their file cannot be mapped",
                  {{"error", moved.error().to_string()}});
  }
}

void Shard::stop_checkpoint() {
  if (checkpoint_work_ == nullptr) return;
  checkpoint_work_->cancelled.store(true, std::memory_order_relaxed);
  checkpoint_work_->finished.wait(false, std::memory_order_acquire);
  checkpoint_work_ = nullptr;
}

Status Shard::can_restore(const Checkpoint& checkpoint) const {
  for (const auto& [id, runtime] : streams_) {
    const ShardStream& stream = runtime->stream;
    auto found = std::find_if(checkpoint.streams.begin(), checkpoint.streams.end(),
                              [id = id](const auto& each) { return each.stream == id; });
    // Made after the checkpoint, so all of its records stand behind it.
    if (found == checkpoint.streams.end()) continue;
    std::uint64_t plan = stream.pipeline ? stream.pipeline->plan_hash() : 0;
    if (plan == found->plan) continue;
    return Error(Code::kUnsupported,
                 fmt::format("what stream {} feeds has changed (SQL, columns, joins, keys or "
                             "horizon), so its whole log is read",
                             stream.name));
  }
  return ok();
}

Status Shard::restore(const Checkpoint& checkpoint) {
  auto kept = std::make_shared<CheckpointWork>();
  for (const StreamCheckpoint& from : checkpoint.streams) {
    auto found = streams_.find(from.stream);
    if (found == streams_.end()) continue;  // deleted since
    StreamRuntime& runtime = *found->second;
    runtime.visible_from_us = from.visible_from_us;
    runtime.bytes = from.bytes;
    runtime.samples.assign(from.samples.begin(), from.samples.end());
    if (!runtime.stream.pipeline) continue;
    FRESHET_TRY(std::uint64_t hold,
                runtime.stream.pipeline->restore(from, checkpoint.position, *checkpoints_->store,
                                                 checkpoints_->disk));
    kept->holds.emplace_back(from.stream, hold);
  }
  checkpoints_kept_.push_back(std::move(kept));
  published_ = checkpoint.position;
  published_us_ = checkpoint.arrival_us;
  return ok();
}

}  // namespace freshet::pipeline

#include "pipeline/shard.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <future>

#include "common/logging.h"
#include "common/metrics.h"
#include "io/scheduling.h"

namespace freshet::pipeline {
namespace {

struct Metrics {
  metrics::Counter& records =
      metrics::counter("freshet_pipeline_records_total", "Records appended to the log");
  metrics::Counter& throttled = metrics::counter("freshet_pipeline_throttled_total",
                                                 "Put requests refused because a budget was full");
  metrics::Counter& erased = metrics::counter(
      "freshet_pipeline_erased_records_total",
      "Records that came in again after their erasure, wholly or in part, and were erased at once");
  metrics::Counter& blocks =
      metrics::counter("freshet_log_blocks_total", "Commit blocks submitted");
  metrics::Histogram& ack = metrics::histogram("freshet_pipeline_ack_seconds",
                                               "From a put's arrival at its shard to its answer");
  metrics::Gauge& queued =
      metrics::gauge("freshet_pipeline_queue_bytes", "Bytes posted and not yet in a block");
};

Metrics& shard_metrics() {
  static Metrics instance;
  return instance;
}

// A record's frame in the block, beside key and data; only for budgets.
constexpr std::uint64_t kRecordFrameBytes = 64;
// Alone an event costs about as much as a batch of a thousand: this many are half a second.
constexpr std::uint64_t kResentSuspects = 10'000;

}  // namespace

Shard::Shard(const ShardConfig& config, std::unique_ptr<log::Journal> journal,
             io::WriteQueue& queue, io::Clock& clock, CrashMarker* marker)
    : config_(config),
      journal_(std::move(journal)),
      queue_(queue),
      clock_(clock),
      log_clock_(clock, journal_->recovery().last_arrival_us),
      marker_(marker) {
  next_position_.store(journal_->recovery().last.value + 1);
  if (marker_ != nullptr) suspects_ = marker_->found();
  // Suspects that never became durable come again from their client, soon, with other positions.
  if (suspects_ && suspects_->last > journal_->recovery().last) alone_left_ = kResentSuspects;
}

Shard::~Shard() {
  stop();
}

void Shard::start(const std::string& thread_name) {
  thread_ = std::thread([this, thread_name] {
    pthread_setname_np(pthread_self(), thread_name.substr(0, 15).c_str());
    io::ask_for_short_slices();
    run();
  });
}

void Shard::stop() {
  stop_.store(true);
  queue_.wake();
  if (thread_.joinable()) thread_.join();
  {
    MutexLock lock(inbox_mutex_);
    stopping_ = true;
  }
  stop_checkpoint();
  take_inbox();
  answer_all(Error(Code::kUnavailable, 3402, "the server is stopping; send the request again"));
}

void Shard::run() {
  while (!stop_.load(std::memory_order_acquire)) step(wait_us());
  // What was accepted is made durable and answered; new requests are turned away.
  {
    MutexLock lock(inbox_mutex_);
    stopping_ = true;
  }
  for (int turns = 0; turns < 10'000 && !is_idle() && can_write(); ++turns) step(1'000);
}

bool Shard::is_idle() const {
  return pending_.empty() && in_flight_.empty() && journal_->open_block_records() == 0 &&
         journal_->blocks_in_flight() == 0 && queued_bytes_.load() == 0;
}

std::int64_t Shard::wait_us() const {
  bool can_work = may_submit() && (!pending_.empty() || journal_->open_block_records() > 0);
  if (can_work && can_write()) return 0;
  return watermark_due_ && in_flight_.empty() ? config_.idle_watermark_us : config_.upkeep_us;
}

void Shard::step(std::int64_t timeout_us) {
  reap(timeout_us);
  publish_durable();
  if (checkpoint_is_due() && in_flight_.empty()) begin_checkpoint();
  take_inbox();
  admit_puts();
  if (journal_->open_block_records() > 0 && may_submit()) submit_block();
  if (can_write()) prepare_segments();
  upkeep();
}

void Shard::post_put(StreamId stream, EventBatch batch, PutDone done) {
  Put put;
  put.stream = stream;
  put.batch = std::move(batch);
  put.done = std::move(done);
  put.posted_ns = clock_.monotonic_ns();
  put.bytes = put.batch.data_bytes() + put.batch.records.size() * kRecordFrameBytes;
  std::uint64_t queued = queued_bytes_.fetch_add(put.bytes) + put.bytes;
  const char* refusal = nullptr;
  bool wake = false;
  if (queued > config_.queue_bytes_max && queued != put.bytes)
    refusal = "more is being put than the disk takes";
  if (refusal == nullptr) {
    MutexLock lock(inbox_mutex_);
    wake = inbox_puts_.empty();
    if (stopping_) {
      refusal = "the server is stopping";
    } else {
      inbox_puts_.push_back(std::move(put));
    }
  }
  if (refusal != nullptr) {
    queued_bytes_.fetch_sub(put.bytes);
    shard_metrics().throttled.add();
    put.done(Error(Code::kThrottled, 3403,
                   fmt::format("{}; send the request again a little later", refusal)));
    return;
  }
  if (wake) queue_.wake();
}

void Shard::call(std::function<void()> work) {
  std::promise<void> finished;
  {
    MutexLock lock(inbox_mutex_);
    if (!thread_.joinable() || stopping_) {
      // Before start() and after stop() there is no thread to run beside.
      work();
      return;
    }
    inbox_calls_.push_back([&] {
      work();
      finished.set_value();
    });
  }
  queue_.wake();
  finished.get_future().wait();
}

void Shard::take_inbox() {
  {
    MutexLock lock(inbox_mutex_);
    taken_puts_.swap(inbox_puts_);
    taken_calls_.swap(inbox_calls_);
  }
  for (auto& work : taken_calls_) work();
  taken_calls_.clear();
  for (Put& put : taken_puts_) pending_.push_back(std::move(put));
  taken_puts_.clear();
}

void Shard::admit_puts() {
  shard_metrics().queued.set(static_cast<std::int64_t>(queued_bytes_.load()));
  waits_for_segment_ = false;
  while (!pending_.empty()) {
    if (journal_->open_block_is_full()) {
      if (!may_submit()) return;
      submit_block();
    }
    if (!admit(pending_.front())) return;
    pending_.pop_front();
  }
}

void Shard::refuse(Put& put, Error error) {
  queued_bytes_.fetch_sub(put.bytes);
  put.done(std::move(error));
}

// False: the put stays at the head of the queue, until a segment is ready.
bool Shard::admit(Put& put) {
  auto found = streams_.find(put.stream);
  if (found == streams_.end()) {
    refuse(put, Error(Code::kNotFound, 3404, "the stream was deleted"));
    return true;
  }
  StreamRuntime& runtime = *found->second;
  if (runtime.paused) {
    runtime.deferred.push_back(std::move(put));
    return true;
  }
  if (!can_write()) {
    refuse(put, Error(Code::kUnavailable, 3405,
                      "the log cannot be written; see the server's log for the cause"));
    return true;
  }
  bool is_new = put.outcomes.empty();
  if (is_new && runtime.is_full) {
    shard_metrics().throttled.add();
    refuse(put, Error(Code::kThrottled, 3407,
                      fmt::format("streams.{}.keep.bytes is reached, and the archive lacks the "
                                  "oldest records: send the request again later, see why the "
                                  "archive is behind, or raise keep.bytes",
                                  runtime.stream.name)));
    return true;
  }
  if (is_new && runtime.stream.pipeline &&
      !runtime.stream.pipeline->has_room(put.batch.records.size(), put.bytes)) {
    was_throttled_ = true;
    shard_metrics().throttled.add();
    refuse(put,
           Error(Code::kThrottled, 3406,
                 "limits.memory is reached; send the request again later, raise limits.memory, or "
                 "shorten the stream's keep and the pipeline's dedup horizon"));
    return true;
  }
  Status appended = append_put(runtime, put);
  if (!appended) {
    if (put.outcomes.empty() && runtime.stream.pipeline)
      runtime.stream.pipeline->take_promise_back(put.batch.records.size(), put.bytes);
    waits_for_segment_ = appended.error().code() == Code::kUnavailable && !no_space_said_;
    if (waits_for_segment_) return false;
    // What stands in the log already stays there, unacknowledged: the caller's retry finds it.
    refuse(put, std::move(appended).error());
    return true;
  }
  queued_bytes_.fetch_sub(put.bytes);
  open_acks_.push_back({std::move(put.done), std::move(put.outcomes), put.posted_ns});
  return true;
}

Status Shard::append_put(StreamRuntime& runtime, Put& put) {
  std::int64_t now_us = log_clock_.now_us();
  put.outcomes.reserve(put.batch.records.size());
  while (put.outcomes.size() < put.batch.records.size()) {
    const EventRecord& record = put.batch.records[put.outcomes.size()];
    PartitionId partition = route(runtime.stream, record.hash_key);
    FRESHET_TRY(Position position, append_record(runtime, record, partition, now_us));
    next_position_.store(position.value + 1, std::memory_order_release);
    put.outcomes.push_back({partition, position});
  }
  shard_metrics().records.add(put.batch.records.size());
  return ok();
}

// A late retry of an event that was erased is not to stand in the log for a moment.
Result<Position> Shard::append_record(StreamRuntime& runtime, const EventRecord& record,
                                      PartitionId partition, std::int64_t now_us) {
  StreamId stream = runtime.stream.id;
  if (runtime.eraser) {
    log::Record seen;
    seen.arrival_us = now_us;
    seen.partition_key = record.partition_key;
    seen.data = record.data;
    if (auto instead = runtime.eraser->erase(seen)) {
      shard_metrics().erased.add();
      return journal_->append(stream, partition, instead->kind, instead->partition_key,
                              instead->data, now_us);
    }
  }
  return journal_->append(stream, partition, log::RecordKind::kData, record.partition_key,
                          record.data, now_us);
}

PartitionId Shard::route(const ShardStream& stream, HashKey hash) const {
  const auto& partitions = stream.partitions;
  if (partitions.size() == 1) return partitions[0].id;
  auto found =
      std::lower_bound(partitions.begin(), partitions.end(), hash,
                       [](const OpenPartition& p, HashKey key) { return p.hash_last < key; });
  FRESHET_CHECK(found != partitions.end());
  return found->id;
}

void Shard::submit_block() {
  Status submitted = journal_->submit();
  if (!submitted) return fail(submitted.error());
  shard_metrics().blocks.add();
  watermark_due_ = true;
  Block block;
  block.acks = std::move(open_acks_);
  block.switches = std::move(open_switches_);
  open_acks_.clear();
  open_switches_.clear();
  records_.clear();
  // The block's memory stays until it is durable, so the records' views do too.
  Status visited = journal_->visit_submitted([this](const log::Record& record) {
    records_.push_back(record);
    return ok();
  });
  FRESHET_CHECK(visited.has_value());
  FRESHET_CHECK(!records_.empty());
  block.last = records_.back().position;
  block.arrival_us = records_.back().arrival_us;
  block.records = records_.size();
  in_flight_.push_back(std::move(block));
  Status processed = process_block_records(records_, in_flight_.back());
  if (!processed) fail(processed.error());
}

Status Shard::process_block_records(const std::vector<log::Record>& records, Block& block) {
  for (const log::Record& record : records) {
    if (record.kind == log::RecordKind::kControl) {
      FRESHET_TRY_STATUS(flush_batches());
      apply_reference_record(record);
      continue;
    }
    auto found = streams_.find(record.stream);
    if (found == streams_.end()) continue;  // deleted since
    note_bytes(*found->second, record);
    if (found->second->stream.pipeline) found->second->batch.push_back(record);
  }
  FRESHET_TRY_STATUS(flush_batches());
  add_publish_points(block);
  return ok();
}

void Shard::add_publish_points(Block& block) {
  for (auto& [id, runtime] : streams_) {
    if (!runtime->stream.pipeline) continue;
    PublishPoint point = runtime->stream.pipeline->take_publish_point();
    point.position = block.last;
    block.points.emplace_back(runtime->stream.pipeline->tables(), std::move(point));
  }
}

Status Shard::flush_batches() {
  for (auto& [id, runtime] : streams_) {
    std::vector<log::Record>& batch = runtime->batch;
    if (batch.empty()) continue;
    Position first = batch.front().position, last = batch.back().position;
    if (marker_ != nullptr) marker_->begin_batch(first, last);
    FRESHET_TRY_STATUS(runtime->stream.pipeline->process(batch, marker_,
                                                         must_go_alone(first, last, batch.size())));
    if (marker_ != nullptr) marker_->end();
    batch.clear();
  }
  return ok();
}

// One by one only where the event that ended the last process may be: a process that was merely
// killed must not be slow for the rest of its successor's life.
bool Shard::must_go_alone(Position first, Position last, std::size_t count) {
  if (suspects_ && last >= suspects_->first && first <= suspects_->last) return true;
  if (alone_left_ == 0 || first <= journal_->recovery().last) return false;
  alone_left_ -= std::min<std::uint64_t>(alone_left_, count);
  return true;
}

void Shard::note_bytes(StreamRuntime& runtime, const log::Record& record) {
  static constexpr std::uint64_t kSampleBytes = 1u << 20;
  if (runtime.samples.empty() ||
      runtime.bytes - runtime.samples.back().bytes_before >= kSampleBytes) {
    runtime.samples.push_back({record.position, record.arrival_us, runtime.bytes});
  }
  runtime.bytes += record.partition_key.size() + record.data.size() + kRecordFrameBytes;
}

void Shard::reap(std::int64_t timeout_us) {
  completions_.clear();
  bool watermark_waits =
      watermark_due_ && in_flight_.empty() && journal_->open_block_records() == 0;
  queue_.wait(completions_, timeout_us);
  for (const io::Completion& completion : completions_) {
    Status done = journal_->complete(completion);
    if (!done) return fail(done.error());
  }
  std::int64_t now_ns = clock_.monotonic_ns();
  if (!watermark_waits) idle_since_ns_ = now_ns;
  if (watermark_waits && now_ns - idle_since_ns_ >= config_.idle_watermark_us * 1000 &&
      journal_->can_submit() && can_write()) {
    watermark_due_ = false;
    Status submitted = journal_->submit_watermark();
    if (!submitted) fail(submitted.error());
  }
}

void Shard::publish_durable() {
  while (!in_flight_.empty() &&
         (in_flight_.front().last <= journal_->durable() || config_.plant_early_answers)) {
    Block block = std::move(in_flight_.front());
    in_flight_.pop_front();
    for (auto& [tables, point] : block.points) tables->publish(point);
    published_ = block.last;
    published_us_ = block.arrival_us;
    since_checkpoint_ += block.records;
    std::int64_t now_ns = clock_.monotonic_ns();
    for (Ack& ack : block.acks) {
      shard_metrics().ack.observe_us((now_ns - ack.posted_ns) / 1000);
      ack.done(std::move(ack.outcomes));
    }
    for (SwitchAck& change : block.switches) change.done(change.position);
  }
}

void Shard::fail(const Error& error) {
  if (!failed_.exchange(true)) {
    log_error(
        "the log of this shard cannot be written any more; restart the server when the disk is "
        "well",
        {{"error", error.to_string()}});
  }
  answer_all(error);
}

void Shard::answer_all(const Error& error) {
  auto answer = [&](std::vector<Ack>& acks) {
    for (Ack& ack : acks) ack.done(Error(error));
    acks.clear();
  };
  for (Block& block : in_flight_) {
    answer(block.acks);
    for (SwitchAck& change : block.switches) change.done(Error(error));
  }
  in_flight_.clear();
  answer(open_acks_);
  for (SwitchAck& change : open_switches_) change.done(Error(error));
  open_switches_.clear();
  for (auto& [id, runtime] : streams_) {
    for (Put& put : runtime->deferred) pending_.push_back(std::move(put));
    runtime->deferred.clear();
  }
  for (Put& put : pending_) {
    queued_bytes_.fetch_sub(put.bytes);
    put.done(Error(error));
  }
  pending_.clear();
}

ShardStream* Shard::find_stream(StreamId id) {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second->stream;
}

Status Shard::add_stream(ShardStream stream) {
  // In the order in which they came into force, as replay will apply them: a row names the last.
  std::map<Position, const InForce*> in_order;
  for (const auto& [name, in_force] : in_force_) in_order[in_force.reference.position] = &in_force;
  for (const auto& [position, in_force] : in_order) {
    if (stream.pipeline)
      FRESHET_TRY_STATUS(
          stream.pipeline->apply_reference(in_force->table, in_force->reference.version));
  }
  auto runtime = std::make_unique<StreamRuntime>();
  StreamId id = stream.id;
  runtime->stream = std::move(stream);
  if (config_.erasures && !config_.erasures->empty())
    runtime->eraser = std::make_unique<Eraser>(config_.decode, *config_.erasures);
  streams_[id] = std::move(runtime);
  return ok();
}

void Shard::remove_stream(StreamId id) {
  auto found = streams_.find(id);
  if (found == streams_.end()) return;
  for (Put& put : found->second->deferred)
    refuse(put, Error(Code::kNotFound, 3404, "the stream was deleted"));
  streams_.erase(found);
}

Position Shard::pause(StreamId id) {
  auto found = streams_.find(id);
  if (found != streams_.end()) found->second->paused = true;
  return Position{next_position_.load() - 1};
}

void Shard::resume(StreamId id) {
  auto found = streams_.find(id);
  if (found == streams_.end()) return;
  found->second->paused = false;
  for (Put& put : found->second->deferred) pending_.push_back(std::move(put));
  found->second->deferred.clear();
}

void Shard::switch_reference(const ReferenceSwitch& change,
                             std::shared_ptr<const ReferenceTable> table,
                             std::function<void(Result<Position>)> done) {
  references_[change.version] = std::move(table);
  Result<Position> position =
      journal_->append(0, 0, log::RecordKind::kControl, "", change.to_text(), log_clock_.now_us());
  if (!position) return done(std::move(position).error());
  next_position_.store(position->value + 1, std::memory_order_release);
  open_switches_.push_back({*position, std::move(done)});
}

}  // namespace freshet::pipeline

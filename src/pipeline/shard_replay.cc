// How a shard comes back: the whole journal goes through the pipelines again. And how it stays
// within bounds: segments made ahead, records past retention let go.
#include <fmt/format.h>

#include <charconv>

#include "common/logging.h"
#include "common/metrics.h"
#include "pipeline/shard.h"

namespace freshet::pipeline {

std::string ReferenceSwitch::to_text() const {
  return fmt::format("reference\n{}\n{}\n", table, version);
}

Result<ReferenceSwitch> ReferenceSwitch::from_text(std::string_view text) {
  static constexpr std::string_view kHead = "reference\n";
  auto bad = [] {
    return Error(
        Code::kCorruption, 3410,
        "a control record is not one this version knows; it was written by a newer Freshet");
  };
  if (!text.starts_with(kHead)) return bad();
  text.remove_prefix(kHead.size());
  std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return bad();
  ReferenceSwitch change;
  change.table = text.substr(0, end);
  text.remove_prefix(end + 1);
  auto [next, code] = std::from_chars(text.data(), text.data() + text.size(), change.version);
  if (code != std::errc()) return bad();
  return change;
}

namespace {

// Batches of large records must not fill the memory: 16 of them are about at once.
constexpr std::size_t kReplayBatchBytes = 1u << 20;
constexpr std::size_t kReplayBatches = 8;  // in each queue

}  // namespace

Status Shard::replay(const ReferenceLoader& load, ReplayThreads threads) {
  Status replayed = threads == ReplayThreads::kOne ? replay_here(load) : replay_ahead(load);
  // A replay that failed has not ended the process: no event is to blame.
  if (marker_ != nullptr) marker_->end();
  FRESHET_TRY_STATUS(std::move(replayed));
  trim_replayed();
  return ok();
}

Status Shard::replay_here(const ReferenceLoader& load) {
  return read_journal([&](std::unique_ptr<ReplayBatch>& batch) -> Status {
    FRESHET_TRY_STATUS(take_replayed(*batch, load));
    batch->clear();
    return ok();
  });
}

// Three threads, a queue between each two: one reads the journal, one decodes, this one takes.
Status Shard::replay_ahead(const ReferenceLoader& load) {
  ReplayQueue read(kReplayBatches), decoded(kReplayBatches);
  std::thread reader([&] {
    read.close(read_journal(
        [&](std::unique_ptr<ReplayBatch>& batch) -> Status { return read.push(batch); }));
  });
  std::thread decoder([&] { decoded.close(decode_all(read, decoded)); });
  Status taken = take_all(decoded, load);
  if (!taken) decoded.abandon();
  decoder.join();
  reader.join();
  return taken;
}

Status Shard::decode_all(ReplayQueue& read, ReplayQueue& decoded) {
  auto out = std::make_unique<ReplayBatch>();
  for (;;) {
    FRESHET_TRY(std::unique_ptr<ReplayBatch> batch, read.pop());
    if (batch == nullptr) return ok();
    std::swap(batch, out);
    read.give_back(std::move(batch));
    bool is_decoded = decode_ahead(*out);
    Status pushed = decoded.push(out);
    // Nothing else may be in work beside events that are suspected of ending the process.
    if (pushed && !is_decoded) pushed = decoded.drain();
    if (!pushed) {
      read.abandon();
      return pushed;
    }
  }
}

Status Shard::take_all(ReplayQueue& decoded, const ReferenceLoader& load) {
  for (;;) {
    FRESHET_TRY(std::unique_ptr<ReplayBatch> batch, decoded.pop());
    if (batch == nullptr) return ok();
    FRESHET_TRY_STATUS(take_replayed(*batch, load));
    decoded.give_back(std::move(batch));
  }
}

// Cuts the journal into batches: at a size, and around each control record.
Status Shard::read_journal(const ReplaySink& sink) {
  auto batch = std::make_unique<ReplayBatch>();
  auto flush = [&]() -> Status { return batch->records.empty() ? ok() : sink(batch); };
  auto add = [&](const log::Record& record) -> Status {
    bool is_control = record.kind == log::RecordKind::kControl;
    if (is_control) FRESHET_TRY_STATUS(flush());
    batch->add(record);
    bool is_full =
        batch->records.size() >= config_.replay_batch_records || batch->bytes >= kReplayBatchBytes;
    return is_control || is_full ? flush() : ok();
  };
  FRESHET_TRY_STATUS(journal_->replay(Position{published_.value + 1}, add));
  return flush();
}

// On the decoder's thread. False: the shard must take these itself, one by one.
bool Shard::decode_ahead(ReplayBatch& batch) {
  if (batch.is_control()) return true;
  if (must_go_alone(batch.first(), batch.last(), 0)) return false;
  if (marker_ != nullptr) marker_->extend_batch(batch.last());
  for (const log::Record& record : batch.records) {
    auto found = streams_.find(record.stream);
    if (found == streams_.end() || !found->second->stream.pipeline) continue;
    batch.part_of(record.stream).records.push_back(record);
  }
  for (ReplayBatch::Part& part : batch.parts) {
    if (part.records.empty()) continue;
    if (!part.decoder) part.decoder = streams_.at(part.stream)->stream.pipeline->make_decoder();
    part.decoder->decode(part.records, nullptr);
  }
  batch.is_decoded = true;
  return true;
}

Status Shard::take_replayed(ReplayBatch& batch, const ReferenceLoader& load) {
  Block block;
  block.last = batch.last();
  if (batch.is_control()) {
    FRESHET_TRY(ReferenceSwitch change, ReferenceSwitch::from_text(batch.records[0].data));
    if (!references_.contains(change.version)) {
      FRESHET_TRY(references_[change.version], load(change.version));
    }
    replayed_switches_.emplace_back(batch.first(), std::move(change));
  }
  if (batch.is_decoded) {
    if (marker_ != nullptr) marker_->shorten_batch(batch.first());
    FRESHET_TRY_STATUS(take_decoded(batch));
    add_publish_points(block);
  } else {
    FRESHET_TRY_STATUS(process_block_records(batch.records, block));
  }
  for (auto& [tables, point] : block.points) tables->publish(point);
  published_ = block.last;
  published_us_ = batch.records.back().arrival_us;
  since_checkpoint_ += batch.records.size();
  // What is past retention came back only to be known to dedup: it must not fill the memory
  // meanwhile.
  if (++replayed_batches_ % 64 == 0) trim_replayed();
  return ok();
}

Status Shard::take_decoded(ReplayBatch& batch) {
  for (const log::Record& record : batch.records) {
    auto found = streams_.find(record.stream);
    if (found != streams_.end()) note_bytes(*found->second, record);
  }
  for (ReplayBatch::Part& part : batch.parts) {
    if (part.records.empty()) continue;
    FRESHET_TRY_STATUS(
        streams_.at(part.stream)
            ->stream.pipeline->process_decoded(*part.decoder, part.records.back().position));
  }
  return ok();
}

void Shard::trim_replayed() {
  std::int64_t now_us = log_clock_.now_us();
  // Rows leave by the present time. Ids must not: what follows in the log is decided as of then.
  for (auto& [id, runtime] : streams_) trim_stream(*runtime, now_us, published_us_);
}

void Shard::apply_reference_record(const log::Record& record) {
  auto change = ReferenceSwitch::from_text(record.data);
  if (!change) return fail(change.error());
  auto found = references_.find(change->version);
  FRESHET_CHECK(found != references_.end());
  Status applied = set_reference(found->second, {change->version, record.position});
  if (!applied) fail(applied.error());
  // Older versions of the table are not needed again: a switch is applied once.
  std::string name = found->second->name();
  std::erase_if(references_, [&](const auto& entry) {
    return entry.first < change->version && entry.second->name() == name;
  });
}

Status Shard::set_reference(const std::shared_ptr<const ReferenceTable>& table,
                            const ReferenceInForce& reference) {
  in_force_[table->name()] = {reference, table};
  for (auto& [id, runtime] : streams_) {
    if (runtime->stream.pipeline)
      FRESHET_TRY_STATUS(runtime->stream.pipeline->apply_reference(table, reference.version));
  }
  return ok();
}

// In every turn: cheap where nothing is to be done.
void Shard::prepare_segments() {
  std::uint64_t bytes =
      journal_->bytes_on_disk() + (checkpoints_ ? checkpoints_->store->bytes() : 0);
  bool over_limit = bytes + config_.segment_bytes > config_.disk_bytes_max;
  Status prepared =
      over_limit ? Status(Error(Code::kNoSpace, 3411,
                                "limits.disk is reached; raise it, or shorten the streams' keep"))
                 : journal_->prepare_segments();
  if (!prepared && !no_space_said_) {
    log_error(
        "no room for another log segment: puts are refused once the present one is full, until "
        "there is",
        {{"error", prepared.error().to_string()}});
  } else if (prepared && no_space_said_) {
    log_info("there is room for log segments again");
  }
  no_space_said_ = !prepared;
}

void Shard::upkeep() {
  end_checkpoint();
  std::int64_t now_ns = clock_.monotonic_ns();
  if (now_ns < next_upkeep_ns_ || !can_write()) return;
  next_upkeep_ns_ = now_ns + config_.upkeep_us * 1000;
  std::int64_t now_us = log_clock_.now_us();
  if (log_clock_.has_stepped()) {  // somebody set the clock: nothing expires on its word
    for (auto& [id, runtime] : streams_) set_full(*runtime, runtime->is_full && is_full(*runtime));
    return;
  }
  Position needed = journal_->durable();
  for (auto& [id, runtime] : streams_) {
    trim_stream(*runtime, now_us, now_us);
    // The pipeline comes back from records that are past retention but within the dedup horizon.
    std::int64_t horizon_us =
        runtime->stream.pipeline ? runtime->stream.pipeline->settings().dedup.horizon_us : 0;
    needed = std::min(needed, journal_->position_at_time(runtime->visible_from_us - horizon_us));
    // That may be past what is archived: a segment goes only when its records are below both.
    needed = std::min(needed, Position{runtime->stream.visible_from->load()});
  }
  Status trimmed = journal_->trim(needed);
  if (!trimmed)
    log_warning("old log segments could not be let go", {{"error", trimmed.error().to_string()}});
}

// What is not archived yet is kept, whatever its age and size, unless the user has said otherwise.
Position Shard::may_go_up_to(const ShardStream& stream) {
  if (!stream.pipeline || stream.before_archive) return Position{~std::uint64_t{0}};
  return stream.pipeline->tables()->archived();
}

bool Shard::is_above_limit(const StreamRuntime& runtime) {
  return runtime.stream.keep_bytes > 0 && runtime.samples.size() > 1 &&
         runtime.bytes - runtime.samples[1].bytes_before >= runtime.stream.keep_bytes;
}

bool Shard::is_full(const StreamRuntime& runtime) {
  return is_above_limit(runtime) && runtime.samples[1].position > may_go_up_to(runtime.stream);
}

void Shard::trim_stream(StreamRuntime& runtime, std::int64_t now_us, std::int64_t decided_us) {
  ShardStream& stream = runtime.stream;
  std::int64_t held_us = config_.held_from_us == nullptr ? INT64_MAX : config_.held_from_us->load();
  std::int64_t from_us = std::min(now_us - stream.retention_us, held_us);
  Position archived = may_go_up_to(stream);
  auto& samples = runtime.samples;
  while (is_above_limit(runtime) && samples[1].position <= archived &&
         samples[1].arrival_us <= held_us) {
    samples.pop_front();
    from_us = std::max(from_us, samples.front().arrival_us);
  }
  from_us = runtime.visible_from_us = std::max(runtime.visible_from_us, from_us);
  set_full(runtime, is_full(runtime));
  auto up_to_archived = [&](Position position) {
    return position > archived ? Position{archived.value + 1} : position;
  };
  Position from = std::max(Position{stream.visible_from->load()},
                           up_to_archived(journal_->position_at_time(from_us)));
  while (samples.size() > 1 && samples[1].position <= from) samples.pop_front();
  stream.visible_from->store(from.value, std::memory_order_release);
  if (!stream.pipeline) return;
  if (stream.before_archive) note_unarchived(runtime, from, stream.pipeline->tables()->archived());
  // Rows that files hold may leave before their records do.
  Position rows_from = from;
  if (std::int64_t keep_us = stream.pipeline->settings().keep_hot_us; keep_us > 0)
    rows_from = std::max(from, up_to_archived(journal_->position_at_time(now_us - keep_us)));
  stream.pipeline->trim(rows_from, from_us, decided_us);
}

// Puts are refused until the archive has taken what is oldest.
void Shard::set_full(StreamRuntime& runtime, bool is_full) {
  if (runtime.is_full == is_full) return;
  runtime.is_full = is_full;
  const ShardStream& stream = runtime.stream;
  if (is_full) {
    log_error(
        "a stream has reached its keep.bytes, and the archive lacks the oldest of it: puts "
        "are refused until it has them",
        {{"stream", stream.name},
         {"archived", stream.pipeline->tables()->archived().value},
         {"first_kept", runtime.samples.front().position.value}});
  } else {
    log_info("a stream is below its keep.bytes again", {{"stream", stream.name}});
  }
}

// The user has said so, and is told when it happens.
void Shard::note_unarchived(StreamRuntime& runtime, Position from, Position archived) {
  static metrics::Counter& lost =
      metrics::counter("freshet_pipeline_unarchived_rows_dropped_total",
                       "Rows that went before they were archived, because "
                       "streams.NAME.keep.before_archive allows it");
  hot::Snapshot rows = runtime.stream.pipeline->tables()->rows().snapshot();
  hot::RowNumber first = first_row_at(rows, Position{archived.value + 1});
  hot::RowNumber end = first_row_at(rows, from);
  bool loses = archived.value != ~std::uint64_t{0} && end > first;
  if (loses) lost.add(end - first);
  if (loses && !runtime.loses_unarchived) {
    log_error("rows go that are not archived, as keep.before_archive allows",
              {{"stream", runtime.stream.name},
               {"archived", archived.value},
               {"kept_from", from.value},
               {"rows", end - first}});
  }
  runtime.loses_unarchived = loses;
}

}  // namespace freshet::pipeline

#include "replay/range_replay.h"

#include <fmt/format.h>

namespace freshet::replay {
namespace {

constexpr int kErrorGap = 3111;  // of log/
constexpr std::size_t kBatchBytes = 1u << 20;

}  // namespace

RangeReplay::RangeReplay(RangeSource source, const RangeLimits& limits, std::string camera,
                         pipeline::StreamPipeline& pipeline, RowSink& sink, RangeWatch watch)
    : source_(std::move(source)),
      limits_(limits),
      camera_(std::move(camera)),
      pipeline_(pipeline),
      sink_(sink),
      watch_(std::move(watch)),
      decoder_(pipeline.make_decoder()),
      cursor_(source_.ids_from) {
  if (!camera_.empty()) pipeline_.take_only_camera(camera_);
}

Result<bool> RangeReplay::run() {
  for (const pipeline::ReferenceInForce& reference : source_.in_force) {
    FRESHET_TRY(auto table, source_.load(reference.version));
    FRESHET_TRY_STATUS(pipeline_.apply_reference(table, reference.version));
  }
  while (!at_end_ && !stopped_ && cursor_ < source_.until) FRESHET_TRY_STATUS(read_on());
  if (!stopped_) FRESHET_TRY_STATUS(flush());
  if (!stopped_ && in_range_) FRESHET_TRY_STATUS(end_step(last_));
  watch_.note(progress_);
  return !stopped_;
}

Status RangeReplay::read_on() {
  log::ReadLimits limits{limits_.batch_records, kBatchBytes};
  auto read =
      source_.reader.read_all(cursor_, source_.until, limits,
                              [this](const log::Record& record) -> Status { return take(record); });
  if (!read && read.error().number() == kErrorGap) return step_over_gap(read.error());
  if (!read) return std::move(read).error();
  at_end_ = at_end_ || read->at_end;
  cursor_ = read->next;
  return ok();
}

// Production has gone on around it too.
Status RangeReplay::step_over_gap(const Error& gap) {
  progress_.gaps.push_back(gap.message());
  cursor_ = source_.reader.position_behind_gap(cursor_);
  return ok();
}

Status RangeReplay::take(const log::Record& record) {
  if (at_end_ || stopped_) return ok();
  if (record.arrival_us >= source_.to_us) {
    at_end_ = true;
    return ok();
  }
  if (!in_range_ && record.arrival_us >= source_.from_us) {
    FRESHET_TRY_STATUS(flush());
    in_range_ = true;
    step_records_ = 0;
    first_ = record.position;
  }
  if (record.kind == log::RecordKind::kControl) {
    FRESHET_TRY_STATUS(flush());
    FRESHET_TRY_STATUS(switch_reference(record));
  }
  last_ = record.position;
  ++(in_range_ ? progress_.records : progress_.id_records);
  ++step_records_;
  // Erased ones too, which are counted: of an aggregate the other records are events as before.
  if (record.stream == source_.stream && record.kind != log::RecordKind::kControl)
    batch_.add(record);
  bool is_full = batch_.records.size() >= limits_.batch_records || batch_.bytes >= kBatchBytes;
  return is_full ? flush() : ok();
}

Status RangeReplay::switch_reference(const log::Record& record) {
  FRESHET_TRY(auto change, pipeline::ReferenceSwitch::from_text(record.data));
  FRESHET_TRY(auto table, source_.load(change.version));
  return pipeline_.apply_reference(table, change.version);
}

Status RangeReplay::flush() {
  if (stopped_) return ok();
  stopped_ = watch_.is_stopped();
  if (stopped_) return ok();
  if (!batch_.records.empty()) FRESHET_TRY_STATUS(process_batch());
  watch_.note(progress_);
  if (!in_range_) {
    trim();
  } else if (step_rows_ >= limits_.step_rows || step_records_ >= limits_.step_records) {
    FRESHET_TRY_STATUS(end_step(last_));
  }
  return ok();
}

Status RangeReplay::process_batch() {
  FRESHET_TRY_STATUS(make_room());
  decoder_->decode(batch_.records, nullptr);
  if (!in_range_) {
    FRESHET_TRY_STATUS(pipeline_.remember(*decoder_, batch_.last()));
  } else {
    FRESHET_TRY_STATUS(pipeline_.process_decoded(*decoder_, batch_.last()));
    pipeline::PublishPoint point = pipeline_.take_publish_point();
    for (const auto& [key, counts] : point.ledger.counts()) progress_.counts += counts;
    std::uint64_t before = pipeline_.tables()->rows().published();
    pipeline_.tables()->publish(point);
    progress_.rows += point.rows_end - before;
    step_rows_ += point.rows_end - before;
    note_events();
  }
  decided_ = batch_.last();
  decided_us_ = batch_.records.back().arrival_us;
  decoder_->clear();
  batch_.clear();
  return ok();
}

void RangeReplay::note_events() {
  if (camera_.empty()) return;
  for (const pipeline::DecodedEvent& event : decoder_->events()) {
    if (event.camera_id == camera_) events_.push_back({event.position, event.sub});
  }
}

// Ids go to disk and rows to the sink to make room.
Status RangeReplay::make_room() {
  std::size_t count = batch_.records.size(), bytes = batch_.bytes;
  for (std::size_t waits = 0; !pipeline_.has_room(count, bytes); ++waits) {
    if (step_rows_ > 0) {
      // The batch in hand belongs to the next step.
      FRESHET_TRY_STATUS(end_step(Position{batch_.first().value - 1}));
    }
    if (waits >= limits_.waits_max) {
      return Error(Code::kThrottled, 5126,
                   "the event ids within the dedup horizon do not fit into a replay's share of "
                   "memory: raise limits.memory, or shorten the pipeline's dedup horizon");
    }
    trim();
    watch_.wait();
    if (watch_.is_stopped()) break;
  }
  pipeline_.take_promise_back(count, bytes);
  return ok();
}

Status RangeReplay::end_step(Position last) {
  ReplayedRows step{first_, last, pipeline_.tables()->rows().snapshot(),
                    camera_.empty() ? nullptr : &events_};
  FRESHET_TRY_STATUS(sink_.take(step));
  trim();
  first_ = Position{last.value + 1};
  step_rows_ = step_records_ = 0;
  events_.clear();
  return ok();
}

// Everything up to decided_us_ is decided, and the sink has every row.
void RangeReplay::trim() {
  pipeline_.trim(Position{decided_.value + 1}, decided_us_, decided_us_);
}

}  // namespace freshet::replay

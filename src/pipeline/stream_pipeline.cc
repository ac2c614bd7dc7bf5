#include "pipeline/stream_pipeline.h"

#include <fmt/format.h>

#include <cstdlib>
#include <limits>

#include "common/logging.h"
#include "pipeline/crash_marker.h"

namespace freshet::pipeline {
namespace {

// Worst-case bytes that a record may cost in hot, dedup and outcome tables beyond its own size.
constexpr std::size_t kRecordOverheadBytes = 512;
// What the first rows of a chunk take, of all three tables together.
constexpr std::size_t kChunkStartBytes = 3u << 20;

// Without SQL of the user's a table holds the event and what is known about its place.
std::vector<std::pair<std::string, std::string>> default_columns(const Schema& joined) {
  std::vector<std::pair<std::string, std::string>> columns;
  for (const ColumnSchema& column : detection_schema().columns)
    columns.emplace_back(column.name, column.name);
  static constexpr std::pair<const char*, const char*> kPlace[] = {{"name", "location_name"},
                                                                   {"zone", "zone"},
                                                                   {"site", "site"},
                                                                   {"lat", "lat"},
                                                                   {"lon", "lon"}};
  for (auto [field, name] : kPlace) {
    if (joined.find(std::string("loc.") + field))
      columns.emplace_back(std::string("loc.") + field, name);
  }
  return columns;
}

Error bad_pipeline(const PipelineSettings& settings, int number, const std::string& what) {
  std::string where = settings.sql_where.empty()
                          ? fmt::format("pipelines.{}", settings.name)
                          : fmt::format("{}: pipelines.{}.sql", settings.sql_where, settings.name);
  return Error(Code::kInvalid, number, fmt::format("{}: {}", where, what));
}

Result<TableInfo> make_table_info(const PipelineSettings& settings, const Schema& output) {
  TableInfo info{.name = settings.table,
                 .stream = settings.stream,
                 .pipeline = settings.name,
                 .schema = output,
                 .id_column = output.find("detection_id"),
                 .time_column = output.find("event_time"),
                 .key_columns = {},
                 .created_us = settings.created_us};
  for (const ColumnSchema& column : system_columns().columns) {
    if (output.find(column.name)) {
      return bad_pipeline(
          settings, 1221,
          fmt::format("column \"{}\" is one that Freshet adds to every table; give it another name "
                      "with AS",
                      column.name));
    }
    info.schema.columns.push_back(column);
  }
  if (info.time_column && output.columns[*info.time_column].type != ColumnType::kTimestamp)
    info.time_column.reset();
  if (info.id_column && output.columns[*info.id_column].type != ColumnType::kUuid)
    info.id_column.reset();
  for (const std::string& key : settings.keys) {
    auto column = output.find(key);
    if (!column || output.columns[*column].type != ColumnType::kText) {
      return bad_pipeline(
          settings, 1222,
          fmt::format(
              "tables.{}.keys names \"{}\", which is not a text column of the answer; select "
              "it, or take it out of the keys",
              settings.table, key));
    }
    info.key_columns.push_back(*column);
  }
  return info;
}

}  // namespace

Result<std::unique_ptr<StreamPipeline>> StreamPipeline::create(PipelineSettings settings,
                                                               const KnownReferences& references,
                                                               MemoryBudget& budget,
                                                               const PoisonEvents& poison,
                                                               io::Executor* background) {
  ReferenceVersions versions;
  for (const JoinTable& table : settings.joins) {
    auto found = references.find(table.table);
    versions.push_back(found == references.end() ? nullptr : found->second);
  }
  Join join(detection_schema(), settings.joins,
            joined_schema(detection_schema(), settings.joins, versions));
  std::unique_ptr<RowTransform> transform;
  if (settings.sql.empty()) {
    transform = make_column_transform(join.schema(), default_columns(join.schema()));
  } else {
    auto made = make_sql_transform(join.schema(), settings.sql);
    if (!made) {
      return std::move(made).error().with_context(
          settings.sql_where.empty()
              ? fmt::format("pipelines.{}.sql", settings.name)
              : fmt::format("{}: pipelines.{}.sql", settings.sql_where, settings.name));
    }
    transform = *std::move(made);
  }
  FRESHET_TRY(TableInfo info, make_table_info(settings, transform->output_schema()));
  return std::unique_ptr<StreamPipeline>(new StreamPipeline(std::move(settings), std::move(join),
                                                            std::move(transform), std::move(info),
                                                            budget, poison, background));
}

StreamPipeline::StreamPipeline(PipelineSettings settings, Join join,
                               std::unique_ptr<RowTransform> transform, TableInfo info,
                               MemoryBudget& budget, const PoisonEvents& poison,
                               io::Executor* background)
    : settings_(std::move(settings)),
      decoder_(settings_.decode, poison),
      dedup_(settings_.dedup, budget, background),
      join_(std::move(join)),
      transform_(std::move(transform)),
      tables_(std::make_shared<StreamTables>(std::move(info), budget, background)),
      budget_(budget),
      poison_(poison),
      out_(tables_->info().schema),
      dead_(dead_schema()),
      dupes_(dupes_schema()) {}

std::string event_id_text(EventId id) {
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", id.high >> 32, id.high >> 16 & 0xFFFF,
                     id.high & 0xFFFF, id.low >> 48, id.low & 0xFFFF'FFFF'FFFF);
}

// Texts may be kept in a row, in $dead and in a dictionary's index: three times is never too
// little.
std::uint64_t StreamPipeline::bytes_at_most(std::size_t records, std::size_t bytes) {
  return bytes * 3 + records * kRecordOverheadBytes;
}

void StreamPipeline::take_promise_back(std::size_t records, std::size_t bytes) {
  promised_bytes_ -= std::min(promised_bytes_, bytes_at_most(records, bytes));
  promised_records_ -= std::min<std::uint64_t>(promised_records_, records);
}

bool StreamPipeline::has_room(std::size_t records, std::size_t bytes) {
  std::uint64_t most = bytes_at_most(records, bytes);
  std::uint64_t needed = promised_bytes_ + most + kChunkStartBytes;
  if (budget_.used_bytes() + needed > budget_.limit_bytes()) return false;
  if (!dedup_.reserve(promised_records_ + records)) return false;
  promised_bytes_ += most;
  promised_records_ += records;
  return true;
}

Status StreamPipeline::process(std::span<const log::Record> records, CrashMarker* marker,
                               bool one_by_one) {
  promised_bytes_ = promised_records_ = 0;
  std::size_t step = one_by_one ? 1 : records.size();
  for (; !records.empty(); records = records.subspan(step)) {
    decoder_.decode(records.first(step), marker);
    if (marker != nullptr && step > 1) marker->begin_all();
    FRESHET_TRY_STATUS(process_decoded(decoder_, records[step - 1].position));
    decoder_.clear();
  }
  return ok();
}

std::unique_ptr<BatchDecoder> StreamPipeline::make_decoder() const {
  return std::make_unique<BatchDecoder>(settings_.decode, poison_);
}

Status StreamPipeline::process_decoded(BatchDecoder& batch, Position last) {
  last_position_ = last;
  FRESHET_TRY_STATUS(decide(batch));
  report_near_misses(batch.decoder());
  FRESHET_TRY_STATUS(finish_rows(batch.rows()));
  FRESHET_TRY_STATUS(append_outcomes());
  // Here and not only with trim(): ids must leave memory as fast as they come.
  dedup_.expire(expired_us_, expired_rows_end_);
  return ok();
}

Status StreamPipeline::remember(BatchDecoder& batch, Position last) {
  last_position_ = last;
  const std::vector<DecodedEvent>& events = batch.events();
  for (std::size_t i = 0; i < events.size(); ++i) {
    fetch_ahead(events, i);
    const DecodedEvent& event = events[i];
    if (!event.accepted) continue;
    FRESHET_TRY(
        [[maybe_unused]] DedupOutcome outcome,
        dedup_.decide(event.id, event.content, event.position, event.sub, event.arrival_us));
  }
  dedup_.expire(expired_us_, expired_rows_end_);
  return ok();
}

// In log order: each accepted event is new, or its row leaves the batch.
Status StreamPipeline::decide(BatchDecoder& batch) {
  const std::vector<DecodedEvent>& events = batch.events();
  new_events_.clear();
  new_rows_.clear();
  std::uint32_t row = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    fetch_ahead(events, i);
    const DecodedEvent& event = events[i];
    bool wanted = is_wanted(event);
    if (event.erased) {
      if (wanted) ledger_.add(event.camera_id, event.arrival_us, Outcome::kErased);
      continue;
    }
    if (!event.accepted) {
      if (wanted) refuse(event, event.reason, event.detail, event.id_text);
      continue;
    }
    FRESHET_TRY(DedupOutcome outcome, dedup_.decide(event.id, event.content, event.position,
                                                    event.sub, event.arrival_us));
    if (!wanted) {
      ++row;
      continue;
    }
    if (outcome.decision == DedupDecision::kNew) {
      new_events_.push_back({&event, outcome.ticket});
      new_rows_.push_back(row);
    } else if (outcome.decision == DedupDecision::kDuplicate) {
      note_duplicate(event, outcome.first);
    } else {
      refuse(event, Reason::kConflict,
             keep_text(fmt::format(
                 "the id came first at position {} with content {:016x}{:016x}, and now with "
                 "{:016x}{:016x}",
                 outcome.first.first.value, outcome.first.content.high, outcome.first.content.low,
                 event.content.high, event.content.low)),
             keep_text(event_id_text(event.id)));
    }
    ++row;
  }
  if (new_rows_.size() != row) {
    for (ColumnVector& column : batch.rows().columns) column.keep_rows(new_rows_);
  }
  return ok();
}

// Before the event at `at` is decided. So far ahead that disk and memory have answered when the
// turn of those events comes.
void StreamPipeline::fetch_ahead(const std::vector<DecodedEvent>& events, std::size_t at) {
  static constexpr std::size_t kPrefetchDistance = 24;
  for (std::size_t i = at == 0 ? 0 : Dedup::kLookAhead; i <= Dedup::kLookAhead; ++i) {
    if (at + i < events.size()) dedup_.look_ahead(events[at + i].id);
  }
  if (at + kPrefetchDistance < events.size()) dedup_.prefetch(events[at + kPrefetchDistance].id);
}

// Where the event stands in the log and when it came: the same four columns in every table. Gives
// the column behind them.
std::size_t StreamPipeline::append_place(const DecodedEvent& event, ColumnBatch& to,
                                         std::size_t column) {
  to.columns[column++].append(event.position.value);
  to.columns[column++].append(event.sub);
  to.columns[column++].append(partition_text(event.partition));
  to.columns[column++].append(event.arrival_us);
  return column;
}

void StreamPipeline::refuse(const DecodedEvent& event, Reason reason, std::string_view detail,
                            std::string_view id_text) {
  std::size_t c = 0;
  dead_.columns[c++].append(reason_name(reason));
  dead_.columns[c++].append(detail);
  id_text.empty() ? dead_.columns[c++].append_null() : dead_.columns[c++].append(id_text);
  event.camera_id.empty() ? dead_.columns[c++].append_null()
                          : dead_.columns[c++].append(event.camera_id);
  dead_.columns[c++].append(event.json);
  dead_.columns[c++].append(event.attempts);
  append_place(event, dead_, c);
  ledger_.add(event.camera_id, event.arrival_us, Outcome::kRefused);
}

void StreamPipeline::note_duplicate(const DecodedEvent& event, const DedupEntry& first) {
  std::size_t c = 0;
  dupes_.columns[c++].append(keep_text(event_id_text(first.id)));
  dupes_.columns[c++].append(event.camera_id);
  dupes_.columns[c++].append(first.first.value);
  dupes_.columns[c++].append(first.first_sub);
  append_place(event, dupes_, c);
  ledger_.add(event.camera_id, event.arrival_us, Outcome::kDuplicate);
}

// Once a name and start: a mistake in a camera's settings would otherwise fill the log.
void StreamPipeline::report_near_misses(const Decoder& decoder) {
  for (const NearMiss& near : decoder.near_misses()) {
    if (near_misses_said_.size() >= Decoder::kNearMissesMax ||
        near_misses_said_.contains(near.field))
      continue;
    near_misses_said_.insert(near.field);
    log_warning(
        "an unknown field is kept in attributes, though its name is nearly one that is known",
        {{"stream", settings_.stream}, {"field", near.field}, {"known", near.known}});
  }
}

void StreamPipeline::abort_if_planted() const {
  const std::string& text = settings_.plant_abort_in_batch_at;
  if (text.empty()) return;
  for (const NewEvent& each : new_events_) {
    if (each.event->json.find(text) != std::string_view::npos) std::abort();
  }
}

Status StreamPipeline::finish_rows(ColumnBatch& decoded) {
  if (new_events_.empty()) return ok();
  abort_if_planted();
  const ColumnBatch& joined = join_.fill(decoded, transform_->used_columns());
  Result<TransformedRows> transformed = transform_->run(joined);
  return transformed ? append_rows(*transformed, 0, new_events_.size())
                     : finish_rows_one_by_one(joined);
}

// The SQL failed on at least one row of the batch: that row goes to $dead, the others must not
// suffer.
Status StreamPipeline::finish_rows_one_by_one(const ColumnBatch& joined) {
  ColumnBatch one(join_.schema());
  for (std::size_t row = 0; row < new_events_.size(); ++row) {
    for (std::size_t c = 0; c < joined.columns.size(); ++c) {
      if (joined.columns[c].row_count() > 0) one.columns[c].assign_row(joined.columns[c], row);
    }
    Result<TransformedRows> transformed = transform_->run(one);
    if (transformed) {
      FRESHET_TRY_STATUS(append_rows(*transformed, row, 1));
      continue;
    }
    const DecodedEvent& event = *new_events_[row].event;
    refuse(event, Reason::kSql, keep_text(transformed.error().message()),
           keep_text(event_id_text(event.id)));
  }
  return ok();
}

Status StreamPipeline::append_rows(const TransformedRows& transformed, std::size_t first_new,
                                   std::size_t new_count) {
  const auto& sources = *transformed.source_rows;
  std::size_t user_columns = transformed.rows->columns.size();
  for (std::size_t c = 0; c < user_columns; ++c)
    std::swap(out_.columns[c], transformed.rows->columns[c]);
  for (std::size_t c = user_columns; c < out_.columns.size(); ++c) out_.columns[c].clear();
  for (std::uint32_t source : sources) {
    const DecodedEvent& event = *new_events_[first_new + source].event;
    std::size_t c = user_columns;
    c = append_place(event, out_, c);
    out_.columns[c++].append(ref_version_);
    out_.columns[c++].append(false);
  }
  if (!sources.empty()) {
    FRESHET_TRY(hot::RowNumber first_row, tables_->rows().append(out_));
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const NewEvent& each = new_events_[first_new + sources[i]];
      dedup_.set_row(each.event->id, each.ticket, first_row + i);
    }
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < new_count; ++i) {
    bool kept = next < sources.size() && sources[next] == i;
    if (kept) ++next;
    const DecodedEvent& event = *new_events_[first_new + i].event;
    ledger_.add(event.camera_id, event.arrival_us, kept ? Outcome::kAccepted : Outcome::kFiltered);
  }
  return ok();
}

Status StreamPipeline::append_outcomes() {
  if (dead_.row_count() > 0) {
    FRESHET_TRY([[maybe_unused]] auto dead_row, tables_->dead().append(dead_));
    dead_.clear();
  }
  if (dupes_.row_count() > 0) {
    FRESHET_TRY([[maybe_unused]] auto dupes_row, tables_->dupes().append(dupes_));
    dupes_.clear();
  }
  texts_.release();
  return ok();
}

Status StreamPipeline::check_reference(const ReferenceTable& table) const {
  for (std::size_t i = 0; i < settings_.joins.size(); ++i) {
    if (settings_.joins[i].table == table.name()) FRESHET_TRY_STATUS(join_.check(i, table));
  }
  return ok();
}

Status StreamPipeline::apply_reference(const std::shared_ptr<const ReferenceTable>& table,
                                       std::uint32_t version) {
  for (std::size_t i = 0; i < settings_.joins.size(); ++i) {
    if (settings_.joins[i].table != table->name()) continue;
    FRESHET_TRY_STATUS(join_.set_version(i, table));
    ref_version_ = version;
  }
  return ok();
}

PublishPoint StreamPipeline::take_publish_point() {
  PublishPoint point{.position = last_position_,
                     .ref_version = ref_version_,
                     .rows_end = tables_->rows().appended(),
                     .dead_end = tables_->dead().appended(),
                     .dupes_end = tables_->dupes().appended(),
                     .ledger = ledger_.take()};
  return point;
}

void StreamPipeline::trim(Position rows_from, std::int64_t minute_us, std::int64_t now_us) {
  tables_->trim(rows_from, minute_us);
  expired_us_ = now_us;
  expired_rows_end_ = tables_->rows().snapshot().begin();
  dedup_.expire(expired_us_, expired_rows_end_);
  if (auto failure = dedup_.take_failure()) {
    log_error(
        "event ids stay in memory until the disk takes them: when it is full, clients are told to "
        "come again",
        {{"stream", settings_.stream}, {"error", failure->to_string()}});
  }
}

void StreamPipeline::plant_forgotten_ids() {
  dedup_.expire(std::numeric_limits<std::int64_t>::max(), kDedupNoRow);
}

Result<std::optional<DedupEntry>> StreamPipeline::find_entry(std::string_view id) const {
  return dedup_.find(decoder_.decoder().id_of(id));
}

Result<std::optional<hot::RowNumber>> StreamPipeline::find_row(std::string_view id) const {
  FRESHET_TRY(auto entry, find_entry(id));
  if (!entry || entry->row == kDedupNoRow || entry->row >= tables_->rows().published())
    return std::optional<hot::RowNumber>();
  return std::optional(entry->row);
}

std::string_view StreamPipeline::partition_text(PartitionId partition) {
  if (partition >= partition_texts_.size()) partition_texts_.resize(partition + 1);
  std::string& text = partition_texts_[partition];
  if (text.empty()) text = partition_name(partition);
  return text;
}

}  // namespace freshet::pipeline

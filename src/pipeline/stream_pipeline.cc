#include "pipeline/stream_pipeline.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <limits>

#include "pipeline/aggregate.h"
#include "pipeline/crash_marker.h"

namespace freshet::pipeline {
namespace {

// Worst-case bytes that a record may cost in hot, dedup and outcome tables beyond its own size.
constexpr std::size_t kRecordOverheadBytes = 512;

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
                                                               CrashMarker* marker,
                                                               const PoisonEvents& poison) {
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
                                                            budget, marker, poison));
}

StreamPipeline::StreamPipeline(PipelineSettings settings, Join join,
                               std::unique_ptr<RowTransform> transform, TableInfo info,
                               MemoryBudget& budget, CrashMarker* marker,
                               const PoisonEvents& poison)
    : settings_(std::move(settings)),
      decoder_(settings_.decode),
      dedup_(settings_.dedup, budget),
      join_(std::move(join)),
      transform_(std::move(transform)),
      tables_(std::make_shared<StreamTables>(std::move(info), budget)),
      budget_(budget),
      marker_(marker),
      poison_(poison),
      decoded_(detection_schema()),
      out_(tables_->info().schema),
      dead_(dead_schema()),
      dupes_(dupes_schema()) {}

std::string event_id_text(EventId id) {
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", id.high >> 32, id.high >> 16 & 0xFFFF,
                     id.high & 0xFFFF, id.low >> 48, id.low & 0xFFFF'FFFF'FFFF);
}

bool StreamPipeline::has_room(std::size_t records, std::size_t bytes) {
  // Texts may be kept in a row, in $dead and in a dictionary's index: three times is never too
  // little.
  std::size_t most = bytes * 3 + records * kRecordOverheadBytes;
  return budget_.used_bytes() + most <= budget_.limit_bytes() && dedup_.reserve(records);
}

Status StreamPipeline::process(std::span<const log::Record> records, bool one_by_one) {
  for (const log::Record& record : records) {
    process_record(record);
    if (one_by_one) FRESHET_TRY_STATUS(finish_rows());
  }
  FRESHET_TRY_STATUS(finish_rows());
  FRESHET_TRY_STATUS(append_outcomes());
  if (marker_ != nullptr) marker_->end();
  return ok();
}

void StreamPipeline::process_record(const log::Record& record) {
  last_position_ = record.position;
  if (record.kind != log::RecordKind::kData) return;
  if (!looks_aggregated(record.data)) return process_event(record, 0, record.data);
  Result<bool> aggregated = visit_aggregate(record.data, [&](const UserRecord& user_record) {
    process_event(record, user_record.index, user_record.data);
  });
  if (!aggregated) {
    refuse(origin_of(record, 0, record.data), reason_name(Reason::kParse),
           keep_text(aggregated.error().to_string()), "", 0);
  } else if (!*aggregated) {
    process_event(record, 0, record.data);
  }
}

StreamPipeline::RowOrigin StreamPipeline::origin_of(const log::Record& record, std::uint32_t sub,
                                                    std::string_view json) {
  RowOrigin origin;
  origin.position = record.position;
  origin.sub = sub;
  origin.partition = record.partition;
  origin.arrival_us = record.arrival_us;
  origin.json = json;
  return origin;
}

void StreamPipeline::process_event(const log::Record& record, std::uint32_t sub,
                                   std::string_view json) {
  RowOrigin origin = origin_of(record, sub, json);
  if (marker_ != nullptr) {
    std::uint64_t hash = XXH3_64bits(json.data(), json.size());
    marker_->begin_record(hash);
    auto poison = poison_.empty() ? poison_.end() : poison_.find(hash);
    if (poison != poison_.end()) {
      auto detail =
          fmt::format("this event ended the process {} times and is kept aside", poison->second);
      return refuse(origin, reason_name(Reason::kPoison), keep_text(detail), "", poison->second);
    }
  }
  Decoded decoded = decoder_.decode(json, record.arrival_us, decoded_);
  origin.camera_id = decoded.camera_id;
  if (!decoded.accepted) {
    // The decoder reuses the memory behind these views at its next call.
    origin.camera_id = keep_text(std::string(decoded.camera_id));
    return refuse(origin, reason_name(decoded.reason), keep_text(std::move(decoded.detail)),
                  keep_text(std::string(decoded.id_text)), 0);
  }
  origin.id = decoded.id;
  DedupOutcome outcome =
      dedup_.decide(decoded.id, decoded.content, record.position, sub, record.arrival_us);
  std::size_t row = decoded_.row_count() - 1;
  // The camera's text stands in the batch, whose memory lives until the batch ends.
  origin.camera_id = decoded_.columns[1].get<std::string_view>(row);
  if (outcome.decision == DedupDecision::kNew) {
    origins_.push_back(origin);
    return;
  }
  for (ColumnVector& column : decoded_.columns) column.truncate(row);
  if (outcome.decision == DedupDecision::kDuplicate) return note_duplicate(origin, outcome.first);
  refuse(
      origin, reason_name(Reason::kConflict),
      keep_text(fmt::format("the id came first at position {} with content {:016x}{:016x}, and now "
                            "with {:016x}{:016x}",
                            outcome.first.first.value, outcome.first.content.high,
                            outcome.first.content.low, decoded.content.high, decoded.content.low)),
      keep_text(event_id_text(decoded.id)), 0);
}

void StreamPipeline::refuse(const RowOrigin& origin, std::string_view reason,
                            std::string_view detail, std::string_view id_text,
                            std::uint32_t attempts) {
  std::size_t c = 0;
  dead_.columns[c++].append(reason);
  dead_.columns[c++].append(detail);
  id_text.empty() ? dead_.columns[c++].append_null() : dead_.columns[c++].append(id_text);
  origin.camera_id.empty() ? dead_.columns[c++].append_null()
                           : dead_.columns[c++].append(origin.camera_id);
  dead_.columns[c++].append(origin.json);
  dead_.columns[c++].append(attempts);
  dead_.columns[c++].append(origin.position.value);
  dead_.columns[c++].append(origin.sub);
  dead_.columns[c++].append(partition_text(origin.partition));
  dead_.columns[c++].append(origin.arrival_us);
  ledger_.add(origin.camera_id, origin.arrival_us, Outcome::kRefused);
}

void StreamPipeline::note_duplicate(const RowOrigin& origin, const DedupEntry& first) {
  std::size_t c = 0;
  dupes_.columns[c++].append(keep_text(event_id_text(first.id)));
  dupes_.columns[c++].append(origin.camera_id);
  dupes_.columns[c++].append(first.first.value);
  dupes_.columns[c++].append(first.first_sub);
  dupes_.columns[c++].append(origin.position.value);
  dupes_.columns[c++].append(origin.sub);
  dupes_.columns[c++].append(partition_text(origin.partition));
  dupes_.columns[c++].append(origin.arrival_us);
  ledger_.add(origin.camera_id, origin.arrival_us, Outcome::kDuplicate);
}

Status StreamPipeline::finish_rows() {
  if (origins_.empty()) return ok();
  if (marker_ != nullptr && origins_.size() > 1) marker_->begin_batch();
  const ColumnBatch& joined = join_.fill(decoded_, transform_->used_columns());
  Result<TransformedRows> transformed = transform_->run(joined);
  Status status =
      transformed ? append_rows(*transformed, 0, origins_.size()) : finish_rows_one_by_one(joined);
  decoded_.clear();
  origins_.clear();
  return status;
}

// The SQL failed on at least one row of the batch: that row goes to $dead, the others must not
// suffer.
Status StreamPipeline::finish_rows_one_by_one(const ColumnBatch& joined) {
  ColumnBatch one(join_.schema());
  for (std::size_t row = 0; row < origins_.size(); ++row) {
    for (std::size_t c = 0; c < joined.columns.size(); ++c)
      one.columns[c].assign_row(joined.columns[c], row);
    Result<TransformedRows> transformed = transform_->run(one);
    if (transformed) {
      FRESHET_TRY_STATUS(append_rows(*transformed, row, 1));
      continue;
    }
    refuse(origins_[row], reason_name(Reason::kSql), keep_text(transformed.error().message()),
           keep_text(event_id_text(origins_[row].id)), 0);
  }
  return ok();
}

Status StreamPipeline::append_rows(const TransformedRows& transformed, std::size_t first_origin,
                                   std::size_t origin_count) {
  const auto& sources = *transformed.source_rows;
  std::size_t user_columns = transformed.rows->columns.size();
  for (std::size_t c = 0; c < user_columns; ++c) out_.columns[c] = transformed.rows->columns[c];
  for (std::size_t c = user_columns; c < out_.columns.size(); ++c) out_.columns[c].clear();
  for (std::uint32_t source : sources) {
    const RowOrigin& origin = origins_[first_origin + source];
    std::size_t c = user_columns;
    out_.columns[c++].append(origin.position.value);
    out_.columns[c++].append(origin.sub);
    out_.columns[c++].append(partition_text(origin.partition));
    out_.columns[c++].append(origin.arrival_us);
    out_.columns[c++].append(ref_version_);
    out_.columns[c++].append(false);
  }
  if (!sources.empty()) {
    FRESHET_TRY(hot::RowNumber first_row, tables_->rows().append(out_));
    for (std::size_t i = 0; i < sources.size(); ++i) {
      dedup_.set_row(origins_[first_origin + sources[i]].id, first_row + i);
    }
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < origin_count; ++i) {
    bool kept = next < sources.size() && sources[next] == i;
    if (kept) ++next;
    const RowOrigin& origin = origins_[first_origin + i];
    ledger_.add(origin.camera_id, origin.arrival_us,
                kept ? Outcome::kAccepted : Outcome::kFiltered);
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
  texts_.clear();
  decoder_.release_texts();
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
                     .ledger = std::move(ledger_)};
  ledger_ = LedgerDelta();
  return point;
}

void StreamPipeline::trim(Position visible_from, std::int64_t visible_from_us,
                          std::int64_t now_us) {
  tables_->trim(visible_from, visible_from_us);
  dedup_.expire(now_us, tables_->rows().snapshot().begin());
}

void StreamPipeline::plant_forgotten_ids() {
  dedup_.expire(std::numeric_limits<std::int64_t>::max(), kDedupNoRow);
}

std::optional<DedupEntry> StreamPipeline::find_entry(std::string_view id) const {
  return dedup_.find(decoder_.id_of(id));
}

std::optional<hot::RowNumber> StreamPipeline::find_row(std::string_view id) const {
  auto entry = find_entry(id);
  if (!entry || entry->row == kDedupNoRow || entry->row >= tables_->rows().published())
    return std::nullopt;
  return entry->row;
}

std::string_view StreamPipeline::partition_text(PartitionId partition) {
  auto [found, made] = partition_texts_.try_emplace(partition);
  if (made) found->second = partition_name(partition);
  return found->second;
}

std::string_view StreamPipeline::keep_text(std::string text) {
  texts_.push_back(std::make_unique<std::string>(std::move(text)));
  return *texts_.back();
}

}  // namespace freshet::pipeline

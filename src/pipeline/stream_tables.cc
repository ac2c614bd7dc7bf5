#include "pipeline/stream_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace freshet::pipeline {
namespace {

hot::TableConfig rows_config(const TableInfo& info) {
  return {.name = info.name,
          .schema = info.schema,
          .key_columns = info.key_columns,
          .time_column = info.time_column};
}

hot::TableConfig outcome_config(const TableInfo& info, const char* suffix, const Schema& schema) {
  return {.name = info.name + suffix,
          .schema = schema,
          .key_columns = {*schema.find("camera_id")},
          .time_column = schema.find("ingest_time")};
}

}  // namespace

hot::RowNumber first_row_at(const hot::Snapshot& rows, Position from) {
  return first_row_above(rows, "position", static_cast<std::int64_t>(from.value) - 1);
}

hot::RowNumber first_row_above(const hot::Snapshot& rows, std::string_view column,
                               std::int64_t value) {
  if (rows.row_count() == 0) return rows.end();
  auto index = rows.schema().find(column);
  FRESHET_CHECK(index.has_value());
  for (const hot::ChunkView& chunk : rows.chunks()) {
    const auto* values = chunk.values_as<std::int64_t>(*index);
    if (values[chunk.row_count() - 1] <= value) continue;
    const auto* found = std::upper_bound(values + chunk.begin(), values + chunk.row_count(), value);
    return chunk.first_row() + static_cast<hot::RowNumber>(found - values);
  }
  return rows.end();
}

const Schema& system_columns() {
  static const Schema schema{{{"position", ColumnType::kUInt64},
                              {"sub_position", ColumnType::kUInt32},
                              {"partition", ColumnType::kText},
                              {"ingest_time", ColumnType::kTimestamp},
                              {"ref_version", ColumnType::kUInt32},
                              {"late", ColumnType::kBool}}};
  return schema;
}

const Schema& dead_schema() {
  static const Schema schema{{{"reason", ColumnType::kText},
                              {"detail", ColumnType::kText},
                              {"detection_id", ColumnType::kText},
                              {"camera_id", ColumnType::kText},
                              {"raw", ColumnType::kBlob},
                              {"attempts", ColumnType::kUInt32},
                              {"position", ColumnType::kUInt64},
                              {"sub_position", ColumnType::kUInt32},
                              {"partition", ColumnType::kText},
                              {"ingest_time", ColumnType::kTimestamp}}};
  return schema;
}

const Schema& dupes_schema() {
  static const Schema schema{{{"detection_id", ColumnType::kText},
                              {"camera_id", ColumnType::kText},
                              {"first_position", ColumnType::kUInt64},
                              {"first_sub_position", ColumnType::kUInt32},
                              {"position", ColumnType::kUInt64},
                              {"sub_position", ColumnType::kUInt32},
                              {"partition", ColumnType::kText},
                              {"ingest_time", ColumnType::kTimestamp}}};
  return schema;
}

std::string partition_name(PartitionId partition) {
  return fmt::format("shardId-{:012d}", partition);
}

StreamTables::StreamTables(TableInfo info, MemoryBudget& budget, io::Executor* background)
    : info_(std::move(info)),
      rows_(rows_config(info_), budget, background),
      dead_(outcome_config(info_, "$dead", dead_schema()), budget),
      dupes_(outcome_config(info_, "$dupes", dupes_schema()), budget) {}

std::vector<TableInfo> StreamTables::table_infos() const {
  std::vector<TableInfo> infos{info_};
  for (auto [suffix, schema] :
       {std::pair{"$dead", &dead_schema()}, std::pair{"$dupes", &dupes_schema()}}) {
    TableInfo info = info_;
    info.name += suffix;
    info.schema = *schema;
    info.id_column.reset();
    info.time_column = schema->find("ingest_time");
    info.key_columns = {*schema->find("camera_id")};
    infos.push_back(std::move(info));
  }
  return infos;
}

void StreamTables::publish(const PublishPoint& point) {
  {
    MutexLock lock(mutex_);
    rows_.publish(point.rows_end);
    dead_.publish(point.dead_end);
    dupes_.publish(point.dupes_end);
    ledger_.apply(point.ledger);
    ref_version_ = point.ref_version;
    published_.store(point.position.value, std::memory_order_release);
  }
  published_changed_.notify_all();
}

void StreamTables::trim(Position rows_from, std::int64_t minute_us) {
  hot::RowNumber rows = first_row_at(rows_.snapshot(), rows_from);
  hot::RowNumber dead = first_row_at(dead_.snapshot(), rows_from);
  hot::RowNumber dupes = first_row_at(dupes_.snapshot(), rows_from);
  MutexLock lock(mutex_);
  rows_.trim(rows);
  dead_.trim(dead);
  dupes_.trim(dupes);
  ledger_.trim(minute_us);
}

void StreamTables::set_archived(std::string_view table, ArchivedPart part) {
  MutexLock lock(mutex_);
  archived_parts_[std::string(table)] = std::move(part);
  std::uint64_t lowest = ~std::uint64_t{0};
  for (const auto& [name, each] : archived_parts_) lowest = std::min(lowest, each.boundary.value);
  archived_.store(lowest, std::memory_order_release);
}

bool StreamTables::lacks_files(std::string_view table) {
  MutexLock lock(mutex_);
  auto found = archived_parts_.find(table);
  return found != archived_parts_.end() && found->second.files == nullptr &&
         found->second.boundary > Position{};
}

void StreamTables::set_archive_failure(std::string_view table, const std::string& failure) {
  MutexLock lock(mutex_);
  auto part = archived_parts_.find(table);
  if (part != archived_parts_.end() && part->second.files == nullptr)
    part->second.failure = failure;
}

Ledger::Minutes StreamTables::ledger() {
  MutexLock lock(mutex_);
  return ledger_.snapshot();
}

void StreamTables::restore(Position position, std::uint32_t ref_version,
                           const std::vector<LedgerRow>& ledger) {
  MutexLock lock(mutex_);
  ledger_.restore(ledger);
  ref_version_ = ref_version;
  published_.store(position.value, std::memory_order_release);
}

Cut StreamTables::cut() {
  Cut cut;
  cut.stream = info_.stream;
  MutexLock lock(mutex_);
  cut.position = published();
  cut.ref_version = ref_version_;
  cut.tables.emplace(info_.name, rows_.snapshot());
  cut.tables.emplace(info_.name + "$dead", dead_.snapshot());
  cut.tables.emplace(info_.name + "$dupes", dupes_.snapshot());
  cut.archived = archived_parts_;
  cut.ledger = ledger_.snapshot();
  return cut;
}

std::optional<hot::Snapshot> StreamTables::snapshot(std::string_view table) {
  if (table == info_.name) return rows_.snapshot();
  if (table == rows_.config().name + "$dead") return dead_.snapshot();
  if (table == rows_.config().name + "$dupes") return dupes_.snapshot();
  return std::nullopt;
}

bool StreamTables::wait_for(Position position, std::int64_t timeout_us) {
  std::unique_lock lock(mutex_);
  return published_changed_.wait_for(lock, std::chrono::microseconds(timeout_us),
                                     [&] { return published() >= position; });
}

}  // namespace freshet::pipeline

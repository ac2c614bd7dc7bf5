// How rows leave an archived table when their time is over.
#include <fmt/format.h>

#include <algorithm>

#include "archive/iceberg/planner.h"
#include "archive/iceberg/transform.h"
#include "archive/table.h"
#include "common/metrics.h"

namespace freshet::archive {
namespace {

constexpr std::string_view kArrivalColumn = "ingest_time";
constexpr std::string_view kClassColumn = "retention_class";
constexpr std::int64_t kDayUs = 86'400'000'000;

struct Metrics {
  metrics::Counter& rows = metrics::counter("freshet_archive_expired_rows_total",
                                            "Rows that left the archive when their time was over");
  metrics::Counter& files =
      metrics::counter("freshet_archive_expired_files_total",
                       "Files that left the archive whole when the time of their rows was over");
};

Metrics& retention_metrics() {
  static Metrics instance;
  return instance;
}

// Whole days: so a file is written anew once a day at most.
std::int64_t before_us_of(std::int64_t now_us, std::int64_t keep_us) {
  return std::int64_t{iceberg::day_of_us(now_us - keep_us)} * kDayUs;
}

bool may_hold(const iceberg::DataFile& file, const iceberg::Field& field, const std::string& text) {
  auto lower = file.lower_bounds.find(field.id);
  auto upper = file.upper_bounds.find(field.id);
  if (lower != file.lower_bounds.end() && text < lower->second) return false;
  return upper == file.upper_bounds.end() || text <= upper->second;
}

enum class FileFate {
  kStays,  // no row's time is over
  kGoes,   // every row's is
  kMixed,  // its rows have to be read
};

// What a file holds is told by its bounds alone. Here it is decided whether a file may go.
FileFate fate_of(const iceberg::DataFile& file, const sql::RowExpiry& expiry,
                 const iceberg::TableSchema& schema) {
  const iceberg::Field* arrival_field = schema.find(kArrivalColumn);
  const iceberg::Field* class_field = schema.find(kClassColumn);
  if (arrival_field == nullptr) return FileFate::kStays;
  auto arrival = iceberg::value_range(file, *arrival_field);
  if (!arrival) return FileFate::kMixed;
  auto nulls = file.null_value_counts.find(arrival_field->id);
  bool has_null = nulls == file.null_value_counts.end() || nulls->second > 0;
  // Over the classes that may be in it: the earliest moment, and the latest.
  std::int64_t first = expiry.before_us.value_or(INT64_MIN), last = first;
  for (const auto& [name, before_us] : expiry.before_us_of_class) {
    if (class_field == nullptr || !may_hold(file, *class_field, name)) continue;
    first = std::min(first, before_us);
    last = std::max(last, before_us);
  }
  if (arrival->first >= last) return FileFate::kStays;
  return arrival->last < first && !has_null ? FileFate::kGoes : FileFate::kMixed;
}

}  // namespace

Result<RetentionReport> Table::expire_rows(const RetentionRules& rules, std::int64_t now_us,
                                           const std::function<bool()>& is_cancelled) {
  MutexLock lock(compact_mutex_);
  RetentionReport report;
  auto column_of = [&](std::string_view name) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < read_columns_.size(); ++i) {
      if (read_columns_[i].name == name) return i;
    }
    return std::nullopt;
  };
  sql::RowExpiry expiry;
  auto arrival = column_of(kArrivalColumn);
  if (rules.is_empty() || !arrival) return report;
  expiry.time_column = *arrival;
  expiry.class_column = column_of(kClassColumn);
  if (rules.keep_us > 0) expiry.before_us = before_us_of(now_us, rules.keep_us);
  for (const auto& [name, keep_us] : rules.classes)
    expiry.before_us_of_class[name] = before_us_of(now_us, keep_us);

  std::shared_ptr<const TableState> now = state();
  Change dropped;
  dropped.operation = iceberg::Operation::kDelete;
  std::vector<iceberg::DataFile> mixed;
  std::map<std::string, std::int64_t> seen;
  for (iceberg::DataFile& file : now->live_files()) {
    FileFate fate = fate_of(file, expiry, now->metadata.current_schema());
    if (fate == FileFate::kGoes) {
      dropped.removed.push_back(file.path);
      report.rows += static_cast<std::uint64_t>(file.record_count);
    }
    if (fate != FileFate::kMixed) continue;
    auto known = expiry_seen_.find(file.path);
    if (known != expiry_seen_.end()) seen.insert(*known);
    if (known == expiry_seen_.end() || known->second != now_us / kDayUs)
      mixed.push_back(std::move(file));
  }
  expiry_seen_ = std::move(seen);
  now.reset();
  if (!dropped.removed.empty()) {
    FRESHET_TRY_STATUS(commit(dropped));
    report.files_dropped = dropped.removed.size();
    retention_metrics().rows.add(report.rows);
    retention_metrics().files.add(report.files_dropped);
  }
  for (const iceberg::DataFile& file : mixed) {
    if (is_cancelled()) break;
    FRESHET_TRY_STATUS(expire_in_file(file, expiry, rules, is_cancelled, report));
    expiry_seen_[file.path] = now_us / kDayUs;
  }
  return report;
}

Status Table::expire_in_file(const iceberg::DataFile& file, const sql::RowExpiry& expiry,
                             const RetentionRules& rules, const std::function<bool()>& is_cancelled,
                             RetentionReport& report) {
  std::shared_ptr<const TableState> now = state();
  sql::ParquetMerge merge = merge_of("expire");
  merge.expiry = expiry;
  merge.is_cancelled = is_cancelled;
  FRESHET_TRY(sql::ArchiveFile local, local_file_of(*now, file, *parts_.files, parts_.store));
  merge.inputs.push_back(std::move(local));
  FRESHET_TRY_STATUS(remove_if_there(parts_.disk, merge.path));
  FRESHET_TRY(sql::MergedParquet rest,
              sql::merge_parquet_files(merge, {.memory_bytes = rules.memory_bytes,
                                               .threads = 1,
                                               .spill_folder = parts_.work_folder}));
  if (rest.expired == 0) return ok();
  Change change;
  change.removed.push_back(file.path);
  change.operation = iceberg::Operation::kDelete;
  if (rest.file.row_count > 0) {
    change.operation = iceberg::Operation::kOverwrite;
    FRESHET_TRY(NewFile stored, store_rest(rest.file, *now, file));
    change.added.push_back(std::move(stored));
  }
  FRESHET_TRY_STATUS(commit(change));
  bool is_whole = change.added.empty();
  report.rows += rest.expired;
  ++(is_whole ? report.files_dropped : report.files_rewritten);
  retention_metrics().rows.add(rest.expired);
  if (is_whole) retention_metrics().files.add();
  return ok();
}

}  // namespace freshet::archive

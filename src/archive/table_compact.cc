// How an archived table's small files become large ones.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "archive/iceberg/planner.h"
#include "archive/table.h"
#include "common/metrics.h"
#include "sql/parquet_merge.h"

namespace freshet::archive {
namespace {

struct Metrics {
  metrics::Counter& merged = metrics::counter("freshet_archive_merged_files_total",
                                              "Files that compaction merged into larger ones");
  metrics::Counter& duplicates = metrics::counter(
      "freshet_archive_duplicates_removed_total",
      "Rows with an id that an older row has, past the dedup horizon, removed by compaction");
};

Metrics& compaction_metrics() {
  static Metrics instance;
  return instance;
}

// Files of one tier are within a factor of eight.
int tier_of(const iceberg::DataFile& file, const CompactionRules& rules) {
  if (rules.any_size) return 0;
  int tier = 0;
  for (std::int64_t bytes = file.file_bytes; bytes > (1 << 20); bytes /= 8) ++tier;
  return tier;
}

// The first group that is worth a merge: of one partition and tier, up to the size of one file.
std::vector<iceberg::DataFile> choose_group(const TableState& state, const CompactionRules& rules) {
  std::map<std::pair<std::string, int>, std::vector<iceberg::DataFile>> groups;
  for (iceberg::DataFile& file : state.live_files()) {
    if (static_cast<std::uint64_t>(file.file_bytes) >= rules.bytes_max) continue;
    std::string folder = file.path.substr(0, file.path.rfind('/'));
    groups[{std::move(folder), tier_of(file, rules)}].push_back(std::move(file));
  }
  for (auto& [where, files] : groups) {
    std::sort(files.begin(), files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    std::uint64_t bytes = 0;
    std::size_t count = 0;
    while (count < files.size() && (count < 2 || bytes < rules.bytes_max))
      bytes += static_cast<std::uint64_t>(files[count++].file_bytes);
    files.resize(count);
    if (count >= std::max<std::size_t>(2, rules.files_min)) return std::move(files);
  }
  return {};
}

}  // namespace

Result<CompactReport> Table::compact(const CompactionRules& rules,
                                     const std::function<bool()>& is_cancelled) {
  MutexLock lock(compact_mutex_);
  CompactReport report;
  report.table = info_.name;
  report.files_before = state()->live_files().size();
  while (!is_cancelled()) {
    std::vector<iceberg::DataFile> group = choose_group(*state(), rules);
    if (group.empty()) break;
    FRESHET_TRY_STATUS(merge_files(group, rules, is_cancelled, report));
  }
  report.files_after = state()->live_files().size();
  return report;
}

sql::ParquetMerge Table::merge_of(const std::string& name) const {
  sql::ParquetMerge merge;
  merge.layout = layout_;
  merge.layout.columns = read_columns_;  // those too that rows have no more
  merge.path = fmt::format("{}/{}-{}.parquet", parts_.work_folder, name, folder());
  merge.position_column = info_.schema.find("position");
  merge.sub_position_column = info_.schema.find("sub_position");
  return merge;
}

Result<NewFile> Table::store_merged(const sql::ParquetFile& file,
                                    const iceberg::ValueRange& positions) {
  auto stored = store_file(file, Position{static_cast<std::uint64_t>(positions.first)},
                           Position{static_cast<std::uint64_t>(positions.last)});
  FRESHET_TRY_STATUS(remove_if_there(parts_.disk, file.path));
  return stored;
}

Result<NewFile> Table::store_rest(const sql::ParquetFile& rest, const TableState& of,
                                  const iceberg::DataFile& file) {
  const iceberg::Field* position = of.metadata.current_schema().find("position");
  FRESHET_CHECK(position != nullptr);
  return store_merged(rest,
                      iceberg::value_range(file, *position).value_or(iceberg::ValueRange{0, 0}));
}

Status Table::merge_files(const std::vector<iceberg::DataFile>& files, const CompactionRules& rules,
                          const std::function<bool()>& is_cancelled, CompactReport& report) {
  sql::ParquetMerge merge = merge_of("merge");
  if (!rules.keeps_duplicates) merge.id_column = info_.id_column;
  merge.is_cancelled = is_cancelled;
  std::shared_ptr<const TableState> now = state();
  const iceberg::Field* position = now->metadata.current_schema().find("position");
  FRESHET_CHECK(position != nullptr);
  Change change;
  iceberg::ValueRange covered{INT64_MAX, 0};
  for (const iceberg::DataFile& file : files) {
    FRESHET_TRY(sql::ArchiveFile local, local_file_of(*now, file, *parts_.files, parts_.store));
    merge.inputs.push_back(std::move(local));
    change.removed.push_back(file.path);
    report.rows += static_cast<std::uint64_t>(file.record_count);
    if (auto range = iceberg::value_range(file, *position)) {
      covered.first = std::min(covered.first, range->first);
      covered.last = std::max(covered.last, range->last);
    }
  }
  FRESHET_TRY_STATUS(remove_if_there(parts_.disk, merge.path));
  FRESHET_TRY(sql::MergedParquet merged,
              sql::merge_parquet_files(merge, {.memory_bytes = rules.memory_bytes,
                                               .threads = 1,
                                               .spill_folder = parts_.work_folder}));
  FRESHET_TRY(NewFile stored, store_merged(merged.file, covered));
  change.added.push_back(std::move(stored));
  // Other rows than before are not a replacement.
  change.operation =
      merged.duplicates_dropped > 0 ? iceberg::Operation::kOverwrite : iceberg::Operation::kReplace;
  FRESHET_TRY_STATUS(commit(change));
  report.duplicates_removed += merged.duplicates_dropped;
  compaction_metrics().merged.add(files.size());
  compaction_metrics().duplicates.add(merged.duplicates_dropped);
  return ok();
}

}  // namespace freshet::archive

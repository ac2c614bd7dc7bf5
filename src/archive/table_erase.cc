// How rows leave an archived table for good: their files are written anew without them, and nothing
// that the old ones are known by stays.
#include <fmt/format.h>

#include <algorithm>

#include "archive/table.h"

namespace freshet::archive {
namespace {

// The store's clock may be behind ours: at such a moment nothing is young.
constexpr std::int64_t kAnyAgeUs = 24ll * 3'600'000'000;

}  // namespace

// By the names that every table of events has, and $dead and $dupes too.
sql::JudgedColumns Table::judged_columns() const {
  auto find = [&](std::string_view name) -> std::optional<std::size_t> {
    auto found =
        std::find_if(read_columns_.begin(), read_columns_.end(),
                     [&](const sql::ParquetColumn& column) { return column.name == name; });
    if (found == read_columns_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - read_columns_.begin());
  };
  sql::JudgedColumns judged{.id = find("detection_id"),
                            .camera = find("camera_id"),
                            .time = layout_.time_column,
                            .raw = std::nullopt};
  if (info_.name.ends_with("$dead")) judged.raw = find("raw");
  return judged;
}

Status Table::erase(const std::function<bool(const sql::JudgedRow&)>& judge,
                    std::uint64_t memory_bytes, EraseReport& report) {
  std::shared_ptr<const TableState> now = state();
  sql::ParquetMergeConfig config{
      .memory_bytes = memory_bytes, .threads = 1, .spill_folder = parts_.work_folder};
  Change change;
  change.operation = iceberg::Operation::kOverwrite;
  change.is_erasure = true;
  for (const iceberg::DataFile& file : now->live_files()) {
    ++report.files;
    sql::ParquetMerge merge = merge_of("erase");
    merge.judged = judged_columns();
    merge.is_dropped = judge;
    FRESHET_TRY(sql::ArchiveFile local, local_file_of(*now, file, *parts_.files, parts_.store));
    merge.inputs.push_back(std::move(local));
    FRESHET_TRY(std::uint64_t count, sql::count_judged_rows(merge, config));
    if (count == 0) continue;
    FRESHET_TRY_STATUS(remove_if_there(parts_.disk, merge.path));
    FRESHET_TRY(sql::MergedParquet rest, sql::merge_parquet_files(merge, config));
    change.removed.push_back(file.path);
    ++report.files_rewritten;
    report.rows += rest.judged_dropped;
    if (rest.file.row_count == 0) continue;
    FRESHET_TRY(NewFile stored, store_rest(rest.file, *now, file));
    change.added.push_back(std::move(stored));
  }
  if (!change.removed.empty()) FRESHET_TRY_STATUS(commit(change));
  now.reset();
  FRESHET_TRY_STATUS(expire(parts_.clock.wall_us() + kAnyAgeUs));
  FRESHET_TRY(std::uint64_t removed, remove_orphans(-kAnyAgeUs));
  report.objects_removed += removed;
  return ok();
}

}  // namespace freshet::archive

#include "sql/parquet_output.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "sql/file_bytes.h"
#include "sql/parquet_metadata.h"

namespace freshet::sql {
namespace {

// {"detection_id": 1, "bbox": {__duckdb_field_id: 2, "x": 3, …}}
std::string field_ids_text(const std::vector<ParquetColumn>& columns) {
  std::string text;
  for (const ParquetColumn& column : columns) {
    if (!text.empty()) text += ", ";
    text += quoted_name(column.name) + ": ";
    if (column.type != ColumnType::kBox) {
      text += std::to_string(column.field_id);
      continue;
    }
    text += fmt::format("{{__duckdb_field_id: {}", column.field_id);
    for (std::size_t i = 0; i < kBoxFieldNames.size(); ++i)
      text += fmt::format(", {}: {}", kBoxFieldNames[i], column.box_field_ids[i]);
    text += '}';
  }
  return '{' + text + '}';
}

std::vector<std::int32_t> leaf_field_ids(const std::vector<ParquetColumn>& columns) {
  std::vector<std::int32_t> ids;
  for (const ParquetColumn& column : columns) {
    if (column.type == ColumnType::kBox)
      ids.insert(ids.end(), column.box_field_ids.begin(), column.box_field_ids.end());
    else
      ids.push_back(column.field_id);
  }
  return ids;
}

// The footer must say what we handed over: else DuckDB wrote something else than it was given.
Status check_metadata(const ParquetMetadata& metadata, std::size_t leaf_count,
                      std::uint64_t row_count, const std::string& path) {
  bool same = metadata.row_count == row_count && metadata.leaves.size() == leaf_count;
  for (const ParquetLeaf& leaf : metadata.leaves) same = same && leaf.value_count == row_count;
  if (same) return ok();
  return Error(
      Code::kCorruption, 3814,
      fmt::format("{}: {} rows of {} columns were written, {} rows of {} are in the file", path,
                  row_count, leaf_count, metadata.row_count, metadata.leaves.size()));
}

std::vector<ParquetColumnStats> column_stats(const ParquetMetadata& metadata,
                                             const LeafBounds& leaf_bounds,
                                             const std::vector<ParquetColumn>& columns) {
  std::vector<std::int32_t> ids = leaf_field_ids(columns);
  std::vector<ParquetColumnStats> all;
  for (std::size_t leaf = 0; leaf < ids.size(); ++leaf) {
    const ColumnBounds& bounds = leaf_bounds.leaves()[leaf];
    ParquetColumnStats stats;
    stats.field_id = ids[leaf];
    stats.column_bytes = metadata.leaves[leaf].column_bytes;
    stats.value_count = metadata.leaves[leaf].value_count;
    stats.null_count = bounds.null_count();
    stats.lower = bounds.lower();
    stats.upper = bounds.upper();
    stats.nan_count = bounds.nan_count();
    all.push_back(std::move(stats));
  }
  return all;
}

}  // namespace

Error layout_error(std::string message) {
  return Error(Code::kInvalid, 3801, "the layout does not fit the rows: " + std::move(message));
}

Status check_layout(const ParquetLayout& layout) {
  const std::vector<ParquetColumn>& columns = layout.columns;
  for (const ParquetColumn& column : columns) {
    if (column.field_id <= 0)
      return layout_error(fmt::format("column {} has no field id", column.name));
    if (column.is_decimal && column.type != ColumnType::kUInt64)
      return layout_error(fmt::format("column {} cannot be a decimal", column.name));
  }
  if (layout.key_column >= columns.size() || columns[layout.key_column].type != ColumnType::kText)
    return layout_error("the key column must be a text");
  if (layout.time_column >= columns.size() ||
      columns[layout.time_column].type != ColumnType::kTimestamp)
    return layout_error("the time column must be a timestamp");
  return ok();
}

std::string copy_statement(const std::string& path, const ParquetLayout& layout) {
  return fmt::format(
      "COPY (FROM freshet_rows()) TO {} (FORMAT parquet, FIELD_IDS {}, COMPRESSION zstd, "
      "COMPRESSION_LEVEL {}, ROW_GROUP_SIZE {}, USE_TMP_FILE false)",
      quoted_text(path), field_ids_text(layout.columns), layout.zstd_level, layout.row_group_rows);
}

Error copy_error(const std::string& path, std::string_view message) {
  bool full = message.find("No space left") != std::string_view::npos ||
              message.find("quota exceeded") != std::string_view::npos;
  return Error(full ? Code::kNoSpace : Code::kIo, 3804,
               fmt::format("{}: cannot be written: {}", path, plain_message(message)));
}

Result<ParquetFile> finish_parquet_file(duckdb_connection connection, const std::string& path,
                                        const ParquetLayout& layout, std::uint64_t row_count,
                                        const LeafBounds& bounds) {
  FRESHET_TRY_STATUS(sync_file(path));
  FRESHET_TRY(ParquetMetadata metadata, read_parquet_metadata(connection, path));
  FRESHET_TRY_STATUS(check_metadata(metadata, bounds.leaves().size(), row_count, path));
  FRESHET_TRY(FileBytes whole, read_file_bytes(path));
  ParquetFile file;
  file.path = path;
  file.row_count = row_count;
  file.bytes = whole.bytes;
  file.checksum = std::move(whole.checksum);
  file.columns = column_stats(metadata, bounds, layout.columns);
  file.split_offsets = std::move(metadata.row_group_offsets);
  return file;
}

NewFiles::~NewFiles() {
  std::error_code ignored;  // What cannot be removed is named in no commit.
  for (const std::string& path : paths_) std::filesystem::remove(path, ignored);
}

}  // namespace freshet::sql

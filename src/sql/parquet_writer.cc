#include "sql/parquet_writer.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "sql/duckdb_handles.h"
#include "sql/file_bytes.h"
#include "sql/ordered_scan.h"
#include "sql/parquet_metadata.h"
#include "sql/row_order.h"

namespace freshet::sql {
namespace {

Error layout_error(std::string message) {
  return Error(Code::kInvalid, 3801, "the layout does not fit the rows: " + std::move(message));
}

Status check_layout(const Schema& schema, const ParquetLayout& layout) {
  const std::vector<ParquetColumn>& columns = layout.columns;
  if (columns.size() != schema.columns.size()) {
    return layout_error(
        fmt::format("{} columns, where the rows have {}", columns.size(), schema.columns.size()));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const ColumnSchema& column = schema.columns[i];
    if (columns[i].name != column.name || columns[i].type != column.type)
      return layout_error(fmt::format("column {} is {} there", i, column.name));
    if (columns[i].field_id <= 0)
      return layout_error(fmt::format("column {} has no field id", column.name));
  }
  if (layout.key_column >= columns.size() || columns[layout.key_column].type != ColumnType::kText)
    return layout_error("the key column must be a text");
  if (layout.time_column >= columns.size() ||
      columns[layout.time_column].type != ColumnType::kTimestamp)
    return layout_error("the time column must be a timestamp");
  return ok();
}

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

std::string copy_statement(const std::string& path, const ParquetLayout& layout) {
  return fmt::format(
      "COPY (FROM freshet_rows()) TO {} (FORMAT parquet, FIELD_IDS {}, COMPRESSION zstd, "
      "COMPRESSION_LEVEL {}, ROW_GROUP_SIZE {}, USE_TMP_FILE false)",
      quoted_text(path), field_ids_text(layout.columns), layout.zstd_level, layout.row_group_rows);
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
Status check_metadata(const ParquetMetadata& metadata, const OrderedScan& scan,
                      std::uint64_t row_count, const std::string& path) {
  bool same = scan.is_done() && metadata.row_count == row_count &&
              metadata.leaves.size() == scan.bounds().size();
  for (const ParquetLeaf& leaf : metadata.leaves) same = same && leaf.value_count == row_count;
  if (same) return ok();
  return Error(
      Code::kCorruption, 3814,
      fmt::format("{}: {} rows of {} columns were written, {} rows of {} are in the file", path,
                  row_count, scan.bounds().size(), metadata.row_count, metadata.leaves.size()));
}

std::vector<ParquetColumnStats> column_stats(const ParquetMetadata& metadata,
                                             const OrderedScan& scan,
                                             const std::vector<ParquetColumn>& columns) {
  std::vector<std::int32_t> ids = leaf_field_ids(columns);
  std::vector<ParquetColumnStats> all;
  for (std::size_t leaf = 0; leaf < ids.size(); ++leaf) {
    const ColumnBounds& bounds = scan.bounds()[leaf];
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

Error copy_error(QueryResult& result, const OrderedScan& scan, const std::string& path) {
  if (scan.failure()) return Error(*scan.failure()).with_context(path);
  std::string message = plain_message(result.error());
  bool full = message.find("No space left") != std::string::npos ||
              message.find("quota exceeded") != std::string::npos;
  return Error(full ? Code::kNoSpace : Code::kIo, 3804,
               fmt::format("{}: cannot be written: {}", path, message));
}

// Removes the files of a call that fails.
class NewFiles {
 public:
  NewFiles() = default;
  ~NewFiles() {
    std::error_code ignored;  // What cannot be removed is named in no commit.
    for (const std::string& path : paths_) std::filesystem::remove(path, ignored);
  }
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;
  void add(const std::string& path) { paths_.push_back(path); }
  void keep() { paths_.clear(); }

 private:
  std::vector<std::string> paths_;
};

}  // namespace

struct ParquetWriter::State {
  OrderedScan* current = nullptr;
  std::unique_ptr<Database> database;  // goes before `current`, which its function points to
  Connection connection;

  Result<ParquetFile> write_file(const Relation& relation, const ParquetLayout& layout,
                                 const OrderedSpan& span, const std::string& path) {
    OrderedScan scan(relation, layout, span.rows);
    current = &scan;
    QueryResult result;
    duckdb_state done =
        duckdb_query(connection.get(), copy_statement(path, layout).c_str(), result.out());
    current = nullptr;
    if (done == DuckDBError) return copy_error(result, scan, path);
    FRESHET_TRY_STATUS(sync_file(path));
    FRESHET_TRY(ParquetMetadata metadata, read_parquet_metadata(connection.get(), path));
    FRESHET_TRY_STATUS(check_metadata(metadata, scan, span.rows.size(), path));
    FRESHET_TRY(FileBytes whole, read_file_bytes(path));
    ParquetFile file;
    file.path = path;
    file.span_begin_us = span.begin_us;
    file.row_count = span.rows.size();
    file.bytes = whole.bytes;
    file.checksum = std::move(whole.checksum);
    file.columns = column_stats(metadata, scan, layout.columns);
    file.split_offsets = std::move(metadata.row_group_offsets);
    return file;
  }
};

ParquetWriter::ParquetWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ParquetWriter::~ParquetWriter() = default;

Result<std::unique_ptr<ParquetWriter>> ParquetWriter::open(const ParquetWriterConfig& config) {
  auto state = std::make_unique<State>();
  FRESHET_TRY(state->database,
              Database::open({.memory_bytes = config.memory_bytes, .reads_files = true}));
  FRESHET_TRY(state->connection, state->database->connect());
  FRESHET_TRY_STATUS(register_ordered_scan(state->connection.get(), &state->current));
  return std::unique_ptr<ParquetWriter>(new ParquetWriter(std::move(state)));
}

Result<std::vector<ParquetFile>> ParquetWriter::write(const Relation& relation,
                                                      std::span<const RowRange> ranges,
                                                      const ParquetLayout& layout,
                                                      const PathOf& path_of) {
  FRESHET_TRY_STATUS(check_layout(relation.schema(), layout));
  std::vector<RowRange> all;
  if (ranges.empty()) {
    for (std::size_t chunk = 0; chunk < relation.chunk_count(); ++chunk) {
      Relation::Rows rows = relation.chunk_rows(chunk);
      all.push_back({chunk, rows.begin, rows.end});
    }
    ranges = all;
  }
  NewFiles created;
  std::vector<ParquetFile> files;
  for (OrderedSpan& span : order_rows(relation, ranges, layout)) {
    std::string path = path_of(span.begin_us);
    FRESHET_TRY_STATUS(create_empty_file(path));
    created.add(path);
    FRESHET_TRY(ParquetFile file, state_->write_file(relation, layout, span, path));
    files.push_back(std::move(file));
    span.rows = {};
  }
  created.keep();
  return files;
}

}  // namespace freshet::sql

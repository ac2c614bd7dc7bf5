#include "sql/parquet_writer.h"

#include <fmt/format.h>

#include <utility>

#include "sql/duckdb_handles.h"
#include "sql/file_bytes.h"
#include "sql/ordered_scan.h"
#include "sql/parquet_output.h"
#include "sql/row_order.h"

namespace freshet::sql {
namespace {

Status check_columns(const Schema& schema, const ParquetLayout& layout) {
  const std::vector<ParquetColumn>& columns = layout.columns;
  if (columns.size() != schema.columns.size()) {
    return layout_error(
        fmt::format("{} columns, where the rows have {}", columns.size(), schema.columns.size()));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const ColumnSchema& column = schema.columns[i];
    if (columns[i].name != column.name || columns[i].type != column.type)
      return layout_error(fmt::format("column {} is {} there", i, column.name));
  }
  return ok();
}

Error write_error(QueryResult& result, const OrderedScan& scan, const std::string& path) {
  if (scan.failure()) return Error(*scan.failure()).with_context(path);
  return copy_error(path, result.error());
}

}  // namespace

struct ParquetWriter::State {
  RowSource* current = nullptr;
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
    if (done == DuckDBError) return write_error(result, scan, path);
    FRESHET_TRY(ParquetFile file, finish_parquet_file(connection.get(), path, layout,
                                                      span.rows.size(), scan.bounds()));
    file.span_begin_us = span.begin_us;
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
  FRESHET_TRY_STATUS(register_row_source(state->connection.get(), &state->current));
  return std::unique_ptr<ParquetWriter>(new ParquetWriter(std::move(state)));
}

Result<std::vector<ParquetFile>> ParquetWriter::write(const Relation& relation,
                                                      std::span<const RowRange> ranges,
                                                      const ParquetLayout& layout,
                                                      const PathOf& path_of) {
  FRESHET_TRY_STATUS(check_columns(relation.schema(), layout));
  FRESHET_TRY_STATUS(check_layout(layout));
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

#include "sql/batch_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "sql/column_types.h"
#include "sql/transform_rewrite.h"
#include "sql/vector_io.h"

namespace freshet::sql {
namespace {

struct BatchScan {
  BatchFeed* feed = nullptr;
  std::vector<std::size_t> columns;  // of the schema; one past the end is the row's number
};

void bind_batch(duckdb_bind_info info) {
  auto* feed = static_cast<BatchFeed*>(duckdb_bind_get_extra_info(info));
  for (const ColumnSchema& column : feed->schema.columns) {
    LogicalType type = logical_type_of(column.type);
    duckdb_bind_add_result_column(info, column.name.c_str(), type.get());
  }
  duckdb_bind_add_result_column(info, std::string(kRowNumberColumn).c_str(),
                                feed->row_number_type.get());
}

void init_batch(duckdb_init_info info) {
  auto scan = std::make_unique<BatchScan>();
  scan->feed = static_cast<BatchFeed*>(duckdb_init_get_extra_info(info));
  scan->feed->next_row = 0;
  for (idx_t i = 0; i < duckdb_init_get_column_count(info); ++i)
    scan->columns.push_back(duckdb_init_get_column_index(info, i));
  duckdb_init_set_max_threads(info, 1);
  duckdb_init_set_init_data(info, scan.release(),
                            [](void* data) { delete static_cast<BatchScan*>(data); });
}

void scan_batch(duckdb_function_info info, duckdb_data_chunk output) {
  auto* scan = static_cast<BatchScan*>(duckdb_function_get_init_data(info));
  BatchFeed& feed = *scan->feed;
  std::size_t markers = feed.has_markers && feed.chunks_left > 0 ? 1 : 0;
  bool is_over = feed.batch == nullptr || (feed.has_markers && markers == 0);
  std::size_t first = feed.next_row;
  std::size_t count = is_over ? 0
                              : std::min<std::size_t>(duckdb_vector_size() - markers,
                                                      feed.batch->row_count() - first);
  for (std::size_t i = 0; i < scan->columns.size() && count + markers > 0; ++i) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(output, i);
    if (scan->columns[i] < feed.schema.columns.size()) {
      if (count > 0) write_column(feed.batch->columns[scan->columns[i]], first, count, vector);
      if (markers > 0) write_null(feed.schema.columns[scan->columns[i]].type, count, vector);
    } else {
      auto* numbers = static_cast<std::uint32_t*>(duckdb_vector_get_data(vector));
      for (std::size_t row = 0; row < count; ++row)
        numbers[row] = static_cast<std::uint32_t>(first + row);
      if (markers > 0) numbers[count] = feed.next_marker;
    }
  }
  if (markers > 0) {
    ++feed.next_marker;
    --feed.chunks_left;
  }
  feed.next_row = first + count;
  duckdb_data_chunk_set_size(output, count + markers);
}

}  // namespace

Status register_batch(duckdb_connection connection, BatchFeed* feed) {
  TableFunction function(duckdb_create_table_function());
  duckdb_table_function_set_name(function.get(), feed->function.c_str());
  duckdb_table_function_set_extra_info(function.get(), feed, nullptr);
  duckdb_table_function_set_bind(function.get(), bind_batch);
  duckdb_table_function_set_init(function.get(), init_batch);
  duckdb_table_function_set_function(function.get(), scan_batch);
  duckdb_table_function_supports_projection_pushdown(function.get(), true);
  if (duckdb_register_table_function(connection, function.get()) == DuckDBError)
    return Error(Code::kInternal, 9610, "DuckDB does not take the table function of batches");
  return execute(connection, fmt::format("CREATE TEMP VIEW batch AS SELECT * FROM {}()",
                                         quoted_name(feed->function)));
}

}  // namespace freshet::sql

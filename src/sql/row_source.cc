#include "sql/row_source.h"

#include "sql/column_types.h"

namespace freshet::sql {
namespace {

void bind_rows(duckdb_bind_info info) {
  RowSource* source = *static_cast<RowSource**>(duckdb_bind_get_extra_info(info));
  if (source == nullptr) return duckdb_bind_set_error(info, "no rows are being written");
  source->bind(info);
}

void init_rows(duckdb_init_info info) {
  // A second thread would take every other vector, and the order would be lost.
  duckdb_init_set_max_threads(info, 1);
}

void scan_rows(duckdb_function_info info, duckdb_data_chunk output) {
  RowSource* source = *static_cast<RowSource**>(duckdb_function_get_extra_info(info));
  Status filled = source->fill(output);
  if (!filled) duckdb_function_set_error(info, filled.error().message().c_str());
}

}  // namespace

void RowSource::bind(duckdb_bind_info info) const {
  for (const ParquetColumn& column : layout_.columns) {
    LogicalType type = parquet_logical_type(parquet_type_of(column));
    duckdb_bind_add_result_column(info, column.name.c_str(), type.get());
  }
  duckdb_bind_set_cardinality(info, row_count_, true);
}

Status RowSource::fill(duckdb_data_chunk output) {
  Status filled = next(output);
  if (!filled) failure_ = filled.error();
  return filled;
}

Status register_row_source(duckdb_connection connection, RowSource** current) {
  TableFunction function(duckdb_create_table_function());
  duckdb_table_function_set_name(function.get(), "freshet_rows");
  duckdb_table_function_set_extra_info(function.get(), current, nullptr);
  duckdb_table_function_set_bind(function.get(), bind_rows);
  duckdb_table_function_set_init(function.get(), init_rows);
  duckdb_table_function_set_function(function.get(), scan_rows);
  if (duckdb_register_table_function(connection, function.get()) == DuckDBError)
    return Error(Code::kInternal, 9614, "DuckDB does not take the table function of rows");
  return ok();
}

}  // namespace freshet::sql

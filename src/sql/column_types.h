// Our column types in DuckDB's words, both ways.
#pragma once

#include <optional>
#include <string>

#include "event/schema.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {

LogicalType logical_type_of(ColumnType type);
// Of a file's column, one that parquet_type_of() gives: kUInt64 is DECIMAL(20, 0).
LogicalType parquet_logical_type(ColumnType file_type);
// Nothing where a column of ours cannot hold it.
std::optional<ColumnType> column_type_of(duckdb_logical_type type);
// As SQL writes it: "DECIMAL(18,3)", "INTEGER[]", "STRUCT(x DOUBLE)", "JSON".
std::string type_name(duckdb_logical_type type);

}  // namespace freshet::sql

// Our column types in DuckDB's words, both ways.
#pragma once

#include <optional>
#include <string>

#include "event/schema.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {

LogicalType logical_type_of(ColumnType type);
// Nothing where a column of ours cannot hold it.
std::optional<ColumnType> column_type_of(duckdb_logical_type type);
// As SQL writes it: "DECIMAL(18,3)", "INTEGER[]", "STRUCT(x DOUBLE)", "JSON".
std::string type_name(duckdb_logical_type type);

}  // namespace freshet::sql

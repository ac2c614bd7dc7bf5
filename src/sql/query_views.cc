#include "sql/query_views.h"

#include <fmt/format.h>

#include <algorithm>

namespace freshet::sql {
namespace {

bool has_column(const std::vector<ColumnSchema>& columns, std::string_view name) {
  return std::any_of(columns.begin(), columns.end(),
                     [&](const ColumnSchema& column) { return column.name == name; });
}

std::vector<ColumnSchema> columns_of(const Relation* relation, const PlannedTable& planned) {
  std::vector<ColumnSchema> columns;
  if (relation != nullptr) columns = relation->schema().columns;
  for (const ParquetColumn& column : planned.table->columns) {
    if (!has_column(columns, column.name)) columns.push_back({column.name, column.type});
  }
  return columns;
}

// `from` is empty for a table without rows.
std::string select_from_relation(const Relation* relation, const std::vector<ColumnSchema>& columns,
                                 const std::string& from) {
  std::string list;
  for (const ColumnSchema& column : columns) {
    std::string name = quoted_name(column.name);
    list += list.empty() ? "" : ", ";
    list += relation != nullptr && has_column(relation->schema().columns, column.name)
                ? name
                : fmt::format("NULL::{} AS {}", sql_type_name(column.type), name);
  }
  return from.empty() ? fmt::format("SELECT {} WHERE false", list)
                      : fmt::format("SELECT {} FROM {}", list, from);
}

std::string table_query(const std::string& name, const Relation* relation,
                        const PlannedTable& planned) {
  std::vector<ColumnSchema> columns = columns_of(relation, planned);
  std::optional<std::string> files = select_from_files(planned, columns);
  if (files && relation == nullptr) return *files;
  std::string from =
      relation == nullptr ? std::string() : fmt::format("freshet_scan({})", quoted_text(name));
  std::string memory = select_from_relation(relation, columns, from);
  if (!files) return memory;
  // Of a union that nothing is asked of but how many rows it has, DuckDB reads the first column.
  std::string list;
  for (const ColumnSchema& column : columns)
    list += (list.empty() ? "" : ", ") + quoted_name(column.name);
  return fmt::format("SELECT {} FROM (SELECT 0, * FROM ({}) UNION ALL SELECT 0, * FROM ({}))", list,
                     *files, memory);
}

Status create_view(duckdb_connection connection, const std::string& name,
                   const std::string& query) {
  return execute(connection, fmt::format("CREATE TEMP VIEW {} AS {}", quoted_name(name), query));
}

}  // namespace

Status create_query_views(duckdb_connection connection, const Relations& relations,
                          const PlannedTables& planned, std::string& bad_path) {
  for (const auto& [name, relation] : relations) {
    if (planned.contains(name)) continue;
    FRESHET_TRY_STATUS(create_view(
        connection, name, fmt::format("SELECT * FROM freshet_scan({})", quoted_text(name))));
  }
  for (const auto& [name, table] : planned) {
    auto relation = relations.find(name);
    const Relation* memory = relation == relations.end() ? nullptr : relation->second.get();
    Status viewed = create_view(connection, name, table_query(name, memory, table));
    if (viewed) continue;
    if (auto of_file = file_error(planned, viewed.error().message(), &bad_path))
      return *std::move(of_file);
    return viewed;
  }
  return ok();
}

}  // namespace freshet::sql

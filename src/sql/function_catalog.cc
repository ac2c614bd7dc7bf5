#include "sql/function_catalog.h"

#include <algorithm>
#include <vector>

#include "common/units.h"

namespace freshet::sql {
namespace {

// DuckDB calls these CONSISTENT, but their answer is a matter of the clock, the settings, the build
// or of how the rows happen to lie in memory; or they read SQL text of their own.
constexpr std::string_view kNotOfTheRow[] = {"can_cast_implicitly",
                                             "cast_to_type",
                                             "create_sort_key",
                                             "current_localtime",
                                             "current_localtimestamp",
                                             "current_setting",
                                             "get_type",
                                             "getvariable",
                                             "json_deserialize_sql",
                                             "json_serialize_plan",
                                             "json_serialize_sql",
                                             "make_type",
                                             "replace_type",
                                             "vector_type",
                                             "version"};

// DuckDB's own macros that stand for an expression of their arguments. All others are refused.
constexpr std::string_view kRowMacros[] = {"array_append",
                                           "array_pop_back",
                                           "array_pop_front",
                                           "array_prepend",
                                           "array_push_back",
                                           "array_push_front",
                                           "array_reverse",
                                           "array_to_string",
                                           "date_add",
                                           "days_in_month",
                                           "fdiv",
                                           "fmod",
                                           "json",
                                           "list_append",
                                           "list_avg",
                                           "list_count",
                                           "list_first",
                                           "list_last",
                                           "list_max",
                                           "list_min",
                                           "list_prepend",
                                           "list_reverse",
                                           "list_sum",
                                           "map_contains_entry",
                                           "map_contains_value",
                                           "md5_number_lower",
                                           "md5_number_upper",
                                           "nullif",
                                           "round_even",
                                           "roundbankers",
                                           "split_part"};

template <std::size_t n>
bool holds(const std::string_view (&names)[n], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

FunctionKind kind_of(std::string_view name, std::string_view type, bool consistent) {
  if (name.starts_with("__internal")) return FunctionKind::kVolatile;
  if (type == "scalar")
    return consistent && !holds(kNotOfTheRow, name) ? FunctionKind::kRow : FunctionKind::kVolatile;
  if (type == "aggregate") return FunctionKind::kAggregate;
  if (type == "macro")
    return holds(kRowMacros, name) ? FunctionKind::kRow : FunctionKind::kVolatile;
  return FunctionKind::kTable;
}

std::string_view text_at(duckdb_data_chunk chunk, idx_t column, idx_t row) {
  auto* strings = static_cast<duckdb_string_t*>(
      duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, column)));
  return {duckdb_string_t_data(&strings[row]), duckdb_string_t_length(strings[row])};
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

Result<FunctionCatalog> FunctionCatalog::read(duckdb_connection connection) {
  // The last of a name wins below: table functions first, so that range(), which is both, counts as
  // what it is inside an expression. A name is consistent when each of its overloads is.
  constexpr const char* kQuery =
      "FROM (SELECT lower(function_name) AS name, function_type AS type, "
      "coalesce(bool_and(stability = 'CONSISTENT'), false) AS consistent "
      "FROM duckdb_functions() WHERE type IN ('scalar', 'aggregate', 'macro', 'table', "
      "'table_macro') GROUP BY ALL) ORDER BY array_position(['table', 'table_macro', 'macro', "
      "'scalar', 'aggregate'], type)";
  QueryResult result;
  if (duckdb_query(connection, kQuery, result.out()) == DuckDBError)
    return Error(Code::kInternal, 9609, plain_message(result.error()));
  FunctionCatalog catalog;
  for (;;) {
    DataChunk chunk(duckdb_fetch_chunk(result.get()));
    if (chunk.get() == nullptr) break;
    auto* consistent =
        static_cast<bool*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 2)));
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk.get()); ++row) {
      std::string_view name = text_at(chunk.get(), 0, row);
      catalog.kinds_[std::string(name)] =
          kind_of(name, text_at(chunk.get(), 1, row), consistent[row]);
    }
  }
  return catalog;
}

FunctionKind FunctionCatalog::find(std::string_view name, std::size_t argument_count) const {
  std::string lower = lower_case(name);
  // age(time) counts from today; age(later, earlier) does not.
  if (lower == "age" && argument_count != 2) return FunctionKind::kVolatile;
  auto found = kinds_.find(lower);
  return found == kinds_.end() ? FunctionKind::kUnknown : found->second;
}

std::string_view FunctionCatalog::nearest(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const auto& [known, kind] : kinds_) {
    if (kind == FunctionKind::kRow) names.push_back(known);
  }
  return nearest_word(lower_case(name), names.data(), names.size());
}

}  // namespace freshet::sql

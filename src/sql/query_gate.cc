#include "sql/query_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sql/function_catalog.h"
#include "sql/scan_conditions.h"
#include "sql/syntax_tree.h"

namespace freshet::sql {
namespace {

// Beyond these, no table function is let through: most read files, settings or SQL of their own.
constexpr std::string_view kTableFunctions[] = {"duckdb_functions",
                                                "duckdb_keywords",
                                                "duckdb_types",
                                                "generate_series",
                                                "generate_subscripts",
                                                "json_each",
                                                "json_tree",
                                                "pg_timezone_names",
                                                "range",
                                                "regexp_split_to_table",
                                                "repeat",
                                                "repeat_row",
                                                "unnest"};

// Defence in depth: they read settings, plan SQL texts, keep a state, or waste time.
constexpr std::string_view kDeniedFunctions[] = {"currval",
                                                 "current_query",
                                                 "current_setting",
                                                 "getenv",
                                                 "getvariable",
                                                 "json_execute_serialized_sql",
                                                 "json_serialize_plan",
                                                 "nextval",
                                                 "pg_sleep",
                                                 "setseed",
                                                 "sleep_ms",
                                                 "stats",
                                                 "vector_type",
                                                 "write_log"};

// They make a value as long as their second argument says, outside DuckDB's own memory limit.
constexpr std::string_view kLengthFunctions[] = {"array_resize", "list_resize", "lpad", "repeat",
                                                 "rpad"};
constexpr std::size_t kLengthDigitsMax = 5;

template <std::size_t n>
bool holds(const std::string_view (&names)[n], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

class Judge {
 public:
  explicit Judge(std::string_view sql) : sql_(sql) {}

  Result<JudgedQuery> run(const SyntaxNode& node) {
    collect_own_names(node);
    FRESHET_TRY_STATUS(check(node));
    JudgedQuery query;
    query.sql = sql_;
    query.tables.assign(tables_.begin(), tables_.end());
    query.lists_tables = lists_tables_;
    return query;
  }

 private:
  Error refuse(const SyntaxNode& at, std::string message) const {
    if (std::optional<std::size_t> offset = at.location())
      message = fmt::format("{}: {}", place_in(sql_, *offset), message);
    return Error(Code::kDenied, 5002, std::move(message));
  }

  // Names that WITH gives: they are no tables. Were such a name used outside its WITH, the table
  // behind it is not among the views of this query, so nothing is reached by it.
  void collect_own_names(const SyntaxNode& node) {
    if (const SyntaxNode* with = node.find("cte_map")) {
      if (const SyntaxNode* map = with->find("map")) {
        for (const SyntaxNode& entry : map->items)
          own_names_.insert(lower_case(entry.text_of("key")));
      }
    }
    for (const auto& [name, member] : node.members) collect_own_names(member);
    for (const SyntaxNode& item : node.items) collect_own_names(item);
  }

  Status check(const SyntaxNode& node) {
    std::string_view type = node.text_of("type");
    if (type == "BASE_TABLE") FRESHET_TRY_STATUS(check_table(node));
    if (type == "SHOW_REF") FRESHET_TRY_STATUS(check_show(node));
    if (type == "TABLE_FUNCTION") FRESHET_TRY_STATUS(check_table_function(node));
    if (node.text_of("class") == "FUNCTION" || node.text_of("class") == "WINDOW") {
      std::string name = lower_case(node.text_of("function_name"));
      if (holds(kDeniedFunctions, name))
        return refuse(node, fmt::format("{}() is not allowed in a query", name));
      if (holds(kLengthFunctions, name) && !has_small_length(node)) {
        return refuse(node, fmt::format("the length that {}() takes must be a plain number of at "
                                        "most {} digits",
                                        name, kLengthDigitsMax));
      }
    }
    for (const auto& [name, member] : node.members) FRESHET_TRY_STATUS(check(member));
    for (const SyntaxNode& item : node.items) FRESHET_TRY_STATUS(check(item));
    return ok();
  }

  static bool has_small_length(const SyntaxNode& function) {
    const SyntaxNode* arguments = function.find("children");
    if (arguments == nullptr || arguments->items.size() < 2) return true;  // DuckDB refuses it
    const SyntaxNode* constant = arguments->items[1].find("value");
    const SyntaxNode* number = constant == nullptr ? nullptr : constant->find("value");
    return number != nullptr && number->kind == SyntaxNode::Kind::kNumber &&
           number->text.size() <= kLengthDigitsMax;
  }

  Status check_table(const SyntaxNode& node) {
    std::string schema = lower_case(node.text_of("schema_name"));
    std::string name(node.text_of("table_name"));
    if (schema == "information_schema" && node.is_empty("catalog_name")) {
      lists_tables_ = true;
      return ok();
    }
    if (!schema.empty() || !node.is_empty("catalog_name")) {
      return refuse(node, fmt::format("write the table's name alone, without a schema: {}",
                                      quoted_name(name)));
    }
    if (!own_names_.contains(lower_case(name))) tables_.insert(name);
    return ok();
  }

  Status check_show(const SyntaxNode& node) {
    const SyntaxNode* query = node.find("query");
    if (query != nullptr && !query->is_null()) return ok();  // its tables are judged below it
    std::string_view what = node.text_of("table_name");
    if (what == "\"tables\"" || what == "__show_tables_expanded") {
      lists_tables_ = true;
      return ok();
    }
    return refuse(node, "of SHOW, only SHOW TABLES and SHOW a table are allowed");
  }

  Status check_table_function(const SyntaxNode& node) {
    const SyntaxNode* function = node.find("function");
    std::string name = function == nullptr ? "" : lower_case(function->text_of("function_name"));
    if (holds(kTableFunctions, name)) return ok();
    return refuse(node, fmt::format("{}() is not allowed in a query: FROM takes tables, range(), "
                                    "generate_series(), unnest() and json_each()",
                                    name));
  }

  std::string_view sql_;
  std::set<std::string> own_names_;
  std::set<std::string> tables_;
  bool lists_tables_ = false;
};

// Position behind blanks and comments.
std::size_t skip_blanks(std::string_view sql, std::size_t at) {
  while (at < sql.size()) {
    if (std::string_view(" \t\r\n\f\v").find(sql[at]) != std::string_view::npos) {
      ++at;
    } else if (sql.substr(at, 2) == "--") {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (sql.substr(at, 2) == "/*") {
      std::size_t end = sql.find("*/", at + 2);
      at = end == std::string_view::npos ? sql.size() : end + 2;
    } else {
      return at;
    }
  }
  return at;
}

// Blanks a leading keyword out, so that places in the text stay true.
bool blank_keyword(std::string& sql, std::string_view keyword) {
  std::size_t at = skip_blanks(sql, 0);
  if (lower_case(std::string_view(sql).substr(at, keyword.size())) != keyword) return false;
  std::size_t end = at + keyword.size();
  if (end < sql.size() && (std::isalnum(static_cast<unsigned char>(sql[end])) || sql[end] == '_'))
    return false;
  std::fill(sql.begin() + static_cast<std::ptrdiff_t>(at),
            sql.begin() + static_cast<std::ptrdiff_t>(end), ' ');
  return true;
}

}  // namespace

Result<JudgedQuery> judge_query(duckdb_connection connection, std::string_view sql) {
  std::string query(sql);
  bool is_explain = blank_keyword(query, "explain");
  if (is_explain) blank_keyword(query, "analyze");
  FRESHET_TRY(SyntaxNode node, parse_query(connection, query, 5001));
  FRESHET_TRY(JudgedQuery judged, Judge(query).run(node));
  judged.sql = sql;
  judged.is_explain = is_explain;
  judged.conditions = find_scan_conditions(connection, node);
  return judged;
}

}  // namespace freshet::sql

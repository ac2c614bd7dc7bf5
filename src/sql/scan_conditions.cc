#include "sql/scan_conditions.h"

#include <algorithm>
#include <map>

#include "sql/function_catalog.h"

namespace freshet::sql {
namespace {

// A table of a FROM, by the name that columns are qualified with.
struct NamedTable {
  std::string table;
  std::string alias;
};

bool is_constant(const SyntaxNode& node) {
  return node.text_of("class") == "CONSTANT" && node.find("value") != nullptr;
}

std::string_view constant_type(const SyntaxNode& node) {
  const SyntaxNode* value = node.find("value");
  const SyntaxNode* type = value == nullptr ? nullptr : value->find("type");
  return type == nullptr ? std::string_view() : type->text_of("id");
}

bool is_text_constant(const SyntaxNode& node) {
  return is_constant(node) && constant_type(node) == "VARCHAR" &&
         node.find("value")->find("value") != nullptr;
}

// now(), today(): the same in the whole query, and later than while the query is planned.
bool is_clock(const SyntaxNode& node) {
  if (node.text_of("class") != "FUNCTION" || !node.is_empty("children")) return false;
  std::string name = lower_case(node.text_of("function_name"));
  return name == "now" || name == "get_current_timestamp" || name == "today";
}

// Of constants alone: INTERVAL 90 MINUTE is to_minutes() of casts of 90.
bool is_interval(const SyntaxNode& node) {
  if (node.text_of("class") == "CAST")
    return node.find("child") != nullptr && is_interval(*node.find("child"));
  if (node.text_of("class") != "FUNCTION") return is_constant(node);
  std::string name = lower_case(node.text_of("function_name"));
  const SyntaxNode* arguments = node.find("children");
  return (name.starts_with("to_") || name == "trunc") && arguments != nullptr &&
         arguments->items.size() == 1 && is_interval(arguments->items[0]);
}

bool is_time_cast(const SyntaxNode& node) {
  const SyntaxNode* type = node.find("cast_type");
  const SyntaxNode* child = node.find("child");
  if (node.text_of("class") != "CAST" || type == nullptr || child == nullptr) return false;
  std::string_view id = type->text_of("id");
  return (id == "TIMESTAMP WITH TIME ZONE" || id == "TIMESTAMP" || id == "DATE") &&
         is_text_constant(*child);
}

// A moment that DuckDB can compute before the query: a cast text or the clock, moved by intervals.
bool is_moment(const SyntaxNode& node, bool& reads_clock) {
  if (is_time_cast(node)) return true;
  if (is_clock(node)) return reads_clock = true;
  std::string_view name = node.text_of("function_name");
  const SyntaxNode* arguments = node.find("children");
  return node.text_of("class") == "FUNCTION" && (name == "-" || name == "+") &&
         arguments != nullptr && arguments->items.size() == 2 &&
         is_moment(arguments->items[0], reads_clock) && is_interval(arguments->items[1]);
}

// "epoch_us of that moment" as a statement of its own, in DuckDB's own writing.
std::string moment_statement(duckdb_connection connection, const SyntaxNode& moment) {
  auto select = parse_query(connection, "SELECT epoch_us(CAST(0 AS TIMESTAMPTZ))", 9615);
  if (!select) return {};
  SyntaxNode* list = select->find("select_list");
  SyntaxNode* call = list == nullptr || list->items.empty() ? nullptr : &list->items[0];
  SyntaxNode* arguments = call == nullptr ? nullptr : call->find("children");
  if (arguments == nullptr || arguments->items.size() != 1) return {};
  SyntaxNode* cast = arguments->items[0].find("child");
  if (cast == nullptr) return {};
  *cast = moment;
  auto written = sql_of(connection, *select);
  return written ? *std::move(written) : std::string();
}

class Finder {
 public:
  explicit Finder(duckdb_connection connection) : connection_(connection) {}

  std::vector<ScanCondition> run(const SyntaxNode& statement) {
    count_tables(statement);
    visit(statement);
    return std::move(found_);
  }

 private:
  void count_tables(const SyntaxNode& node) {
    if (node.text_of("type") == "BASE_TABLE")
      ++times_named_[lower_case(node.text_of("table_name"))];
    // A name that WITH gives may hide the table: nothing is said of it.
    if (const SyntaxNode* with = node.find("cte_map")) {
      if (const SyntaxNode* map = with->find("map")) {
        for (const SyntaxNode& entry : map->items)
          times_named_[lower_case(entry.text_of("key"))] += 2;
      }
    }
    for (const auto& [name, member] : node.members) count_tables(member);
    for (const SyntaxNode& item : node.items) count_tables(item);
  }

  void visit(const SyntaxNode& node) {
    if (node.text_of("type") == "SELECT_NODE") visit_select(node);
    for (const auto& [name, member] : node.members) visit(member);
    for (const SyntaxNode& item : node.items) visit(item);
  }

  void visit_select(const SyntaxNode& select) {
    const SyntaxNode* from = select.find("from_table");
    const SyntaxNode* where = select.find("where_clause");
    if (from == nullptr || where == nullptr || where->is_null()) return;
    tables_.clear();
    is_alone_ = from->text_of("type") == "BASE_TABLE";
    if (add_tables(*from)) take_condition(*where);
  }

  // False where rows that the WHERE drops may change which others are seen.
  bool add_tables(const SyntaxNode& from) {
    if (!from.is_empty("sample")) return false;
    if (from.text_of("type") == "JOIN") {
      bool plain = from.text_of("join_type") == "INNER" &&
                   (from.text_of("ref_type") == "REGULAR" || from.text_of("ref_type") == "CROSS");
      const SyntaxNode* left = from.find("left");
      const SyntaxNode* right = from.find("right");
      return plain && left != nullptr && right != nullptr && add_tables(*left) &&
             add_tables(*right);
    }
    if (from.text_of("type") != "BASE_TABLE") return true;
    std::string table = lower_case(from.text_of("table_name"));
    std::string alias = from.is_empty("alias") ? table : lower_case(from.text_of("alias"));
    if (times_named_[table] == 1 && from.is_empty("column_name_alias"))
      tables_.push_back({table, alias});
    return true;
  }

  void take_condition(const SyntaxNode& node) {
    std::string_view type = node.text_of("type");
    if (type == "CONJUNCTION_AND") {
      if (const SyntaxNode* parts = node.find("children")) {
        for (const SyntaxNode& part : parts->items) take_condition(part);
      }
    } else if (type == "COMPARE_BETWEEN") {
      take_bound(node.find("input"), node.find("lower"), true, false);
      take_bound(node.find("input"), node.find("upper"), false, true);
    } else if (type == "COMPARE_IN") {
      take_list(node);
    } else if (node.text_of("class") == "COMPARISON") {
      take_comparison(type, node.find("left"), node.find("right"));
    }
  }

  void take_comparison(std::string_view type, const SyntaxNode* left, const SyntaxNode* right) {
    bool equal = type == "COMPARE_EQUAL";
    bool above = type == "COMPARE_GREATERTHAN" || type == "COMPARE_GREATERTHANOREQUALTO";
    bool below = type == "COMPARE_LESSTHAN" || type == "COMPARE_LESSTHANOREQUALTO";
    if (!equal && !above && !below) return;
    take_bound(left, right, equal || above, equal || below);
    take_bound(right, left, equal || below, equal || above);
  }

  void take_bound(const SyntaxNode* column, const SyntaxNode* value, bool lower, bool upper) {
    if (column == nullptr || value == nullptr) return;
    ScanCondition condition;
    if (!read_column(*column, condition) || !read_value(*value, condition)) return;
    condition.is_lower = lower;
    condition.is_upper = upper;
    found_.push_back(std::move(condition));
  }

  void take_list(const SyntaxNode& in) {
    const SyntaxNode* children = in.find("children");
    if (children == nullptr || children->items.size() < 2) return;
    ScanCondition condition;
    if (!read_column(children->items[0], condition)) return;
    for (std::size_t i = 1; i < children->items.size(); ++i) {
      if (!read_value(children->items[i], condition)) return;
    }
    condition.is_lower = condition.is_upper = true;
    found_.push_back(std::move(condition));
  }

  bool read_column(const SyntaxNode& node, ScanCondition& condition) const {
    const SyntaxNode* names = node.find("column_names");
    if (node.text_of("class") != "COLUMN_REF" || names == nullptr) return false;
    // Without a qualifier, a column of a join could be of either side.
    if (names->items.size() == 1 && is_alone_ && tables_.size() == 1) {
      condition.table = tables_[0].table;
      condition.column = lower_case(names->items[0].text);
      return true;
    }
    if (names->items.size() != 2) return false;
    std::string alias = lower_case(names->items[0].text);
    auto is_meant = [&](const NamedTable& table) { return table.alias == alias; };
    auto meant = std::find_if(tables_.begin(), tables_.end(), is_meant);
    if (meant == tables_.end()) return false;
    condition.table = meant->table;
    condition.column = lower_case(names->items[1].text);
    return true;
  }

  // Adds a value; false where it is not known before the query.
  bool read_value(const SyntaxNode& node, ScanCondition& condition) const {
    using Kind = ScanValue::Kind;
    if (node.text_of("class") == "PARAMETER") {
      condition.values.push_back(
          {Kind::kParameter, std::string(node.text_of("identifier")), false});
      return true;
    }
    bool reads_clock = false;
    if (is_moment(node, reads_clock)) {
      std::string statement = moment_statement(connection_, node);
      condition.values.push_back({Kind::kMoment, statement, reads_clock});
      return !statement.empty();
    }
    if (!is_constant(node)) return false;
    const SyntaxNode* value = node.find("value")->find("value");
    if (value == nullptr) return false;  // NULL
    bool is_text = value->kind == SyntaxNode::Kind::kText && constant_type(node) == "VARCHAR";
    bool is_integer = value->kind == SyntaxNode::Kind::kNumber &&
                      (constant_type(node) == "INTEGER" || constant_type(node) == "BIGINT");
    if (!is_text && !is_integer) return false;
    condition.values.push_back({is_text ? Kind::kText : Kind::kInteger, value->text, false});
    return true;
  }

  duckdb_connection connection_;
  std::map<std::string, int> times_named_;
  std::vector<NamedTable> tables_;  // of the SELECT at hand
  bool is_alone_ = false;           // its FROM is one table
  std::vector<ScanCondition> found_;
};

}  // namespace

std::vector<ScanCondition> find_scan_conditions(duckdb_connection connection,
                                                const SyntaxNode& statement) {
  return Finder(connection).run(statement);
}

}  // namespace freshet::sql

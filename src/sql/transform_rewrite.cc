#include "sql/transform_rewrite.h"

#include <fmt/format.h>

#include "common/units.h"

namespace freshet::sql {
namespace {

bool same_name(std::string_view left, std::string_view right) {
  return lower_case(left) == lower_case(right);
}

std::optional<std::size_t> find_column(const Schema& schema, std::string_view name) {
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    if (same_name(schema.columns[i].name, name)) return i;
  }
  return std::nullopt;
}

std::string joined(const std::vector<std::string>& parts, std::size_t from, std::size_t to) {
  std::string name;
  for (std::size_t i = from; i < to; ++i) {
    if (i > from) name += '.';
    name += parts[i];
  }
  return name;
}

SyntaxNode column_node(std::string_view column, std::string_view alias) {
  SyntaxNode names;
  names.kind = SyntaxNode::Kind::kList;
  names.items.push_back(SyntaxNode::of_text(column));
  SyntaxNode node;
  node.kind = SyntaxNode::Kind::kObject;
  node.members = {{"class", SyntaxNode::of_text("COLUMN_REF")},
                  {"type", SyntaxNode::of_text("COLUMN_REF")},
                  {"alias", SyntaxNode::of_text(alias)},
                  {"column_names", std::move(names)}};
  return node;
}

class Rewriter {
 public:
  Rewriter(std::string_view sql, const Schema& input, const FunctionCatalog& functions)
      : sql_(sql), input_(input), functions_(functions) {
    out_.used_columns.assign(input.columns.size(), false);
  }

  Result<RewrittenSelect> run(SyntaxNode select) {
    FRESHET_TRY_STATUS(check_clauses(select));
    FRESHET_TRY_STATUS(check_from(select));
    SyntaxNode* list = select.find("select_list");
    FRESHET_CHECK(list != nullptr);
    FRESHET_TRY_STATUS(expand_stars(*list));
    for (SyntaxNode& item : list->items) FRESHET_TRY_STATUS(name_item(item));
    std::vector<SyntaxNode> expressions;
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      FRESHET_TRY_STATUS(rewrite_expression(list->items[i]));
      if (!out_.output[i].input_column) expressions.push_back(std::move(list->items[i]));
    }
    expressions.push_back(column_node(kRowNumberColumn, kRowNumberColumn));
    list->items = std::move(expressions);
    if (SyntaxNode* where = select.find("where_clause"); where != nullptr && !where->is_null()) {
      out_.filters = true;
      FRESHET_TRY_STATUS(rewrite_expression(*where));
    }
    out_.node = std::move(select);
    return std::move(out_);
  }

 private:
  Error refuse(int number, const SyntaxNode* at, std::string message) const {
    if (at != nullptr) {
      if (std::optional<std::size_t> offset = at->location())
        message = fmt::format("{}: {}", place_in(sql_, *offset), message);
    }
    return Error(Code::kInvalid, number, std::move(message));
  }

  Status check_clauses(const SyntaxNode& select) const {
    std::string_view type = select.text_of("type");
    if (type == "SET_OPERATION_NODE")
      return refuse(1202, nullptr, "UNION, INTERSECT and EXCEPT are not possible in a pipeline");
    if (type != "SELECT_NODE")
      return refuse(1202, nullptr, "write one SELECT … FROM batch [WHERE …]");
    if (const SyntaxNode* with = select.find("cte_map"); with != nullptr && !with->is_empty("map"))
      return refuse(1202, nullptr, "WITH is not possible in a pipeline: write one SELECT");
    if (const SyntaxNode* modifiers = select.find("modifiers");
        modifiers != nullptr && !modifiers->items.empty()) {
      return refuse(1202, nullptr,
                    "DISTINCT, ORDER BY and LIMIT look at more than one row: leave them to queries "
                    "of the table");
    }
    if (!select.is_empty("group_expressions") || !select.is_empty("group_sets") ||
        select.text_of("aggregate_handling") != "STANDARD_HANDLING" || !is_null(select, "having"))
      return refuse(1202, nullptr,
                    "GROUP BY and HAVING look at more than one row: leave them to queries of the "
                    "table");
    if (!is_null(select, "qualify"))
      return refuse(1202, nullptr, "QUALIFY looks at more than one row: remove it");
    if (!is_null(select, "sample"))
      return refuse(1202, nullptr, "USING SAMPLE is a matter of chance: remove it");
    return ok();
  }

  static bool is_null(const SyntaxNode& node, std::string_view member) {
    const SyntaxNode* found = node.find(member);
    return found == nullptr || found->is_null();
  }

  Status check_from(const SyntaxNode& select) {
    const SyntaxNode* from = select.find("from_table");
    if (from == nullptr || from->text_of("type") == "EMPTY")
      return refuse(1202, nullptr, "the SELECT has no FROM: write FROM batch");
    std::string_view type = from->text_of("type");
    if (type == "JOIN") {
      return refuse(1202, from,
                    "a join is declared with join = […] of the pipeline, not in its SQL");
    }
    if (type == "TABLE_FUNCTION")
      return refuse(1202, from, "table functions are not possible in a pipeline: write FROM batch");
    if (type != "BASE_TABLE")
      return refuse(1202, from, "subqueries are not possible in a pipeline: write FROM batch");
    if (!same_name(from->text_of("table_name"), "batch") || !from->is_empty("schema_name") ||
        !from->is_empty("catalog_name")) {
      return refuse(1202, from,
                    fmt::format("a pipeline reads FROM batch, not from {}",
                                quoted_name(from->text_of("table_name"))));
    }
    if (!is_null(*from, "sample") || !is_null(*from, "at_clause"))
      return refuse(1202, from, "TABLESAMPLE and AT are not possible in a pipeline: remove them");
    if (!from->is_empty("column_name_alias"))
      return refuse(1202, from, "batch(…) with other column names is not possible: use AS");
    table_ =
        from->text_of("alias").empty() ? std::string("batch") : std::string(from->text_of("alias"));
    return ok();
  }

  // `*` is every column of the event, `cam.*` every column that the join called cam brings.
  Status expand_stars(SyntaxNode& list) const {
    std::vector<SyntaxNode> items;
    for (SyntaxNode& item : list.items) {
      if (item.text_of("class") != "STAR") {
        items.push_back(std::move(item));
        continue;
      }
      if (!item.is_empty("exclude_list") || !item.is_empty("qualified_exclude_list") ||
          !item.is_empty("replace_list") || !item.is_empty("rename_list") ||
          !item.is_empty("columns") || !is_null(item, "expr")) {
        return refuse(1202, &item,
                      "EXCLUDE, REPLACE, RENAME and COLUMNS() are not possible in a pipeline: name "
                      "the columns");
      }
      std::string prefix;
      if (std::string_view of = item.text_of("relation_name");
          !of.empty() && !same_name(of, table_))
        prefix = lower_case(of) + '.';
      std::size_t before = items.size();
      for (const ColumnSchema& column : input_.columns) {
        bool joined_column = column.name.find('.') != std::string::npos;
        if (prefix.empty() ? joined_column : !lower_case(column.name).starts_with(prefix)) continue;
        SyntaxNode expanded = column_node(column.name, column.name.substr(prefix.size()));
        if (const SyntaxNode* place = item.find("query_location"))
          expanded.members.emplace_back("query_location", *place);
        items.push_back(std::move(expanded));
      }
      if (items.size() == before)
        return refuse(1204, &item, fmt::format("no column begins with {}", prefix));
    }
    list.items = std::move(items);
    return ok();
  }

  // Gives each item its name in the result, and finds those that are a column as it is.
  Status name_item(SyntaxNode& item) {
    std::string name(item.text_of("alias"));
    const SyntaxNode* parts = item.find("column_names");
    bool is_column = item.text_of("class") == "COLUMN_REF" && parts != nullptr;
    bool has_alias = !name.empty();
    if (!has_alias) {
      if (!is_column) {
        return refuse(1206, &item,
                      "this column of the result has no name: write … AS name behind it");
      }
      name = parts->items.back().text;
      SyntaxNode* alias = item.find("alias");
      FRESHET_CHECK(alias != nullptr);
      *alias = SyntaxNode::of_text(name);
    }
    for (const OutputColumn& other : out_.output) {
      if (same_name(other.name, name)) {
        return refuse(1206, &item,
                      fmt::format("two columns of the result are called {}: give one another name "
                                  "with AS",
                                  quoted_name(name)));
      }
    }
    std::optional<std::size_t> column;
    if (is_column) {
      ColumnPath path = resolve(parts_of(*parts));
      if (path.column && path.fields.empty()) column = path.column;
      if (!path.column && !has_alias) return refuse(1204, &item, unknown_column(name_of(*parts)));
    }
    out_.output.push_back({name, column});
    return ok();
  }

  Status rewrite_expression(SyntaxNode& node) {
    if (node.kind == SyntaxNode::Kind::kObject && node.find("class") != nullptr)
      FRESHET_TRY_STATUS(check_class(node));
    if (node.text_of("class") == "COLUMN_REF") return rewrite_column(node);
    if (node.text_of("class") == "CONSTANT") {
      keep_double(node);
      return ok();
    }
    for (auto& [name, member] : node.members) FRESHET_TRY_STATUS(rewrite_expression(member));
    for (SyntaxNode& item : node.items) FRESHET_TRY_STATUS(rewrite_expression(item));
    return ok();
  }

  // 1e0 is a DOUBLE, but is written back as 1.0, which would be a DECIMAL: say the type.
  static void keep_double(SyntaxNode& node) {
    const SyntaxNode* value = node.find("value");
    const SyntaxNode* type = value == nullptr ? nullptr : value->find("type");
    if (type == nullptr || type->text_of("id") != "DOUBLE") return;
    SyntaxNode cast;
    cast.kind = SyntaxNode::Kind::kObject;
    SyntaxNode not_tried;
    not_tried.kind = SyntaxNode::Kind::kBool;
    cast.members = {{"class", SyntaxNode::of_text("CAST")},
                    {"type", SyntaxNode::of_text("OPERATOR_CAST")},
                    {"alias", SyntaxNode::of_text(node.text_of("alias"))},
                    {"cast_type", *type},
                    {"try_cast", not_tried}};
    *node.find("alias") = SyntaxNode::of_text("");
    cast.members.emplace_back("child", std::move(node));
    node = std::move(cast);
  }

  Status check_class(const SyntaxNode& node) const {
    std::string_view of = node.text_of("class");
    if (of == "FUNCTION") return check_function(node);
    if (of == "OPERATOR") {
      std::string_view type = node.text_of("type");
      if (type == "OPERATOR_UNPACK" || type == "GROUPING_FUNCTION")
        return refuse(1202, &node, "this operator is not possible in a pipeline");
      return ok();
    }
    for (std::string_view allowed : {"COLUMN_REF", "CONSTANT", "CAST", "CASE", "COMPARISON",
                                     "CONJUNCTION", "BETWEEN", "COLLATE"}) {
      if (of == allowed) return ok();
    }
    if (of == "SUBQUERY") {
      return refuse(1202, &node,
                    "subqueries are not possible in a pipeline: declare a join instead");
    }
    if (of == "WINDOW")
      return refuse(1202, &node,
                    "window functions look at more than one row: leave them to queries");
    if (of == "PARAMETER")
      return refuse(1202, &node, "parameters are not possible in a pipeline: write the value");
    if (of == "LAMBDA")
      return refuse(1202, &node, "lambda functions are not possible in a pipeline");
    if (of == "STAR")
      return refuse(1202, &node, "* stands alone in the SELECT list: name the columns");
    return refuse(1202, &node,
                  fmt::format("this is not possible in a pipeline ({})", lower_case(of)));
  }

  Status check_function(const SyntaxNode& node) const {
    std::string name(node.text_of("function_name"));
    const SyntaxNode* children = node.find("children");
    std::size_t count = children == nullptr ? 0 : children->items.size();
    switch (functions_.find(name, count)) {
      case FunctionKind::kRow:
        break;
      case FunctionKind::kAggregate:
        return refuse(
            1203, &node,
            fmt::format("{}() is an aggregate and looks at more than one row: leave it to "
                        "queries of the table",
                        name));
      case FunctionKind::kTable:
        return refuse(1203, &node,
                      fmt::format("{}() gives rows: it is not possible in a pipeline", name));
      case FunctionKind::kVolatile:
        return refuse(1203, &node,
                      fmt::format("{}() does not depend on the row alone, so a replay would give "
                                  "other rows: use the event's own columns",
                                  name));
      case FunctionKind::kUnknown: {
        std::string_view nearest = functions_.nearest(name);
        return refuse(1203, &node,
                      nearest.empty() ? fmt::format("there is no function {}()", name)
                                      : fmt::format("there is no function {}(), did you mean {}()?",
                                                    name, nearest));
      }
    }
    if (!node.is_empty("distinct") || !is_null(node, "filter"))
      return refuse(1203, &node, "DISTINCT and FILTER belong to aggregates: remove them");
    return ok();
  }

  // A column of the input and the fields of it that a reference goes on to.
  struct ColumnPath {
    std::optional<std::size_t> column;
    std::vector<std::string> fields;
  };

  static std::vector<std::string> parts_of(const SyntaxNode& names) {
    std::vector<std::string> parts;
    for (const SyntaxNode& item : names.items) parts.push_back(item.text);
    return parts;
  }

  static std::string name_of(const SyntaxNode& names) {
    std::vector<std::string> parts = parts_of(names);
    return joined(parts, 0, parts.size());
  }

  ColumnPath resolve(const std::vector<std::string>& parts) const {
    ColumnPath path = longest_match(parts, 0);
    if (!path.column && parts.size() > 1 && same_name(parts[0], table_))
      path = longest_match(parts, 1);
    return path;
  }

  // The column named by most of the parts from `first` on.
  ColumnPath longest_match(const std::vector<std::string>& parts, std::size_t first) const {
    for (std::size_t end = parts.size(); end > first; --end) {
      if (auto column = find_column(input_, joined(parts, first, end)))
        return {column, {parts.begin() + static_cast<std::ptrdiff_t>(end), parts.end()}};
    }
    return {};
  }

  // A name that is no column but stands behind an AS. One that passes unchanged is not in the
  // SELECT that DuckDB sees, so its column takes the place of the name.
  const OutputColumn* find_alias(const std::string& name) const {
    for (const OutputColumn& column : out_.output) {
      if (same_name(column.name, name)) return &column;
    }
    return nullptr;
  }

  Status rewrite_column(SyntaxNode& node) {
    SyntaxNode* names = node.find("column_names");
    FRESHET_CHECK(names != nullptr);
    std::vector<std::string> parts = parts_of(*names);
    ColumnPath path = resolve(parts);
    if (!path.column) {
      const OutputColumn* alias = find_alias(parts[0]);
      if (alias == nullptr) return refuse(1204, &node, unknown_column(name_of(*names)));
      if (!alias->input_column) return ok();
      path = {alias->input_column, {parts.begin() + 1, parts.end()}};
    }
    const ColumnSchema& column = input_.columns[*path.column];
    if (!path.fields.empty() && column.type != ColumnType::kBox) {
      return refuse(1204, &node,
                    fmt::format("{} is {} and has no field {}", column.name,
                                sql_type_name(column.type), quoted_name(path.fields[0])));
    }
    out_.used_columns[*path.column] = true;
    names->items.clear();
    names->items.push_back(SyntaxNode::of_text(column.name));
    for (const std::string& field : path.fields) names->items.push_back(SyntaxNode::of_text(field));
    return ok();
  }

  std::string unknown_column(const std::string& name) const {
    std::vector<std::string_view> names;
    for (const ColumnSchema& column : input_.columns) names.push_back(column.name);
    std::string_view nearest = nearest_word(lower_case(name), names.data(), names.size());
    std::string message = fmt::format("there is no column {} in batch", quoted_name(name));
    if (!nearest.empty()) message += fmt::format(", did you mean {}?", nearest);
    return message;
  }

  std::string_view sql_;
  const Schema& input_;
  const FunctionCatalog& functions_;
  std::string table_;
  RewrittenSelect out_;
};

}  // namespace

Result<RewrittenSelect> rewrite_select(SyntaxNode select, std::string_view sql, const Schema& input,
                                       const FunctionCatalog& functions) {
  return Rewriter(sql, input, functions).run(std::move(select));
}

}  // namespace freshet::sql

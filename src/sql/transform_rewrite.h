// Judges the user's SELECT over `batch` on its parsed tree, and makes it one that DuckDB can bind:
// stars written out, cam.heading_deg turned into the input's one column of that name, and the row's
// number added at the end.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "event/schema.h"
#include "sql/function_catalog.h"
#include "sql/syntax_tree.h"

namespace freshet::sql {

// The input column behind the user's, which carries the number of the row. No SQL of a user can
// reach it: it is in no schema.
inline constexpr std::string_view kRowNumberColumn = "freshet$row";

// A column of the result: one of the input as it is, or else an expression for DuckDB.
struct OutputColumn {
  std::string name;
  std::optional<std::size_t> input_column;
};

struct RewrittenSelect {
  // The SELECT of the expressions alone, in order, and of the row's number. Columns that pass
  // unchanged never go through DuckDB: that is two thirds of the cost of a typical pipeline.
  SyntaxNode node;
  bool filters = false;  // has a WHERE
  std::vector<OutputColumn> output;
  std::vector<bool> used_columns;  // of the input
};

// kInvalid: 1202 what a row's function cannot hold, 1203 functions, 1204 columns, 1206 names.
Result<RewrittenSelect> rewrite_select(SyntaxNode select, std::string_view sql, const Schema& input,
                                       const FunctionCatalog& functions);

}  // namespace freshet::sql

// What a judged statement says plainly of the columns of the tables that it names, so that an
// archive opens only the files that matter.
//
// Taken are the parts of a WHERE, joined by AND, that compare a column with a value known before
// the query runs. DuckDB hands no filters to table functions through its C interface, and its plan
// names them in words only; the tree that the gate has at hand is the same for every reader. What
// is not understood is left to DuckDB, which skips row groups by their statistics: that costs
// opened files, never rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sql/archive_table.h"
#include "sql/duckdb_handles.h"
#include "sql/query_database.h"
#include "sql/syntax_tree.h"

namespace freshet::sql {

// Of each table that the statement names once, in a FROM of its own or one of inner joins.
std::vector<ScanCondition> find_scan_conditions(duckdb_connection connection,
                                                const SyntaxNode& statement);

// What holds for one table: its conditions with their values, in the table's own types.
ScanConstraints constraints_of(duckdb_connection connection,
                               const std::vector<ScanCondition>& conditions, std::string_view table,
                               const std::vector<ParquetColumn>& columns,
                               const Parameters& parameters);

}  // namespace freshet::sql

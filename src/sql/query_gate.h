// Judges a stranger's statement on its parsed tree: what kind it is, which tables it names, and
// that it calls nothing that reaches beyond them.
#pragma once

#include <string_view>

#include "sql/duckdb_handles.h"
#include "sql/query_database.h"

namespace freshet::sql {

Result<JudgedQuery> judge_query(duckdb_connection connection, std::string_view sql);

}  // namespace freshet::sql

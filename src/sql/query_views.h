// The tables of a query as views of its connection alone: files, memory, or both as one.
#pragma once

#include "common/result.h"
#include "sql/archive_files.h"
#include "sql/duckdb_handles.h"
#include "sql/relation.h"

namespace freshet::sql {

// A table of both has the relation's columns first; columns that only one side has are NULL in the
// other. Where a file is not right, `bad_path` is its path.
Status create_query_views(duckdb_connection connection, const Relations& relations,
                          const PlannedTables& planned, std::string& bad_path);

}  // namespace freshet::sql

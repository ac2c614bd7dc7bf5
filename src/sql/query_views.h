// The tables of a query as views of its connection alone: files, memory, or both as one.
#pragma once

#include "common/result.h"
#include "sql/archive_files.h"
#include "sql/duckdb_handles.h"
#include "sql/relation.h"

namespace freshet::sql {

// A table of both has the relation's columns first; columns that only one side has are NULL in the
// other.
Status create_query_views(duckdb_connection connection, const Relations& relations,
                          const PlannedTables& planned);

}  // namespace freshet::sql

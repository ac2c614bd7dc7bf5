// Columns of a table in its three shapes: as events have them, as Iceberg numbers them, as Parquet
// files hold them.
#pragma once

#include <vector>

#include "archive/iceberg/schema.h"
#include "common/result.h"
#include "event/schema.h"
#include "sql/parquet_column.h"

namespace freshet::archive {

// `wanted`, and behind it the columns that the archived table has and `wanted` lacks: they stay in
// the table, NULL from now on. Columns of types that only other engines write are left out.
Schema with_archived_columns(const Schema& wanted, const iceberg::TableSchema& archived);

// Of a schema whose columns the table has, in its order. kInternal FRS-3839 where it has not.
Result<std::vector<sql::ParquetColumn>> parquet_columns(const Schema& columns,
                                                        const iceberg::TableSchema& archived);

}  // namespace freshet::archive

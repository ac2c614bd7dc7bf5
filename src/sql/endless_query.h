// The statement of a Transform as one query that never ends, for small batches: to begin and end a
// query costs DuckDB several times what a small batch does.
//
// A scan that has nothing to give cannot wait, and one that gives no row has ended. So behind the
// rows of each chunk stands a marker, a row that passes the WHERE and reaches no expression of the
// user's. DuckDB works on one chunk ahead: behind the batch's chunk comes one with a marker alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "common/result.h"
#include "event/column_batch.h"
#include "event/schema.h"
#include "sql/batch_scan.h"
#include "sql/duckdb_handles.h"
#include "sql/syntax_tree.h"

namespace freshet::sql {

// One thread. Nothing is relied on that is not looked at: an answer is the batch's, or an error.
class EndlessQuery {
 public:
  // Larger batches cost less as a statement of their own; rows and marker are one chunk.
  static constexpr std::size_t kMostRows = 1'000;

  // What DuckDB must be told for the connection of such a query, before settings are locked. By
  // default it collects chunks of up to 64 rows behind a filter until they fill one.
  static Status set_up(duckdb_connection connection);

  // `select` is rewritten (see RewrittenSelect) and runs as it stands, with expressions
  // of `types`.
  static Result<std::unique_ptr<EndlessQuery>> create(Connection connection, const Schema& input,
                                                      SyntaxNode select,
                                                      std::span<const ColumnType> types);

  // The answer's one chunk. kInvalid is DuckDB's own error, after which the next run begins another
  // query; kInternal says that DuckDB does not work as we think.
  Result<DataChunk> run(const ColumnBatch& batch);

 private:
  EndlessQuery() = default;
  Result<DataChunk> fetch(const ColumnBatch& batch);
  std::span<const std::uint32_t> row_numbers(const DataChunk& chunk) const;

  BatchFeed feed_;
  Connection connection_;
  PreparedStatement statement_;
  idx_t row_number_column_ = 0;
  std::unique_ptr<QueryResult> result_;  // of the query that is going on
  std::size_t runs_ = 0;                 // of that query
};

}  // namespace freshet::sql

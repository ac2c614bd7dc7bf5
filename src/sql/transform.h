// The user's SQL of a pipeline, run by DuckDB as a prepared statement over each batch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "event/column_batch.h"
#include "event/schema.h"

namespace freshet::sql {

// What a run gave: rows, and for each the number of the input row it came from. Texts in `rows` are
// the input's own, or live until the next run() of the same Transform.
struct TransformOutput {
  ColumnBatch* rows = nullptr;  // the caller may take its columns
  const std::vector<std::uint32_t>* source_rows = nullptr;
};

// One shard thread.
class Transform {
 public:
  // `input` is the shape of `batch`; a column named "cam.heading_deg" is reached as
  // cam.heading_deg. The statement must be one SELECT … FROM batch [WHERE …] whose answer for a row
  // is a function of that row alone: aggregates, windows, DISTINCT, ORDER BY, LIMIT, joins,
  // subqueries, and functions that DuckDB does not call CONSISTENT (now(), random(), uuid(),
  // settings) are refused, because replay must give the same bytes. kInvalid, FRS-1201 and on, with
  // the place in the text.
  static Result<std::unique_ptr<Transform>> create(const Schema& input, std::string_view sql);
  ~Transform();
  const Schema& output_schema() const;
  // Input columns that the statement reads: others need not be filled, but the first one, which
  // gives the number of rows.
  const std::vector<bool>& used_columns() const;
  // Runs over all rows; output rows keep the input's order. An error (a failing cast, a division)
  // names what DuckDB said; run the rows one by one to find which.
  Result<TransformOutput> run(const ColumnBatch& batch);

 private:
  struct State;
  explicit Transform(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::sql

// What turns joined rows into the rows of the table: the user's SQL, or nothing at all.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/result.h"
#include "event/column_batch.h"
#include "event/schema.h"

namespace freshet::pipeline {

struct TransformedRows {
  ColumnBatch* rows = nullptr;  // the caller may take its columns
  const std::vector<std::uint32_t>* source_rows =
      nullptr;  // input row of each output row, ascending
};

// Owned by a shard thread. A row's answer depends on that row alone, so batches may be cut
// anywhere.
class RowTransform {
 public:
  virtual ~RowTransform() = default;
  virtual const Schema& output_schema() const = 0;
  // Input columns that must be filled, beside the first, which gives the number of rows.
  virtual const std::vector<bool>& used_columns() const = 0;
  // Texts of the answer live until the next run. An error says nothing about which row failed.
  virtual Result<TransformedRows> run(const ColumnBatch& batch) = 0;
};

// The user's SQL (sql/transform.h).
Result<std::unique_ptr<RowTransform>> make_sql_transform(const Schema& input, std::string_view sql);

// Without SQL: the named input columns, renamed, every row. `columns` holds (input name, output
// name).
std::unique_ptr<RowTransform> make_column_transform(
    const Schema& input, const std::vector<std::pair<std::string, std::string>>& columns);

}  // namespace freshet::pipeline

// EXPLAIN's answer: what of each table is read and why the rest is not, then DuckDB's own plan.
//
// Rows of one shape. `explain_key` says what a row tells of `table`, `count`, `rows` and `bytes`
// how much that is, `explain_value` is text:
//   cut                             the token of the moment that is read
//   files, files read               what the archive has, and what is opened
//   files left out                  why, one row for each reason
//   file                            a file that is opened; from the 21st on they are counted
//   chunks, chunks read, …          the same of memory
//   missing                         of a partial answer
//   physical_plan, analyzed_plan    DuckDB's
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "event/column_batch.h"
#include "query/engine.h"

namespace freshet::query {

class ExplainRows {
 public:
  explicit ExplainRows(const SqlAnswer& answer);
  static const Schema& schema();
  const ColumnBatch& batch() const { return batch_; }  // its texts are ours

 private:
  struct Amount {
    std::uint64_t count = 0, rows = 0, bytes = 0;
  };
  static Amount with(Amount amount, const std::vector<sql::LeftOut>& left_out);
  void add(std::string key, const std::string& table, std::optional<Amount> amount,
           std::string value);
  void add_files(const std::string& table, const sql::TableScan& scan);
  void add_chunks(const std::string& table, const sql::TableScan& scan);
  void add_text(std::size_t column, std::string text);

  std::deque<std::string> texts_;
  ColumnBatch batch_{schema()};
};

}  // namespace freshet::query

// Writes the chunks of a result as one text: a flat JSON array, NDJSON or CSV.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "sql/query_database.h"
#include "sql/value_text.h"

namespace freshet::sql {

class AnswerWriter {
 public:
  // Reads the columns of `result`. kInvalid FRS-5003 where a type has no plain text.
  static Result<AnswerWriter> make(duckdb_result& result, AnswerFormat format,
                                   const QueryLimits& limits);
  // kInvalid FRS-5005 where the answer passes a limit.
  Status add(duckdb_data_chunk chunk);
  QueryAnswer finish();

 private:
  AnswerWriter(AnswerFormat format, const QueryLimits& limits) : format_(format), limits_(limits) {}
  void begin();
  void add_row(const std::vector<ValueView>& views, std::uint64_t row);

  AnswerFormat format_;
  QueryLimits limits_;
  std::vector<ValueType> types_;
  std::vector<std::string> keys_;  // "name": as JSON writes it
  QueryAnswer answer_;
};

}  // namespace freshet::sql

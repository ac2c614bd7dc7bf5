// Which of DuckDB's functions give the same answer for the same row, today and at replay.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/result.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {

enum class FunctionKind {
  kRow,        // a function of its arguments alone
  kAggregate,  // of several rows
  kTable,      // gives rows
  kVolatile,   // of the time, of chance, of the settings or of the session
  kUnknown,
};

// Read once from duckdb_functions(); a plain value afterwards.
class FunctionCatalog {
 public:
  static Result<FunctionCatalog> read(duckdb_connection connection);
  // `name` in any case.
  FunctionKind find(std::string_view name, std::size_t argument_count) const;
  // A known name of a row function that is like `name`, or "".
  std::string_view nearest(std::string_view name) const;

 private:
  std::map<std::string, FunctionKind, std::less<>> kinds_;
};

// ASCII lower case, as DuckDB compares names.
std::string lower_case(std::string_view text);

}  // namespace freshet::sql

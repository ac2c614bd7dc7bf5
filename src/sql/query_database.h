// Runs SQL of strangers over relations: a DuckDB of its own without files, network, extensions or
// settings.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/result.h"
#include "sql/archive_table.h"
#include "sql/relation.h"
#include "sql/scan_report.h"

namespace freshet::sql {

struct QueryDatabaseConfig {
  std::uint64_t memory_bytes = 1ull << 30;  // for all queries together; nothing is spilled
  // For the queries of the same set of files: they run in a DuckDB that may open those alone. The
  // last four sets keep theirs.
  std::uint64_t archive_memory_bytes = 512ull << 20;
  std::uint32_t threads = 2;
};

struct QueryLimits {
  std::int64_t time_us = 60'000'000;
  std::uint64_t rows_max = 1'000'000;
  std::uint64_t bytes_max = 256ull << 20;  // of the answer's text
};

using Parameter = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
// "1", "2", … for ? and $1; else the name of $name.
using Parameters = std::map<std::string, Parameter, std::less<>>;

enum class AnswerFormat : std::uint8_t {
  kJson,    // one flat array of objects
  kNdjson,  // an object a line
  kCsv,     // RFC 4180 with a header; null is empty, the empty text is ""
};

struct AnswerColumn {
  std::string name;
  std::string type;  // as SQL writes it
};

struct QueryAnswer {
  std::string text;
  std::vector<AnswerColumn> columns;
  std::uint64_t row_count = 0;
  ScanReport scans;                                       // of the tables that the query named
  std::vector<MissingPart> missing;                       // rows that were not there to be read
  std::vector<std::pair<std::string, std::string>> plan;  // of EXPLAIN: "physical_plan", its text
};

// A value that a statement compares a column with.
struct ScanValue {
  enum class Kind : std::uint8_t { kInteger, kText, kMoment, kParameter };
  Kind kind = Kind::kInteger;
  std::string
      text;  // the number, the text, a statement that gives the moment, the parameter's name
  bool reads_clock = false;
};

// "This column of this table is at least, at most, or one of these", in lower case. A bound is
// inclusive, whatever the statement says.
struct ScanCondition {
  std::string table, column;
  bool is_lower = false, is_upper = false;  // both: one of the values
  std::vector<ScanValue> values;
};

// A statement that may be run: one SELECT, WITH, VALUES, FROM, EXPLAIN, DESCRIBE, SHOW or
// SUMMARIZE, free of what a stranger may not call.
struct JudgedQuery {
  std::string sql;
  std::vector<std::string> tables;  // that it names, as written; CTEs of its own are left out
  bool is_explain = false;
  bool lists_tables = false;  // SHOW TABLES, information_schema: wants all that are visible
  std::vector<ScanCondition> conditions;  // that rows of the tables must meet to matter
};

// Any thread; each call uses a connection of its own.
class QueryDatabase {
 public:
  static Result<std::unique_ptr<QueryDatabase>> open(const QueryDatabaseConfig& config);
  ~QueryDatabase();
  // kInvalid FRS-5001 (not SQL), kDenied FRS-5002 (not allowed here).
  Result<JudgedQuery> judge(std::string_view sql);
  // Waits for the answer. kInvalid FRS-5003 (DuckDB's words), FRS-5004 (parameters), FRS-5005 (too
  // many rows or bytes); kTimeout FRS-5006; kThrottled FRS-5007 (memory). Of archived files, always
  // with the file's path: kNotFound FRS-3810 (missing), kCorruption FRS-3811 (size), FRS-3812
  // (checksum), FRS-3813 (no Parquet), FRS-3820 (of another table), FRS-3821 (cannot be read). With
  // kNote the answer is that of the files that are whole, and says which are not.
  Result<QueryAnswer> run(const JudgedQuery& query, const Relations& relations,
                          const Parameters& parameters, const QueryLimits& limits,
                          AnswerFormat format, const ArchiveTables& archives = {},
                          OnMissing on_missing = OnMissing::kFail);

 private:
  struct State;
  explicit QueryDatabase(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::sql

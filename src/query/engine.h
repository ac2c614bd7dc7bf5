// SQL over hot tables at one cut: decides what is read (tables, rights, cut) and lets sql/ run it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "event/column_batch.h"
#include "event/schema.h"
#include "io/clock.h"
#include "pipeline/table_service.h"
#include "query/cut_token.h"
#include "sql/query_database.h"

namespace freshet::query {

struct EngineConfig {
  std::uint64_t memory_bytes = 1ull << 30;  // for all queries together
  std::uint32_t threads = 2;
  std::int64_t time_us = 60'000'000;
  std::uint64_t rows_max = 1'000'000;
  std::uint64_t answer_bytes_max = 256ull << 20;
  std::uint32_t at_once = 8;
  std::int64_t after_wait_us = 10'000'000;  // how long `after` waits at most
};

struct SqlRequest {
  std::string sql;
  sql::Parameters parameters;
  std::string after;                     // a cut token, or ""
  std::string cut;                       // a cut token: the tables as they were then
  std::optional<std::int64_t> as_of_us;  // likewise, by the time of arrival
  bool partial = false;                  // where files are missing: of those that are whole
  std::int64_t time_us = 0;              // 0: the configured limit, which it can only lower
  std::uint64_t rows_max = 0;            // likewise
  sql::AnswerFormat format = sql::AnswerFormat::kJson;
  // May the caller read this table? Asked with the table's own name.
  std::function<bool(std::string_view table)> allows;
};

struct SqlAnswer {
  sql::QueryAnswer answer;
  CutToken cut;                           // of every stream that was read
  std::vector<sql::MissingPart> missing;  // not empty: the answer is partial
};

// Any thread; run() waits, so never call it on a net thread. Queries hold what they read: a chunk
// that leaves its table in the meantime stays until they end.
class Engine {
 public:
  // `tables` and `clock` must outlive the engine.
  static Result<std::unique_ptr<Engine>> open(const EngineConfig& config,
                                              pipeline::TableService& tables, io::Clock& clock);
  ~Engine();
  // Beyond QueryDatabase's errors: kThrottled FRS-5011 (at_once), kNotFound FRS-5012 (no such
  // table), kDenied FRS-4011 (table), kTimeout FRS-5013 (`after`), kUnavailable FRS-5014 (archived
  // rows that cannot be reached). Of `cut` and `as_of_us`: kInvalid FRS-5015 (both, or a moment
  // that is not past), FRS-5016 (a table that is not archived: what has left it since is unknown),
  // FRS-5017 (a ledger, whose counts are those of now), FRS-5018 (a cut without the stream);
  // kNotFound FRS-5019 (rows were removed since, and the snapshot of then is no longer kept).
  // EXPLAIN answers with ExplainRows.
  Result<SqlAnswer> run(const SqlRequest& request);
  // Rows of our own (a reference table's) in an answer's format. `owner` keeps what they lie in.
  Result<sql::QueryAnswer> write_rows(const Schema& schema, const ColumnBatch& rows,
                                      std::shared_ptr<const void> owner, sql::AnswerFormat format);

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::query

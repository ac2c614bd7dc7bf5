#include "sql/plain_parquet.h"

#include <fmt/format.h>

#include "sql/duckdb_handles.h"

namespace freshet::sql {

struct PlainParquet::State {
  std::unique_ptr<Database> database;
  Connection connection;
};

PlainParquet::PlainParquet(std::unique_ptr<State> state) : state_(std::move(state)) {}
PlainParquet::~PlainParquet() = default;

Result<std::unique_ptr<PlainParquet>> PlainParquet::open(const std::vector<std::string>& paths,
                                                         std::uint32_t threads,
                                                         std::uint64_t memory_bytes) {
  auto state = std::make_unique<State>();
  FRESHET_TRY(
      state->database,
      Database::open({.memory_bytes = memory_bytes, .threads = threads, .reads_files = true}));
  FRESHET_TRY(state->connection, state->database->connect());
  std::string list;
  for (const std::string& path : paths)
    list += fmt::format("{}{}", list.empty() ? "" : ", ", quoted_text(path));
  FRESHET_TRY_STATUS(execute(state->connection.get(),
                             fmt::format("CREATE VIEW files AS SELECT * FROM read_parquet([{}], "
                                         "hive_partitioning = false)",
                                         list)));
  return std::unique_ptr<PlainParquet>(new PlainParquet(std::move(state)));
}

Result<std::uint64_t> PlainParquet::ask(const std::string& statement) {
  QueryResult result;
  if (duckdb_query(state_->connection.get(), statement.c_str(), result.out()) == DuckDBError)
    return Error(Code::kInvalid, plain_message(result.error()));
  return duckdb_row_count(&result.get());
}

}  // namespace freshet::sql

#include "sql/transform.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "common/logging.h"
#include "sql/batch_scan.h"
#include "sql/column_types.h"
#include "sql/duckdb_handles.h"
#include "sql/endless_query.h"
#include "sql/function_catalog.h"
#include "sql/transform_rewrite.h"
#include "sql/vector_io.h"

namespace freshet::sql {
namespace {

// A batch is a few megabytes; a runaway expression (repeat(…, 1e9)) stops here.
constexpr std::uint64_t kMemoryBytes = 512ull << 20;

// An error ends the endless query, and the rows are then run one by one: where one cannot be
// computed, more are to be expected.
constexpr int kPlainRunsAfterError = 1'000;

std::string cast_hint(duckdb_logical_type type) {
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_DECIMAL:
      return "write CAST(… AS DOUBLE)";
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
      return "write CAST(… AS BIGINT)";
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return "it has no zone: write (…) AT TIME ZONE 'UTC'";
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_STRUCT:
      return "write CAST(to_json(…) AS VARCHAR)";
    default:
      return "write CAST(… AS VARCHAR)";
  }
}

}  // namespace

struct Transform::State {
  // Declared so that the database outlives what hangs on it.
  BatchFeed feed;
  std::unique_ptr<Database> database;
  Connection connection;
  Connection endless_connection;  // until the endless query has it
  PreparedStatement statement;
  std::unique_ptr<EndlessQuery> endless;  // null where the statement alone is used
  int plain_runs = 0;                     // before the endless query is used again
  std::vector<OutputColumn> output;
  Schema output_schema;
  std::vector<bool> used;
  bool runs_sql = false;  // else every row passes with columns as they are

  // Of the last run: the texts of expressions in `rows` point into `chunks` and `result`.
  std::unique_ptr<QueryResult> result;
  std::vector<DataChunk> chunks;
  std::unique_ptr<ColumnBatch> rows;
  std::vector<std::uint32_t> source_rows;

  Status open() {
    FRESHET_TRY(
        database,
        Database::open({.memory_bytes = kMemoryBytes, .threads = 1, .locks_settings = false}));
    FRESHET_TRY(connection, database->connect());
    FRESHET_TRY(endless_connection, database->connect());
    FRESHET_TRY_STATUS(EndlessQuery::set_up(endless_connection.get()));
    FRESHET_TRY_STATUS(lock_settings(connection.get()));
    return register_batch(connection.get(), &feed);
  }

  Status prepare(std::string_view sql) {
    FRESHET_TRY(FunctionCatalog functions, FunctionCatalog::read(connection.get()));
    FRESHET_TRY(SyntaxNode select, parse_query(connection.get(), sql, 1201));
    FRESHET_TRY(RewrittenSelect rewritten,
                rewrite_select(std::move(select), sql, feed.schema, functions));
    FRESHET_TRY(std::string text, sql_of(connection.get(), rewritten.node));
    if (duckdb_prepare(connection.get(), text.c_str(), statement.out()) == DuckDBError)
      return Error(Code::kInvalid, 1207, plain_message(duckdb_prepare_error(statement.get())));
    used = std::move(rewritten.used_columns);
    output = std::move(rewritten.output);
    runs_sql = rewritten.filters;
    FRESHET_TRY_STATUS(read_output_types());
    if (runs_sql) begin_endless(std::move(rewritten.node));
    return ok();
  }

  void begin_endless(SyntaxNode select) {
    std::vector<ColumnType> types;
    for (std::size_t i = 0; i < output.size(); ++i)
      if (!output[i].input_column) types.push_back(output_schema.columns[i].type);
    auto begun =
        EndlessQuery::create(std::move(endless_connection), feed.schema, std::move(select), types);
    if (begun)
      endless = std::move(*begun);
    else
      give_up_endless(begun.error());
  }

  void give_up_endless(const Error& why) {
    endless.reset();
    log_warning("small batches of a pipeline run as large ones do, slower",
                {{"why", why.to_string()}});
  }

  Status read_output_types() {
    idx_t expression = 0;
    for (const OutputColumn& column : output) {
      if (column.input_column) {
        output_schema.columns.push_back(
            {column.name, feed.schema.columns[*column.input_column].type});
        continue;
      }
      runs_sql = true;
      LogicalType type(
          duckdb_prepared_statement_column_logical_type(statement.get(), expression++));
      std::optional<ColumnType> ours = column_type_of(type.get());
      if (!ours) {
        return Error(
            Code::kInvalid, 1205,
            fmt::format("column {} of the result is {}, which a table cannot hold: {}",
                        quoted_name(column.name), type_name(type.get()), cast_hint(type.get())));
      }
      output_schema.columns.push_back({column.name, *ours});
    }
    FRESHET_CHECK(duckdb_prepared_statement_column_count(statement.get()) == expression + 1);
    rows = std::make_unique<ColumnBatch>(output_schema);
    return ok();
  }

  Status run_sql(const ColumnBatch& batch) {
    if (endless == nullptr || batch.row_count() > EndlessQuery::kMostRows || plain_runs > 0) {
      if (plain_runs > 0) --plain_runs;
      return run_statement(batch);
    }
    Result<DataChunk> chunk = endless->run(batch);
    if (chunk) {
      chunks.push_back(std::move(*chunk));
      return ok();
    }
    // The statement's answer is the one that counts.
    Status status = run_statement(batch);
    if (!status && chunk.error().code() == Code::kInvalid)
      plain_runs = kPlainRunsAfterError;
    else
      give_up_endless(chunk.error());
    return status;
  }

  Status run_statement(const ColumnBatch& batch) {
    result = std::make_unique<QueryResult>();
    feed.batch = &batch;
    // Streaming: a result that is collected first costs half as much again, once a batch.
    bool runs = duckdb_execute_prepared_streaming(statement.get(), result->out()) != DuckDBError;
    while (runs) {
      DataChunk chunk(duckdb_fetch_chunk(result->get()));
      if (chunk.get() == nullptr) break;
      chunks.push_back(std::move(chunk));
    }
    feed.batch = nullptr;
    runs = runs && duckdb_result_error(&result->get()) == nullptr;
    return runs ? ok() : Status(Error(Code::kInvalid, 1210, plain_message(result->error())));
  }

  void read_source_rows(std::size_t expression_count) {
    source_rows.clear();
    for (const DataChunk& chunk : chunks) {
      duckdb_vector numbers = duckdb_data_chunk_get_vector(chunk.get(), expression_count);
      const auto* first = static_cast<const std::uint32_t*>(duckdb_vector_get_data(numbers));
      source_rows.insert(source_rows.end(), first, first + duckdb_data_chunk_get_size(chunk.get()));
    }
  }

  void copy_out(const ColumnBatch& batch) {
    idx_t expression = 0;
    for (std::size_t i = 0; i < output.size(); ++i) {
      ColumnVector& to = rows->columns[i];
      if (output[i].input_column) {
        const ColumnVector& from = batch.columns[*output[i].input_column];
        // Rows keep their order, so as many as came in are all of them.
        if (source_rows.size() == batch.row_count()) {
          to = from;
        } else {
          gather_rows(from, source_rows, to);
        }
        continue;
      }
      to.resize_null(source_rows.size());
      std::size_t at = 0;
      for (const DataChunk& chunk : chunks) {
        std::size_t count = duckdb_data_chunk_get_size(chunk.get());
        read_column(duckdb_data_chunk_get_vector(chunk.get(), expression), count, to, at);
        at += count;
      }
      ++expression;
    }
  }

  std::size_t expression_count() const {
    return static_cast<std::size_t>(
        std::count_if(output.begin(), output.end(),
                      [](const OutputColumn& column) { return !column.input_column; }));
  }
};

Transform::Transform(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transform::~Transform() = default;

Result<std::unique_ptr<Transform>> Transform::create(const Schema& input, std::string_view sql) {
  auto state = std::make_unique<State>();
  state->feed.function = "freshet_batch";
  state->feed.schema = input;
  FRESHET_TRY_STATUS(state->open());
  FRESHET_TRY_STATUS(state->prepare(sql));
  return std::unique_ptr<Transform>(new Transform(std::move(state)));
}

const Schema& Transform::output_schema() const {
  return state_->output_schema;
}

const std::vector<bool>& Transform::used_columns() const {
  return state_->used;
}

Result<TransformOutput> Transform::run(const ColumnBatch& batch) {
  State& state = *state_;
  FRESHET_CHECK(batch.columns.size() == state.feed.schema.columns.size());
  state.chunks.clear();
  if (state.runs_sql && batch.row_count() > 0) {
    FRESHET_TRY_STATUS(state.run_sql(batch));
    state.read_source_rows(state.expression_count());
  } else {
    state.source_rows.resize(batch.row_count());
    std::iota(state.source_rows.begin(), state.source_rows.end(), 0u);
  }
  state.copy_out(batch);
  return TransformOutput{state.rows.get(), &state.source_rows};
}

}  // namespace freshet::sql

#include "sql/endless_query.h"

#include <fmt/format.h>

#include <utility>

#include "sql/column_types.h"
#include "sql/transform_rewrite.h"

namespace freshet::sql {
namespace {

// A run takes two. After so many the scan ends, and the query with it.
constexpr std::size_t kMostChunks = 8;
// Then another query begins, so that nothing DuckDB keeps for one can grow without end.
constexpr std::size_t kMostRuns = 10'000;

// WHERE x: WHERE marker OR x. An expression x: CASE WHEN marker THEN NULL ELSE x END. Both are
// evaluated for the rows that are left alone, in this order: DuckDB moves no operand that can fail.
// (A CASE in the WHERE would not do: an AND in it is evaluated for all rows, and can fail for one
// that its first operand keeps out.)
Status let_markers_pass(duckdb_connection connection, SyntaxNode& select) {
  std::string is_marker =
      fmt::format("{} >= {}", quoted_name(kRowNumberColumn), BatchFeed::kFirstMarker);
  FRESHET_TRY(
      SyntaxNode pattern,
      parse_query(connection,
                  fmt::format("SELECT CASE WHEN {0} THEN NULL ELSE 0 END FROM batch WHERE {0} OR 0",
                              is_marker),
                  1201));
  std::vector<SyntaxNode>& items = select.find("select_list")->items;
  for (std::size_t i = 0; i + 1 < items.size(); ++i) {
    SyntaxNode choice = pattern.find("select_list")->items[0];
    std::swap(*choice.find("alias"), *items[i].find("alias"));
    *choice.find("else_expr") = std::move(items[i]);
    items[i] = std::move(choice);
  }
  if (SyntaxNode* where = select.find("where_clause"); where != nullptr && !where->is_null()) {
    SyntaxNode either = std::move(*pattern.find("where_clause"));
    either.find("children")->items[1] = std::move(*where);
    *where = std::move(either);
  }
  return ok();
}

Error unexpected(std::string_view what) {
  return Error(Code::kInternal, 9615, std::string(what));
}

// Rows of the batch in their order, and its marker.
bool is_answer(std::span<const std::uint32_t> numbers, std::size_t rows, std::uint32_t marker) {
  if (numbers.empty() || numbers.back() != marker) return false;
  std::size_t next = 0;
  for (std::uint32_t number : numbers.first(numbers.size() - 1)) {
    if (number < next || number >= rows) return false;
    next = number + std::size_t{1};
  }
  return true;
}

}  // namespace

Status EndlessQuery::set_up(duckdb_connection connection) {
  FRESHET_TRY_STATUS(execute(connection, "SET enable_caching_operators = false"));
  // With more DuckDB would read markers ahead until it is full.
  return execute(connection, "SET streaming_buffer_size = '1B'");
}

Result<std::unique_ptr<EndlessQuery>> EndlessQuery::create(Connection connection,
                                                           const Schema& input, SyntaxNode select,
                                                           std::span<const ColumnType> types) {
  std::unique_ptr<EndlessQuery> query(new EndlessQuery());
  query->feed_.function = "freshet_batches";
  query->feed_.schema = input;
  query->feed_.has_markers = true;
  query->connection_ = std::move(connection);
  duckdb_connection handle = query->connection_.get();
  FRESHET_TRY_STATUS(register_batch(handle, &query->feed_));
  FRESHET_TRY_STATUS(let_markers_pass(handle, select));
  FRESHET_TRY(std::string text, sql_of(handle, select));
  duckdb_prepared_statement* statement = query->statement_.out();
  if (duckdb_prepare(handle, text.c_str(), statement) == DuckDBError)
    return unexpected(plain_message(duckdb_prepare_error(*statement)));
  if (duckdb_prepared_statement_column_count(*statement) != types.size() + 1)
    return unexpected("the statement has another number of columns with markers");
  for (std::size_t i = 0; i < types.size(); ++i) {
    LogicalType type(duckdb_prepared_statement_column_logical_type(*statement, i));
    if (column_type_of(type.get()) != types[i])
      return unexpected("an expression has another type with markers");
  }
  query->row_number_column_ = types.size();
  return query;
}

Result<DataChunk> EndlessQuery::run(const ColumnBatch& batch) {
  FRESHET_CHECK(batch.row_count() <= kMostRows);
  if (++runs_ > kMostRuns) result_.reset();
  feed_.batch = &batch;
  feed_.next_row = 0;
  feed_.chunks_left = kMostChunks;
  Result<DataChunk> answer = fetch(batch);
  feed_.batch = nullptr;
  if (!answer) result_.reset();
  return answer;
}

Result<DataChunk> EndlessQuery::fetch(const ColumnBatch& batch) {
  bool begins = result_ == nullptr;
  if (begins) feed_.next_marker = BatchFeed::kFirstMarker;
  std::uint32_t marker = feed_.next_marker;  // of the chunk with the batch's rows
  if (begins) {
    runs_ = 1;
    result_ = std::make_unique<QueryResult>();
    if (duckdb_execute_prepared_streaming(statement_.get(), result_->out()) == DuckDBError)
      return Error(Code::kInvalid, 1210, plain_message(result_->error()));
  }
  for (;;) {
    DataChunk chunk(duckdb_fetch_chunk(result_->get()));
    if (chunk.get() == nullptr) {
      if (duckdb_result_error(&result_->get()) != nullptr)
        return Error(Code::kInvalid, 1210, plain_message(result_->error()));
      return unexpected("the query ended");
    }
    std::span<const std::uint32_t> numbers = row_numbers(chunk);
    bool is_ahead = numbers.size() == 1 && numbers[0] >= BatchFeed::kFirstMarker;
    if (is_ahead && numbers[0] != marker) continue;  // read behind the batch before
    if (!is_answer(numbers, batch.row_count(), marker))
      return unexpected("a chunk has other rows than those of one batch and its marker");
    duckdb_data_chunk_set_size(chunk.get(), numbers.size() - 1);
    return chunk;
  }
}

std::span<const std::uint32_t> EndlessQuery::row_numbers(const DataChunk& chunk) const {
  duckdb_vector numbers = duckdb_data_chunk_get_vector(chunk.get(), row_number_column_);
  return {static_cast<const std::uint32_t*>(duckdb_vector_get_data(numbers)),
          duckdb_data_chunk_get_size(chunk.get())};
}

}  // namespace freshet::sql

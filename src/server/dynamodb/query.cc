#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "server/dynamodb/key_condition.h"
#include "server/dynamodb/page.h"
#include "server/dynamodb/read_by_id.h"

namespace freshet::dynamodb {
namespace {

struct QueryParameters {
  ReadParameters read;
  Condition key_condition;
  bool forward = true;
};

Result<QueryParameters> parse_query(const Call& call) {
  Input input(call.body);
  FRESHET_TRY(auto placeholders,
              parse_placeholders(
                  input, {"KeyConditionExpression", "FilterExpression", "ProjectionExpression"}));
  QueryParameters to;
  FRESHET_TRY(to.read, parse_read_parameters(input, placeholders));
  FRESHET_TRY(to.forward, input.boolean("ScanIndexForward", true));
  FRESHET_TRY(auto expression, input.text("KeyConditionExpression"));
  if (!expression)
    return Error(Code::kInvalid,
                 "Either the KeyConditions or KeyConditionExpression parameter "
                 "must be specified in the request.");
  FRESHET_TRY(to.key_condition,
              parse_condition("KeyConditionExpression", *expression, placeholders));
  FRESHET_TRY_STATUS(placeholders.all_used());
  return to;
}

// The key has its own expression; a filter on it would be read after the page was cut.
Status check_filter(const Condition& filter, const std::vector<std::string>& keys) {
  for (const Condition& inner : filter.conditions) FRESHET_TRY_STATUS(check_filter(inner, keys));
  for (const Operand& operand : filter.operands) {
    if (operand.kind == Operand::Kind::kValue) continue;
    const std::string& name = operand.path.attribute();
    if (std::find(keys.begin(), keys.end(), name) != keys.end())
      return Error(Code::kInvalid,
                   fmt::format("Filter Expression can only contain non-primary key attributes: "
                               "Primary key attribute: {}",
                               name));
  }
  return ok();
}

Answer query_table(const Call& call, const QueryParameters& parameters, const TableShape& shape,
                   const KeyCondition& wanted) {
  FRESHET_TRY(auto found, find_by_id(call.tables, parameters.read.table, wanted.hash));
  Page page(parameters.read, shape, nullptr);
  bool more = false;
  if (parameters.read.start_key) {
    FRESHET_TRY(StartKey start, parse_start_key(*parameters.read.start_key, shape, nullptr));
    if (start.id != wanted.hash)
      return Error(Code::kInvalid,
                   "The provided starting key is outside query boundaries based on "
                   "provided conditions");
  } else if (found) {
    page.add(Item(shape, *found->chunk, found->row));
    more = page.reached_limit();
  }
  return std::move(page).finish(more);
}

// Goes on behind the start key. Its row may have left the table meanwhile: then it stood before
// every row that is left, and of the rows with its very time all are still to come, or none.
void start_after(IndexRead& read, const StartKey& start, std::optional<hot::RowNumber> row) {
  if (row) {
    read.after = IndexEntry{start.time_us, *row};
  } else if (read.forward) {
    read.times.first_us = std::max(read.times.first_us, start.time_us);
  } else {
    read.times =
        intersect(read.times, {std::numeric_limits<std::int64_t>::min(), start.time_us - 1});
  }
}

Answer query_index(const Call& call, const QueryParameters& parameters, const TableShape& shape,
                   const TableIndex& index, const KeyCondition& wanted) {
  constexpr std::uint64_t kBatchRows = 4096;
  const std::string& table = parameters.read.table;
  IndexRead read{index.hash_column, shape.time_column(), wanted.hash,
                 wanted.times,      parameters.forward,  std::nullopt};
  if (parameters.read.start_key) {
    FRESHET_TRY(StartKey start, parse_start_key(*parameters.read.start_key, shape, &index));
    if (start.hash != wanted.hash)
      return Error(Code::kInvalid,
                   "The provided starting key is outside query boundaries based on "
                   "provided conditions");
    FRESHET_TRY(auto row, call.tables.find_row(table, start.id));
    start_after(read, start, row);
  }
  auto snapshot = call.tables.snapshot(table);
  if (!snapshot) return Error(Code::kNotFound, "Requested resource not found");
  Page page(parameters.read, shape, &index);
  while (true) {
    std::uint64_t batch_rows = std::min(page.rows_left(), kBatchRows);
    std::vector<IndexEntry> entries = read_index(*snapshot, read, batch_rows);
    for (const IndexEntry& entry : entries) {
      const hot::ChunkView* chunk = snapshot->find_chunk(entry.row);
      Item item(shape, *chunk, static_cast<std::uint32_t>(entry.row - chunk->first_row()));
      if (!page.add(item)) return std::move(page).finish(true);
    }
    if (page.reached_limit()) return std::move(page).finish(true);
    if (entries.size() < batch_rows) return std::move(page).finish(false);
    read.after = entries.back();
  }
}

}  // namespace

Answer query(const Call& call) {
  FRESHET_TRY(QueryParameters parameters, parse_query(call));
  ReadParameters& read = parameters.read;
  FRESHET_TRY_STATUS(authorize(call, "Query", read.table));
  FRESHET_TRY(TableShape shape, find_table(call, read.table));
  FRESHET_TRY(const TableIndex* index, find_index(read, shape));
  FRESHET_TRY(KeyCondition wanted, interpret_key_condition(parameters.key_condition, shape, index));
  if (read.filter) {
    std::vector<std::string> keys = {index ? shape.name_of(index->hash_column) : shape.key_name()};
    if (index) keys.push_back(shape.name_of(shape.time_column()));
    FRESHET_TRY_STATUS(check_filter(*read.filter, keys));
    normalise_times(*read.filter, shape);
  }
  if (!index) return query_table(call, parameters, shape, wanted);
  return query_index(call, parameters, shape, *index, wanted);
}

}  // namespace freshet::dynamodb

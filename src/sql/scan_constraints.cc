// The conditions of a statement with their values, in the types of the table's columns.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sql/function_catalog.h"
#include "sql/scan_conditions.h"

namespace freshet::sql {
namespace {

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The number that a statement of a moment gives.
std::optional<std::int64_t> moment_of(duckdb_connection connection, const std::string& statement) {
  QueryResult result;
  if (duckdb_query(connection, statement.c_str(), result.out()) == DuckDBError) return std::nullopt;
  DataChunk chunk(duckdb_fetch_chunk(result.get()));
  if (chunk.get() == nullptr || duckdb_data_chunk_get_size(chunk.get()) != 1) return std::nullopt;
  duckdb_vector vector = duckdb_data_chunk_get_vector(chunk.get(), 0);
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  if (validity != nullptr && !duckdb_validity_row_is_valid(validity, 0)) return std::nullopt;
  return *static_cast<const std::int64_t*>(duckdb_vector_get_data(vector));
}

// What a parameter is instead of itself.
std::optional<ScanValue> value_of(const ScanValue& value, const Parameters& parameters) {
  if (value.kind != ScanValue::Kind::kParameter) return value;
  auto parameter = parameters.find(value.text);
  if (parameter == parameters.end()) return std::nullopt;
  if (const auto* text = std::get_if<std::string>(&parameter->second))
    return ScanValue{ScanValue::Kind::kText, *text, false};
  if (const auto* number = std::get_if<std::int64_t>(&parameter->second))
    return ScanValue{ScanValue::Kind::kInteger, std::to_string(*number), false};
  return std::nullopt;
}

bool is_whole_number(const ParquetColumn& column) {
  ColumnType type = parquet_type_of(column);
  return type == ColumnType::kInt32 || type == ColumnType::kInt64 || type == ColumnType::kUInt64;
}

std::optional<std::int64_t> number_of(duckdb_connection connection, const ScanValue& value,
                                      const ParquetColumn& column) {
  using Kind = ScanValue::Kind;
  if (is_whole_number(column) && value.kind == Kind::kInteger) return integer_of(value.text);
  if (column.type != ColumnType::kTimestamp) return std::nullopt;
  if (value.kind == Kind::kMoment) return moment_of(connection, value.text);
  if (value.kind != Kind::kText) return std::nullopt;
  return moment_of(
      connection, fmt::format("SELECT epoch_us(CAST({} AS TIMESTAMPTZ))", quoted_text(value.text)));
}

void add_texts(const ScanCondition& condition, const std::vector<ScanValue>& values,
               ColumnConstraint& constraint) {
  if (!condition.is_lower || !condition.is_upper) return;
  std::vector<std::string> texts;
  for (const ScanValue& value : values) {
    if (value.kind != ScanValue::Kind::kText) return;
    texts.push_back(value.text);
  }
  if (constraint.texts) {
    std::erase_if(*constraint.texts, [&](const std::string& text) {
      return std::find(texts.begin(), texts.end(), text) == texts.end();
    });
    return;
  }
  constraint.texts = std::move(texts);
}

void add_numbers(duckdb_connection connection, const ScanCondition& condition,
                 const std::vector<ScanValue>& values, const ParquetColumn& column,
                 ColumnConstraint& constraint) {
  std::optional<std::int64_t> least, greatest;
  bool reads_clock = false;
  for (const ScanValue& value : values) {
    std::optional<std::int64_t> number = number_of(connection, value, column);
    if (!number) return;
    least = std::min(least.value_or(*number), *number);
    greatest = std::max(greatest.value_or(*number), *number);
    reads_clock = reads_clock || value.reads_clock;
  }
  // The clock will have moved on when the query runs: a lower bound read now holds then, an upper
  // one does not.
  if (condition.is_lower)
    constraint.minimum = std::max(constraint.minimum.value_or(*least), *least);
  if (condition.is_upper && !reads_clock)
    constraint.maximum = std::min(constraint.maximum.value_or(*greatest), *greatest);
}

}  // namespace

ScanConstraints constraints_of(duckdb_connection connection,
                               const std::vector<ScanCondition>& conditions, std::string_view table,
                               const std::vector<ParquetColumn>& columns,
                               const Parameters& parameters) {
  ScanConstraints constraints;
  for (const ScanCondition& condition : conditions) {
    if (condition.table != lower_case(table)) continue;
    auto column = std::find_if(columns.begin(), columns.end(), [&](const ParquetColumn& known) {
      return lower_case(known.name) == condition.column;
    });
    if (column == columns.end()) continue;
    std::vector<ScanValue> values;
    for (const ScanValue& value : condition.values) {
      if (auto known = value_of(value, parameters)) values.push_back(*std::move(known));
    }
    if (values.empty() || values.size() != condition.values.size()) continue;
    ColumnConstraint& constraint = constraints[column->name];
    if (column->type == ColumnType::kText)
      add_texts(condition, values, constraint);
    else
      add_numbers(connection, condition, values, *column, constraint);
  }
  std::erase_if(constraints, [](const auto& entry) {
    const ColumnConstraint& constraint = entry.second;
    return !constraint.minimum && !constraint.maximum && !constraint.texts;
  });
  return constraints;
}

}  // namespace freshet::sql

#include "sql/answer_writer.h"

#include <fmt/format.h>

#include <set>

#include "common/units.h"
#include "sql/column_types.h"

namespace freshet::sql {
namespace {

// Two columns of one name would be one member of an object: the second is called name_1.
std::string unique_name(const std::string& name, std::set<std::string>& used) {
  std::string unique = name;
  for (int i = 1; !used.insert(unique).second; ++i) unique = fmt::format("{}_{}", name, i);
  return unique;
}

}  // namespace

Result<AnswerWriter> AnswerWriter::make(duckdb_result& result, AnswerFormat format,
                                        const QueryLimits& limits) {
  AnswerWriter writer(format, limits);
  std::set<std::string> used;
  for (idx_t i = 0; i < duckdb_column_count(&result); ++i) {
    LogicalType type(duckdb_column_logical_type(&result, i));
    std::string name = unique_name(duckdb_column_name(&result, i), used);
    auto value_type = value_type_of(type.get());
    if (!value_type)
      return std::move(value_type).error().with_context("column " + quoted_name(name));
    writer.types_.push_back(*std::move(value_type));
    std::string key;
    append_json_text(key, name);
    writer.keys_.push_back(key + ':');
    writer.answer_.columns.push_back({name, type_name(type.get())});
  }
  writer.begin();
  return writer;
}

void AnswerWriter::begin() {
  std::string& text = answer_.text;
  if (format_ == AnswerFormat::kJson) text += '[';
  if (format_ != AnswerFormat::kCsv) return;
  for (std::size_t i = 0; i < answer_.columns.size(); ++i) {
    if (i > 0) text += ',';
    append_csv_text(text, answer_.columns[i].name);
  }
  text += '\n';
}

void AnswerWriter::add_row(const std::vector<ValueView>& views, std::uint64_t row) {
  std::string& text = answer_.text;
  if (format_ == AnswerFormat::kCsv) {
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (i > 0) text += ',';
      append_csv(text, views[i], row);
    }
    text += '\n';
    return;
  }
  if (format_ == AnswerFormat::kJson && answer_.row_count > 0) text += ",\n";
  text += '{';
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (i > 0) text += ',';
    text += keys_[i];
    append_json(text, views[i], row);
  }
  text += format_ == AnswerFormat::kNdjson ? "}\n" : "}";
}

Status AnswerWriter::add(duckdb_data_chunk chunk) {
  std::vector<ValueView> views;
  for (std::size_t i = 0; i < types_.size(); ++i)
    views.emplace_back(types_[i], duckdb_data_chunk_get_vector(chunk, i));
  std::uint64_t rows = duckdb_data_chunk_get_size(chunk);
  if (answer_.row_count + rows > limits_.rows_max) {
    return Error(
        Code::kInvalid, 5005,
        fmt::format("the answer has more than {} rows: add a LIMIT or a narrower WHERE, or "
                    "raise limits.query.rows",
                    limits_.rows_max));
  }
  for (std::uint64_t row = 0; row < rows; ++row) {
    add_row(views, row);
    ++answer_.row_count;
    if (answer_.text.size() > limits_.bytes_max) {
      return Error(Code::kInvalid, 5005,
                   fmt::format("the answer is larger than {}: ask for fewer rows or columns",
                               format_bytes(limits_.bytes_max)));
    }
  }
  return ok();
}

QueryAnswer AnswerWriter::finish() {
  if (format_ == AnswerFormat::kJson) answer_.text += "]\n";
  return std::move(answer_);
}

}  // namespace freshet::sql

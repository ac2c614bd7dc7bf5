#include "pipeline/reference_table.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>

#include "common/units.h"
#include "event/position.h"
#include "pipeline/column_convert.h"
#include "pipeline/reference_format.h"
#include "pipeline/text_arena.h"

namespace freshet::pipeline {
namespace {

constexpr std::uint32_t kNoRow = ~std::uint32_t{0};

std::uint64_t hash_key(std::string_view key) {
  return XXH3_64bits(key.data(), key.size());
}

std::string lower(std::string_view text) {
  std::string to(text);
  for (char& c : to) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return to;
}

// A value in one spelling for all types that can hold it: 12 as TINYINT, BIGINT or DOUBLE is the
// same. Null adds nothing, so that a missing column is a column of nulls.
void append_value(const ColumnVector& column, std::size_t row, std::string& to) {
  switch (column.type()) {
    case ColumnType::kText:
    case ColumnType::kBlob: {
      auto text = column.get<std::string_view>(row);
      to.append("t").append(std::to_string(text.size())).append(":").append(text);
      return;
    }
    case ColumnType::kFloat:
    case ColumnType::kDouble: {
      double value =
          column.type() == ColumnType::kFloat ? column.get<float>(row) : column.get<double>(row);
      if (std::fabs(value) < 9.0e15 && value == std::floor(value)) {
        to.append("n").append(std::to_string(static_cast<std::int64_t>(value))).append(";");
      } else {
        to.append("n").append(fmt::format("{}", value)).append(";");
      }
      return;
    }
    case ColumnType::kBool:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
    case ColumnType::kUuid:
    case ColumnType::kBox:
      to.append("v").append(value_text(column, row)).append(";");
      return;
    default:
      to.append("n").append(value_text(column, row)).append(";");
  }
}

}  // namespace

struct ReferenceTable::State {
  State(std::string n, std::string k, Schema s)
      : name(std::move(n)), key_column(std::move(k)), schema(std::move(s)), rows(schema) {}

  Status check_schema();
  void copy_rows(const ColumnBatch& from);
  Status build_index();
  void hash_content();
  std::uint32_t* probe(std::string_view key);
  std::string_view key_at(std::size_t row) const {
    return rows.columns[key_index].get<std::string_view>(row);
  }

  std::string name, key_column;
  Schema schema;
  std::size_t key_index = 0;
  TextArena texts;
  ColumnBatch rows;
  std::vector<std::uint32_t> slots;  // row numbers, a power of two of them, at most half full
  std::uint64_t content_hash = 0;
};

Status ReferenceTable::State::check_schema() {
  if (schema.columns.size() > reference_format::kColumnsMax) {
    return Error(Code::kInvalid, 1305,
                 fmt::format("reference table {}: {} columns; at most {} are taken", name,
                             schema.columns.size(), reference_format::kColumnsMax));
  }
  std::vector<std::string> names;
  for (const ColumnSchema& column : schema.columns) {
    if (column.name.empty())
      return Error(Code::kInvalid, 1306,
                   fmt::format("reference table {}: a column has no name", name));
    names.push_back(lower(column.name));
  }
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    return Error(
        Code::kInvalid, 1306,
        fmt::format("reference table {}: two columns are named {} (SQL does not tell upper "
                    "and lower case apart); rename one",
                    name, *twice));
  }
  auto key = schema.find(key_column);
  if (!key) {
    std::string all;
    std::vector<std::string_view> words;
    for (const ColumnSchema& column : schema.columns) {
      all += (all.empty() ? "" : ", ") + column.name;
      words.push_back(column.name);
    }
    auto near = nearest_word(key_column, words.data(), words.size());
    return Error(
        Code::kInvalid, 1301,
        fmt::format("reference table {}: the key column {} is missing{}; the columns are {}", name,
                    key_column, near.empty() ? "" : fmt::format(" (is it {}?)", near), all));
  }
  key_index = *key;
  if (schema.columns[key_index].type != ColumnType::kText) {
    return Error(Code::kInvalid, 1302,
                 fmt::format("reference table {}: the key column {} is {}; a key is a text", name,
                             key_column, sql_type_name(schema.columns[key_index].type)));
  }
  return check_known_reference(name, schema);
}

void ReferenceTable::State::copy_rows(const ColumnBatch& from) {
  rows.columns = from.columns;
  for (ColumnVector& column : rows.columns) {
    if (!is_text(column.type())) continue;
    for (std::size_t row = 0; row < column.row_count(); ++row) {
      if (column.is_valid(row)) column.set(row, texts.copy(column.get<std::string_view>(row)));
    }
  }
}

std::uint32_t* ReferenceTable::State::probe(std::string_view key) {
  std::size_t at = hash_key(key) & (slots.size() - 1);
  while (slots[at] != kNoRow && key_at(slots[at]) != key) at = (at + 1) & (slots.size() - 1);
  return &slots[at];
}

Status ReferenceTable::State::build_index() {
  std::size_t count = rows.row_count();
  if (count > reference_format::kRowsMax) {
    return Error(Code::kInvalid, 1307,
                 fmt::format("reference table {}: {} rows; at most {} are taken", name, count,
                             reference_format::kRowsMax));
  }
  if (count == 0) {
    return Error(Code::kInvalid, 1307,
                 fmt::format("reference table {}: no rows; an empty table would blank every joined "
                             "column, so it is refused",
                             name));
  }
  std::size_t size = 16;
  while (size < 2 * count) size *= 2;
  slots.assign(size, kNoRow);
  const ColumnVector& keys = rows.columns[key_index];
  for (std::size_t row = 0; row < count; ++row) {
    if (!keys.is_valid(row) || key_at(row).empty()) {
      return Error(
          Code::kInvalid, 1303,
          fmt::format("reference table {}: row {} has no {} (in a CSV file with one header "
                      "line, line {})",
                      name, row + 1, key_column, row + 2));
    }
    std::uint32_t* slot = probe(key_at(row));
    if (*slot != kNoRow) {
      return Error(
          Code::kInvalid, 1304,
          fmt::format("reference table {}: rows {} and {} have the same {} \"{}\" (in a CSV "
                      "file with one header line, lines {} and {})",
                      name, *slot + 1, row + 1, key_column, key_at(row).substr(0, 80), *slot + 2,
                      row + 2));
    }
    *slot = static_cast<std::uint32_t>(row);
  }
  return ok();
}

void ReferenceTable::State::hash_content() {
  std::vector<std::size_t> order(schema.columns.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return schema.columns[a].name < schema.columns[b].name;
  });
  std::string text = name + '\n' + key_column;
  content_hash = XXH3_64bits(text.data(), text.size());
  // A sum, so that the order of rows makes no difference; keys are unique, so nothing cancels out.
  for (std::size_t row = 0; row < rows.row_count(); ++row) {
    text.clear();
    for (std::size_t column : order) {
      if (!rows.columns[column].is_valid(row)) continue;
      text.append(schema.columns[column].name).push_back('=');
      append_value(rows.columns[column], row, text);
    }
    content_hash += XXH3_64bits(text.data(), text.size());
  }
}

ReferenceTable::ReferenceTable(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReferenceTable::~ReferenceTable() = default;

Result<std::shared_ptr<const ReferenceTable>> ReferenceTable::make(std::string name,
                                                                   std::string key_column,
                                                                   const Schema& schema,
                                                                   const ColumnBatch& rows) {
  FRESHET_CHECK(rows.columns.size() == schema.columns.size());
  auto state = std::make_unique<State>(std::move(name), std::move(key_column), schema);
  FRESHET_TRY_STATUS(state->check_schema());
  state->copy_rows(rows);
  FRESHET_TRY_STATUS(state->build_index());
  state->hash_content();
  return std::shared_ptr<const ReferenceTable>(new ReferenceTable(std::move(state)));
}

const std::string& ReferenceTable::name() const {
  return state_->name;
}
const std::string& ReferenceTable::key_column() const {
  return state_->key_column;
}
const Schema& ReferenceTable::schema() const {
  return state_->schema;
}
std::size_t ReferenceTable::row_count() const {
  return state_->rows.row_count();
}
const ColumnBatch& ReferenceTable::rows() const {
  return state_->rows;
}
std::uint64_t ReferenceTable::content_hash() const {
  return state_->content_hash;
}

std::optional<std::size_t> ReferenceTable::find(std::string_view key) const {
  std::uint32_t row = *state_->probe(key);
  if (row == kNoRow) return std::nullopt;
  return row;
}

std::uint64_t ReferenceTable::memory_bytes() const {
  std::uint64_t bytes = state_->texts.bytes() + state_->slots.size() * 4;
  for (const ColumnSchema& column : state_->schema.columns)
    bytes += row_count() * (column_type_bytes(column.type) + 1);
  return bytes;
}

ReferenceDiff diff(const ReferenceTable& before, const ReferenceTable& after) {
  auto row_text = [](const ReferenceTable& table, const std::vector<std::size_t>& order,
                     std::size_t row, std::string& to) {
    to.clear();
    for (std::size_t column : order) {
      if (!table.rows().columns[column].is_valid(row)) continue;
      to.append(table.schema().columns[column].name).push_back('=');
      append_value(table.rows().columns[column], row, to);
    }
  };
  auto by_name = [](const ReferenceTable& table) {
    std::vector<std::size_t> order(table.schema().columns.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return table.schema().columns[a].name < table.schema().columns[b].name;
    });
    return order;
  };
  auto key_at = [](const ReferenceTable& table, std::size_t row) {
    std::size_t key = *table.schema().find(table.key_column());
    return std::string(table.rows().columns[key].get<std::string_view>(row));
  };
  ReferenceDiff result;
  auto order_before = by_name(before), order_after = by_name(after);
  std::string text_before, text_after;
  for (std::size_t row = 0; row < before.row_count(); ++row) {
    std::string key = key_at(before, row);
    auto other = after.find(key);
    if (!other) {
      result.removed.push_back(std::move(key));
      continue;
    }
    row_text(before, order_before, row, text_before);
    row_text(after, order_after, *other, text_after);
    if (text_before != text_after) result.changed.push_back(std::move(key));
  }
  for (std::size_t row = 0; row < after.row_count(); ++row) {
    std::string key = key_at(after, row);
    if (!before.find(key)) result.added.push_back(std::move(key));
  }
  for (auto* keys : {&result.added, &result.removed, &result.changed})
    std::sort(keys->begin(), keys->end());
  return result;
}

}  // namespace freshet::pipeline

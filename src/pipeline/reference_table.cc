#include "pipeline/reference_table.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "common/bytes.h"
#include "common/crc32c.h"
#include "common/units.h"
#include "event/position.h"
#include "pipeline/column_convert.h"
#include "pipeline/reference_format.h"
#include "pipeline/text_arena.h"

namespace freshet::pipeline {
namespace {

constexpr std::size_t kColumnsMax = 256;
constexpr std::size_t kRowsMax = 100'000'000;
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

// Cuts `bytes` from the front of `from`; nothing where fewer are left.
std::optional<std::string_view> cut(std::string_view& from, std::uint64_t bytes) {
  if (bytes > from.size()) return std::nullopt;
  auto taken = from.substr(0, bytes);
  from.remove_prefix(bytes);
  return taken;
}
template <typename T>
std::optional<T> cut_number(std::string_view& from) {
  auto bytes = cut(from, sizeof(T));
  if (!bytes) return std::nullopt;
  return load_le<T>(bytes->data());
}
std::optional<std::string_view> cut_text(std::string_view& from) {
  auto length = cut_number<std::uint32_t>(from);
  if (!length) return std::nullopt;
  return cut(from, *length);
}

void put_text(std::string& to, std::string_view text) {
  auto length = static_cast<std::uint32_t>(text.size());
  to.append(reinterpret_cast<const char*>(&length), 4).append(text);
}
template <typename T>
void put_number(std::string& to, T value) {
  char bytes[sizeof(T)];
  store_le(bytes, value);
  to.append(bytes, sizeof(T));
}

std::uint32_t crc_of(std::string_view all) {
  std::uint32_t crc = crc32c(0, as_bytes_of(all.substr(reference_format::kVersionAt, 4)));
  return crc32c(crc, as_bytes_of(all.substr(reference_format::kBodyBytesAt)));
}

Error corrupt(std::string_view what) {
  return Error(Code::kCorruption, 1309,
               fmt::format("stored reference table: {}; load the table from its file again", what));
}

// Column `index` of a stored table.
Status read_column(std::string_view& body, std::uint64_t rows, ColumnVector& to) {
  auto validity = cut(body, rows);
  if (!validity) return corrupt("cut short");
  std::size_t width = column_type_bytes(to.type());
  std::optional<std::string_view> values = cut(body, rows * (is_text(to.type()) ? 4 : width));
  if (!values) return corrupt("cut short");
  to.reserve(rows);
  if (!is_text(to.type())) {
    to.resize_null(rows);
    std::array<char, 16> value;
    for (std::uint64_t row = 0; row < rows; ++row) {
      char flag = (*validity)[row];
      if (flag != 0 && flag != 1) return corrupt("a validity byte is neither 0 nor 1");
      if (flag == 0) {
        if (values->substr(row * width, width).find_first_not_of('\0') != std::string_view::npos)
          return corrupt("a null holds a value");
        continue;
      }
      std::memcpy(value.data(), values->data() + row * width, width);
      if (to.type() == ColumnType::kBool && value[0] != 0 && value[0] != 1)
        return corrupt("a BOOLEAN is neither 0 nor 1");
      switch (width) {
        case 1:
          to.set(row, load_le<std::uint8_t>(value.data()));
          break;
        case 2:
          to.set(row, load_le<std::uint16_t>(value.data()));
          break;
        case 4:
          to.set(row, load_le<std::uint32_t>(value.data()));
          break;
        case 8:
          to.set(row, load_le<std::uint64_t>(value.data()));
          break;
        default:
          to.set(row, load_le<EventId>(value.data()));
      }
    }
    return ok();
  }
  for (std::uint64_t row = 0; row < rows; ++row) {
    auto text = cut(body, load_le<std::uint32_t>(values->data() + row * 4));
    if (!text) return corrupt("cut short");
    char flag = (*validity)[row];
    if (flag != 0 && flag != 1) return corrupt("a validity byte is neither 0 nor 1");
    if (flag == 0 && !text->empty()) return corrupt("a null holds a value");
    if (flag == 1)
      to.append(*text);
    else
      to.append_null();
  }
  return ok();
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
  if (schema.columns.size() > kColumnsMax) {
    return Error(Code::kInvalid, 1305,
                 fmt::format("reference table {}: {} columns; at most {} are taken", name,
                             schema.columns.size(), kColumnsMax));
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
  if (count > kRowsMax) {
    return Error(
        Code::kInvalid, 1307,
        fmt::format("reference table {}: {} rows; at most {} are taken", name, count, kRowsMax));
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

std::string ReferenceTable::to_bytes() const {
  const State& s = *state_;
  std::string to(reference_format::kHeaderBytes, '\0');
  put_text(to, s.name);
  put_text(to, s.key_column);
  put_number(to, static_cast<std::uint32_t>(s.schema.columns.size()));
  put_number(to, static_cast<std::uint64_t>(row_count()));
  for (const ColumnSchema& column : s.schema.columns) {
    to.push_back(static_cast<char>(column.type));
    put_text(to, column.name);
  }
  for (const ColumnVector& column : s.rows.columns) {
    std::size_t width = column_type_bytes(column.type());
    for (std::uint8_t flag : column.validity()) to.push_back(flag != 0 ? '\1' : '\0');
    for (std::size_t row = 0; row < row_count(); ++row) {
      if (is_text(column.type())) {
        auto text = column.is_valid(row) ? column.get<std::string_view>(row) : std::string_view();
        put_number(to, static_cast<std::uint32_t>(text.size()));
      } else if (column.is_valid(row)) {
        to.append(reinterpret_cast<const char*>(column.data()) + row * width, width);
      } else {
        to.append(width, '\0');
      }
    }
    for (std::size_t row = 0; is_text(column.type()) && row < row_count(); ++row) {
      if (column.is_valid(row)) to.append(column.get<std::string_view>(row));
    }
  }
  std::memcpy(to.data(), reference_format::kMagic.data(), reference_format::kMagic.size());
  store_le(to.data() + reference_format::kVersionAt, reference_format::kVersion);
  store_le(to.data() + reference_format::kBodyBytesAt,
           static_cast<std::uint64_t>(to.size() - reference_format::kHeaderBytes));
  store_le(to.data() + reference_format::kContentHashAt, s.content_hash);
  store_le(to.data() + reference_format::kCrcAt, crc_of(to));
  return to;
}

Result<std::shared_ptr<const ReferenceTable>> ReferenceTable::from_bytes(std::string_view bytes) {
  namespace format = reference_format;
  if (bytes.size() < format::kHeaderBytes || !bytes.starts_with(format::kMagic))
    return corrupt("this is none");
  if (load_le<std::uint32_t>(bytes.data() + format::kCrcAt) != crc_of(bytes))
    return corrupt("its checksum does not fit");
  auto version = load_le<std::uint32_t>(bytes.data() + format::kVersionAt);
  if (version != format::kVersion) {
    return Error(Code::kUnsupported, 1309,
                 fmt::format("stored reference table: format version {}, this binary reads {}; "
                             "use a newer one",
                             version, format::kVersion));
  }
  std::string_view body = bytes.substr(format::kHeaderBytes);
  if (load_le<std::uint64_t>(bytes.data() + format::kBodyBytesAt) != body.size())
    return corrupt("its length does not fit");
  auto name = cut_text(body);
  auto key_column = name ? cut_text(body) : std::nullopt;
  auto column_count = key_column ? cut_number<std::uint32_t>(body) : std::nullopt;
  auto row_count = column_count ? cut_number<std::uint64_t>(body) : std::nullopt;
  if (!row_count || *column_count > kColumnsMax || *row_count > kRowsMax)
    return corrupt("its shape is impossible");
  Schema schema;
  for (std::uint32_t i = 0; i < *column_count; ++i) {
    auto type = cut_number<std::uint8_t>(body);
    auto column_name = type ? cut_text(body) : std::nullopt;
    if (!column_name || *type > static_cast<std::uint8_t>(ColumnType::kBlob))
      return corrupt("a column is impossible");
    schema.columns.push_back({std::string(*column_name), static_cast<ColumnType>(*type)});
  }
  ColumnBatch rows(schema);
  for (ColumnVector& column : rows.columns)
    FRESHET_TRY_STATUS(read_column(body, *row_count, column));
  if (!body.empty()) return corrupt("more stands behind its end");
  auto table = make(std::string(*name), std::string(*key_column), schema, rows);
  if (!table) return corrupt(table.error().message());
  if ((*table)->content_hash() != load_le<std::uint64_t>(bytes.data() + format::kContentHashAt))
    return corrupt("its content is not what was stored");
  return table;
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

const KnownReference& known_reference(std::string_view name) {
  using enum ColumnType;
  static const KnownReference cameras{"camera_id",
                                      {{"camera_id", kText},
                                       {"location_id", kText},
                                       {"name", kText},
                                       {"heading_deg", kDouble},
                                       {"frame_w", kInt32},
                                       {"frame_h", kInt32},
                                       {"vendor", kText},
                                       {"model", kText},
                                       {"adapter", kText},
                                       {"enabled", kBool},
                                       {"retention_class", kText},
                                       {"heartbeat_s", kDouble}}};
  static const KnownReference locations{"location_id",
                                        {{"location_id", kText},
                                         {"name", kText},
                                         {"lat", kDouble},
                                         {"lon", kDouble},
                                         {"zone", kText},
                                         {"site", kText},
                                         {"region", kText},
                                         {"kind", kText},
                                         {"timezone", kText},
                                         {"capacity", kInt64},
                                         {"retention_class", kText},
                                         {"tags", kText},
                                         {"valid_from", kTimestamp},
                                         {"valid_to", kTimestamp}}};
  static const KnownReference none{};
  return name == "cameras" ? cameras : name == "locations" ? locations : none;
}

Status check_known_reference(std::string_view name, const Schema& schema) {
  const KnownReference& known = known_reference(name);
  if (known.columns.empty()) return ok();
  if (!schema.find(known.key_column)) {
    return Error(Code::kInvalid, 1308,
                 fmt::format("reference table {}: the column {} is missing; it is its key", name,
                             known.key_column));
  }
  for (const ColumnSchema& column : known.columns) {
    auto found = schema.find(column.name);
    if (!found) continue;
    ColumnType type = schema.columns[*found].type;
    if (can_convert(type, column.type)) continue;
    return Error(Code::kInvalid, 1308,
                 fmt::format("reference table {}: the column {} is {}, but must be {}", name,
                             column.name, sql_type_name(type), sql_type_name(column.type)));
  }
  return ok();
}

}  // namespace freshet::pipeline

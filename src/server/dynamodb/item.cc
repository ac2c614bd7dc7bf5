#include "server/dynamodb/item.h"

#include <algorithm>

#include "aws/document.h"
#include "common/base64.h"
#include "common/time_text.h"
#include "server/dynamodb/column_text.h"
#include "server/dynamodb/expression_evaluator.h"

namespace freshet::dynamodb {
namespace {

constexpr double kBoxScale = 65'535.0;

struct Side {
  const char* name;
  std::uint16_t Box::* member;
};
constexpr Side kSides[] = {{"x", &Box::x}, {"y", &Box::y}, {"w", &Box::w}, {"h", &Box::h}};

void append_text_member(std::string& to, std::string_view type, std::string_view text) {
  to += "{\"";
  to += type;
  to += "\":";
  aws::append_json_text(to, text);
  to += '}';
}

// What needs no escaping: numbers, times, ids, base64.
void append_plain_member(std::string& to, std::string_view type, std::string_view text) {
  to += "{\"";
  to += type;
  to += "\":\"";
  to += text;
  to += "\"}";
}

// Digits and a sign, no closing zeros: what N keeps.
std::uint64_t number_bytes(std::string_view text) {
  std::uint64_t digits = 0, zeros = 0;
  for (char c : text) {
    if (c < '0' || c > '9') continue;
    if (c == '0') {
      if (digits > 0) ++zeros;
      continue;
    }
    digits += zeros + 1;
    zeros = 0;
  }
  return (digits + 1) / 2 + 1;
}

void append_name(std::string& to, std::string_view name) {
  if (to.back() != '{') to += ',';
  aws::append_json_text(to, name);
  to += ':';
}

void append_items_json(std::string& to, const Value& value) {
  to += value.kind == Value::Kind::kMap ? '{' : '[';
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (i > 0) to += ',';
    if (value.kind == Value::Kind::kMap) {
      aws::append_json_text(to, value.names[i]);
      to += ':';
    }
    append_value_json(to, value.items[i]);
  }
  to += value.kind == Value::Kind::kMap ? '}' : ']';
}

}  // namespace

// Only what columns can hold comes here: no sets.
void append_value_json(std::string& to, const Value& value) {
  switch (value.kind) {
    case Value::Kind::kString:
      return append_text_member(to, "S", value.bytes);
    case Value::Kind::kNumber:
      return append_plain_member(to, "N", value.number.text());
    case Value::Kind::kBinary:
      return append_plain_member(to, "B", base64_encode(value.bytes));
    case Value::Kind::kBool:
      to += value.boolean ? "{\"BOOL\":true}" : "{\"BOOL\":false}";
      return;
    case Value::Kind::kNull:
      to += "{\"NULL\":true}";
      return;
    case Value::Kind::kList:
    case Value::Kind::kMap:
      to += value.kind == Value::Kind::kMap ? "{\"M\":" : "{\"L\":";
      append_items_json(to, value);
      to += '}';
      return;
    default:
      FRESHET_CHECK(!is_set(value.kind));
  }
}

bool Item::is_shown(std::size_t column) const {
  if (!has(column)) return false;
  ColumnType type = shape_.info.schema.columns[column].type;
  if (type != ColumnType::kDouble && type != ColumnType::kFloat) return true;
  return number_text(chunk_, column, type, row_).has_value();
}

std::string Item::key() const {
  if (shape_.id_text_column && has(*shape_.id_text_column))
    return std::string(text(*shape_.id_text_column));
  return uuid_text(chunk_.values_as<EventId>(shape_.key_column)[row_]);
}

Value Item::value_of(std::size_t column) const {
  if (column == shape_.key_column) return Value::string(key());
  ColumnType type = shape_.info.schema.columns[column].type;
  Value value;
  switch (type) {
    case ColumnType::kBool:
      value.kind = Value::Kind::kBool;
      value.boolean = chunk_.values_as<std::uint8_t>(column)[row_] != 0;
      return value;
    case ColumnType::kDate:
      return Value::string(date_text(chunk_.values_as<std::int32_t>(column)[row_]));
    case ColumnType::kTimestamp:
      return Value::string(format_rfc3339_us(time_us(column)));
    case ColumnType::kUuid:
      return Value::string(uuid_text(chunk_.values_as<EventId>(column)[row_]));
    case ColumnType::kText:
      return Value::string(std::string(text(column)));
    case ColumnType::kBlob:
      value.kind = Value::Kind::kBinary;
      value.bytes = std::string(text(column));
      return value;
    case ColumnType::kBox:
      value.kind = Value::Kind::kMap;
      for (const Side& side : kSides) {
        value.names.emplace_back(side.name);
        double fraction = chunk_.values_as<Box>(column)[row_].*side.member / kBoxScale;
        value.items.push_back(Value::of(*Number::from(fraction)));
      }
      return value;
    default: {
      auto number = number_text(chunk_, column, type, row_);
      FRESHET_CHECK(number.has_value());  // is_shown() was asked
      return Value::of(*Number::parse(*number));
    }
  }
}

std::optional<Value> Item::attribute(std::string_view name) const {
  auto column = shape_.info.schema.find(name);
  if (!column || !is_shown(*column)) return std::nullopt;
  return value_of(*column);
}

// The same as append_value_json(value_of()), without making the value: reads spend their time here.
void Item::append_attribute(std::string& to, std::size_t column) const {
  ColumnType type = shape_.info.schema.columns[column].type;
  switch (type) {
    case ColumnType::kText:
      return append_text_member(to, "S", text(column));
    case ColumnType::kTimestamp:
      return append_plain_member(to, "S", format_rfc3339_us(time_us(column)));
    case ColumnType::kBox:
      to += "{\"M\":{";
      for (const Side& side : kSides) {
        append_name(to, side.name);
        double fraction = chunk_.values_as<Box>(column)[row_].*side.member / kBoxScale;
        append_plain_member(to, "N", number_text(fraction));
      }
      to += "}}";
      return;
    case ColumnType::kBool:
    case ColumnType::kDate:
    case ColumnType::kUuid:
    case ColumnType::kBlob:
      return append_value_json(to, value_of(column));
    default:
      return append_plain_member(to, "N", *number_text(chunk_, column, type, row_));
  }
}

void Item::append_projected(std::string& to, std::size_t column,
                            const std::vector<Path>& paths) const {
  const std::string& name = shape_.name_of(column);
  Value part;
  part.kind = Value::Kind::kMap;
  std::optional<Value> whole;
  for (const Path& path : paths) {
    if (path.attribute() != name) continue;
    if (path.elements.size() == 1) {
      append_name(to, name);
      return append_attribute(to, column);
    }
    // Columns hold nothing deeper than a map of numbers, so that two names reach everything.
    if (!whole) whole = value_of(column);
    const Value* found = follow(*whole, path);
    if (!found) continue;
    part.names.push_back(std::get<std::string>(path.elements[1]));
    part.items.push_back(*found);
  }
  if (part.items.empty()) return;
  append_name(to, name);
  append_value_json(to, part);
}

void Item::append_json(std::string& to, const std::vector<Path>* projection) const {
  to += '{';
  for (std::size_t column = 0; column < shape_.info.schema.columns.size(); ++column) {
    if (!is_shown(column)) continue;
    if (projection) {
      append_projected(to, column, *projection);
      continue;
    }
    append_name(to, shape_.name_of(column));
    if (column == shape_.key_column) {
      append_text_member(to, "S", key());
    } else {
      append_attribute(to, column);
    }
  }
  to += '}';
}

void Item::append_key_json(std::string& to, const TableIndex* index) const {
  to += '{';
  append_name(to, shape_.key_name());
  append_text_member(to, "S", key());
  if (index) {
    append_name(to, shape_.name_of(index->hash_column));
    append_text_member(to, "S", text(index->hash_column));
    append_name(to, shape_.name_of(shape_.time_column()));
    append_plain_member(to, "S", format_rfc3339_us(time_us(shape_.time_column())));
  }
  to += '}';
}

std::uint64_t Item::bytes() const {
  constexpr std::uint64_t kUuidText = 36, kTimeText = 27, kDateText = 10;
  constexpr std::uint64_t kMapBytes = 3, kElementBytes = 1;
  std::uint64_t bytes = 0;
  for (std::size_t column = 0; column < shape_.info.schema.columns.size(); ++column) {
    if (!is_shown(column)) continue;
    ColumnType type = shape_.info.schema.columns[column].type;
    bytes += shape_.name_of(column).size();
    if (is_text(type)) {
      bytes += text(column).size();
    } else if (column == shape_.key_column) {
      bytes += key().size();
    } else if (type == ColumnType::kUuid) {
      bytes += kUuidText;
    } else if (type == ColumnType::kTimestamp) {
      bytes += kTimeText;
    } else if (type == ColumnType::kDate) {
      bytes += kDateText;
    } else if (type == ColumnType::kBool) {
      bytes += 1;
    } else if (type == ColumnType::kBox) {
      bytes += kMapBytes;
      for (const Side& side : kSides) {
        double fraction = chunk_.values_as<Box>(column)[row_].*side.member / kBoxScale;
        bytes += kElementBytes + 1 + number_bytes(number_text(fraction));
      }
    } else {
      bytes += number_bytes(*number_text(chunk_, column, type, row_));
    }
  }
  return bytes;
}

}  // namespace freshet::dynamodb

#include "sql/value_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <limits>

#include "common/base64.h"
#include "common/time_text.h"
#include "sql/column_types.h"
#include "sql/vector_io.h"

namespace freshet::sql {
namespace {

constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kDayUs = 86'400'000'000;
__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

std::string taken(char* text) {
  std::string copy = text == nullptr ? std::string() : std::string(text);
  duckdb_free(text);
  return copy;
}

Status add_child(ValueType& type, duckdb_logical_type child) {
  LogicalType owned(child);
  FRESHET_TRY(ValueType value_type, value_type_of(owned.get()));
  type.children.push_back(std::move(value_type));
  return ok();
}

template <typename Value>
void append_number(std::string& to, Value value) {
  fmt::format_to(std::back_inserter(to), "{}", value);
}

// True for numbers that are written without quotes.
template <typename Float>
bool append_float(std::string& to, Float value) {
  if (std::isnan(value)) {
    to += "NaN";
    return false;
  }
  if (std::isinf(value)) {
    to += value > 0 ? "Infinity" : "-Infinity";
    return false;
  }
  std::size_t first = to.size();
  append_number(to, value);
  if (to.find_first_of(".e", first) == std::string::npos) to += ".0";
  return true;
}

std::string digits_of(UInt128 value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return digits;
}

std::string digits_of(Int128 value) {
  return value < 0 ? '-' + digits_of(-static_cast<UInt128>(value))
                   : digits_of(static_cast<UInt128>(value));
}

Int128 int128_of(const duckdb_hugeint& value) {
  return static_cast<Int128>(static_cast<UInt128>(static_cast<std::uint64_t>(value.upper)) << 64 |
                             value.lower);
}

void append_decimal(std::string& to, const ValueView& view, std::uint64_t row) {
  Int128 value = 0;
  switch (view.type->storage) {
    case DUCKDB_TYPE_SMALLINT:
      value = view.at<std::int16_t>(row);
      break;
    case DUCKDB_TYPE_INTEGER:
      value = view.at<std::int32_t>(row);
      break;
    case DUCKDB_TYPE_BIGINT:
      value = view.at<std::int64_t>(row);
      break;
    default:
      value = int128_of(view.at<duckdb_hugeint>(row));
  }
  std::string digits =
      digits_of(value < 0 ? -static_cast<UInt128>(value) : static_cast<UInt128>(value));
  std::size_t scale = view.type->scale;
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  if (scale > 0) digits.insert(digits.size() - scale, 1, '.');
  if (value < 0) to += '-';
  to += digits;
}

void append_time_of_day(std::string& to, std::int64_t us) {
  fmt::format_to(std::back_inserter(to), "{:02d}:{:02d}:{:02d}.{:06d}", us / 3'600'000'000,
                 us / 60'000'000 % 60, us / 1'000'000 % 60, us % 1'000'000);
}

// `unit_ns` says what the value counts. A type without a zone has no Z behind it.
void append_timestamp(std::string& to, std::int64_t value, std::int64_t unit_ns, bool zone) {
  if (value == kInfinity || value == -kInfinity) {
    to += value > 0 ? "infinity" : "-infinity";
    return;
  }
  std::int64_t us = value;
  std::int64_t rest_ns = 0;
  if (unit_ns >= 1000) {
    us = value * (unit_ns / 1000);
  } else {
    us = value / 1000 - (value % 1000 < 0 ? 1 : 0);
    rest_ns = value - us * 1000;
  }
  std::string text = format_rfc3339_us(us);
  text.pop_back();
  to += text;
  if (unit_ns == 1) fmt::format_to(std::back_inserter(to), "{:03d}", rest_ns);
  if (zone) to += 'Z';
}

void append_date(std::string& to, std::int32_t days) {
  constexpr std::int32_t kInfinityDays = std::numeric_limits<std::int32_t>::max();
  if (days == kInfinityDays || days == -kInfinityDays)
    to += days > 0 ? "infinity" : "-infinity";
  else
    to += format_rfc3339_us(days * kDayUs).substr(0, 10);
}

void append_interval(std::string& to, const duckdb_interval& value) {
  to += 'P';
  if (value.months != 0) fmt::format_to(std::back_inserter(to), "{}M", value.months);
  if (value.days != 0) fmt::format_to(std::back_inserter(to), "{}D", value.days);
  if (value.micros != 0 || (value.months == 0 && value.days == 0)) {
    std::uint64_t us = value.micros < 0 ? 0 - static_cast<std::uint64_t>(value.micros)
                                        : static_cast<std::uint64_t>(value.micros);
    fmt::format_to(std::back_inserter(to), "T{}{}", value.micros < 0 ? "-" : "", us / 1'000'000);
    if (us % 1'000'000 != 0) fmt::format_to(std::back_inserter(to), ".{:06d}", us % 1'000'000);
    to += 'S';
  }
}

void append_time_with_zone(std::string& to, const duckdb_time_tz& value) {
  duckdb_time_tz_struct parts = duckdb_from_time_tz(value);
  const duckdb_time_struct& time = parts.time;
  std::int32_t offset = parts.offset < 0 ? -parts.offset : parts.offset;
  fmt::format_to(std::back_inserter(to), "{:02d}:{:02d}:{:02d}.{:06d}{}{:02d}:{:02d}", time.hour,
                 time.min, time.sec, time.micros, parts.offset < 0 ? '-' : '+', offset / 3600,
                 offset / 60 % 60);
}

void append_uuid(std::string& to, const EventId& id) {
  fmt::format_to(std::back_inserter(to), "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", id.high >> 32,
                 id.high >> 16 & 0xffff, id.high & 0xffff, id.low >> 48,
                 id.low & 0xffff'ffff'ffffull);
}

// The first byte says how many bits of the second are padding.
void append_bits(std::string& to, std::string_view bytes) {
  if (bytes.empty()) return;
  std::size_t padding = static_cast<unsigned char>(bytes[0]);
  for (std::size_t bit = padding; bit < (bytes.size() - 1) * 8; ++bit)
    to += (static_cast<unsigned char>(bytes[1 + bit / 8]) >> (7 - bit % 8) & 1) != 0 ? '1' : '0';
}

std::string_view enum_word(const ValueView& view, std::uint64_t row) {
  std::size_t index = 0;
  switch (view.type->storage) {
    case DUCKDB_TYPE_UTINYINT:
      index = view.at<std::uint8_t>(row);
      break;
    case DUCKDB_TYPE_USMALLINT:
      index = view.at<std::uint16_t>(row);
      break;
    default:
      index = view.at<std::uint32_t>(row);
  }
  return view.type->names.at(index);
}

// Values whose text needs no quotes in JSON. False where the type is another.
bool append_plain(std::string& to, const ValueView& view, std::uint64_t row) {
  switch (view.type->id) {
    case DUCKDB_TYPE_BOOLEAN:
      to += view.at<bool>(row) ? "true" : "false";
      return true;
    case DUCKDB_TYPE_TINYINT:
      append_number(to, static_cast<int>(view.at<std::int8_t>(row)));
      return true;
    case DUCKDB_TYPE_SMALLINT:
      append_number(to, view.at<std::int16_t>(row));
      return true;
    case DUCKDB_TYPE_INTEGER:
      append_number(to, view.at<std::int32_t>(row));
      return true;
    case DUCKDB_TYPE_BIGINT:
      append_number(to, view.at<std::int64_t>(row));
      return true;
    case DUCKDB_TYPE_UTINYINT:
      append_number(to, static_cast<int>(view.at<std::uint8_t>(row)));
      return true;
    case DUCKDB_TYPE_USMALLINT:
      append_number(to, view.at<std::uint16_t>(row));
      return true;
    case DUCKDB_TYPE_UINTEGER:
      append_number(to, view.at<std::uint32_t>(row));
      return true;
    case DUCKDB_TYPE_UBIGINT:
      append_number(to, view.at<std::uint64_t>(row));
      return true;
    case DUCKDB_TYPE_HUGEINT:
      to += digits_of(int128_of(view.at<duckdb_hugeint>(row)));
      return true;
    case DUCKDB_TYPE_UHUGEINT:
      to += digits_of(static_cast<UInt128>(int128_of(view.at<duckdb_hugeint>(row))));
      return true;
    case DUCKDB_TYPE_DECIMAL:
      append_decimal(to, view, row);
      return true;
    default:
      return false;
  }
}

// Values that are a short text without anything to escape. False where the type is another.
bool append_word(std::string& to, const ValueView& view, std::uint64_t row) {
  switch (view.type->id) {
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      append_timestamp(to, view.at<std::int64_t>(row), 1000, true);
      return true;
    case DUCKDB_TYPE_TIMESTAMP:
      append_timestamp(to, view.at<std::int64_t>(row), 1000, false);
      return true;
    case DUCKDB_TYPE_TIMESTAMP_S:
      append_timestamp(to, view.at<std::int64_t>(row), 1'000'000'000, false);
      return true;
    case DUCKDB_TYPE_TIMESTAMP_MS:
      append_timestamp(to, view.at<std::int64_t>(row), 1'000'000, false);
      return true;
    case DUCKDB_TYPE_TIMESTAMP_NS:
      append_timestamp(to, view.at<std::int64_t>(row), 1, false);
      return true;
    case DUCKDB_TYPE_DATE:
      append_date(to, view.at<std::int32_t>(row));
      return true;
    case DUCKDB_TYPE_TIME:
      append_time_of_day(to, view.at<std::int64_t>(row));
      return true;
    case DUCKDB_TYPE_TIME_NS:
      append_time_of_day(to, view.at<std::int64_t>(row) / 1000);
      fmt::format_to(std::back_inserter(to), "{:03d}", view.at<std::int64_t>(row) % 1000);
      return true;
    case DUCKDB_TYPE_TIME_TZ:
      append_time_with_zone(to, view.at<duckdb_time_tz>(row));
      return true;
    case DUCKDB_TYPE_INTERVAL:
      append_interval(to, view.at<duckdb_interval>(row));
      return true;
    case DUCKDB_TYPE_UUID:
      append_uuid(to, event_id_of(view.at<duckdb_hugeint>(row)));
      return true;
    case DUCKDB_TYPE_BLOB:
      base64_append(to, view_of(view.at<duckdb_string_t>(row)));
      return true;
    case DUCKDB_TYPE_BIT:
      append_bits(to, view_of(view.at<duckdb_string_t>(row)));
      return true;
    default:
      return false;
  }
}

void append_list(std::string& to, const ValueView& element, std::uint64_t first,
                 std::uint64_t count) {
  to += '[';
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) to += ',';
    append_json(to, element, first + i);
  }
  to += ']';
}

void append_struct(std::string& to, const ValueView& view, std::uint64_t row) {
  to += '{';
  for (std::size_t i = 0; i < view.children.size(); ++i) {
    if (i > 0) to += ',';
    append_json_text(to, view.type->names[i]);
    to += ':';
    append_json(to, view.children[i], row);
  }
  to += '}';
}

void append_map(std::string& to, const ValueView& view, std::uint64_t row) {
  const auto& entry = view.at<duckdb_list_entry>(row);
  bool object = view.type->children[0].id == DUCKDB_TYPE_VARCHAR;
  to += object ? '{' : '[';
  for (std::uint64_t i = 0; i < entry.length; ++i) {
    if (i > 0) to += ',';
    if (!object) to += '[';
    append_json(to, view.children[0], entry.offset + i);
    to += object ? ':' : ',';
    append_json(to, view.children[1], entry.offset + i);
    if (!object) to += ']';
  }
  to += object ? '}' : ']';
}

void append_nested(std::string& to, const ValueView& view, std::uint64_t row) {
  switch (view.type->id) {
    case DUCKDB_TYPE_LIST: {
      const auto& entry = view.at<duckdb_list_entry>(row);
      return append_list(to, view.children[0], entry.offset, entry.length);
    }
    case DUCKDB_TYPE_ARRAY:
      return append_list(to, view.children[0], row * view.type->array_size, view.type->array_size);
    case DUCKDB_TYPE_STRUCT:
      return append_struct(to, view, row);
    case DUCKDB_TYPE_MAP:
      return append_map(to, view, row);
    default:
      check_failed_with("a value of a type that value_type_of() refuses",
                        std::to_string(view.type->id));
  }
}

bool is_nested(duckdb_type id) {
  return id == DUCKDB_TYPE_LIST || id == DUCKDB_TYPE_ARRAY || id == DUCKDB_TYPE_STRUCT ||
         id == DUCKDB_TYPE_MAP;
}

// The text of a value that is one already.
std::string_view text_of(const ValueView& view, std::uint64_t row) {
  return view.type->id == DUCKDB_TYPE_ENUM ? enum_word(view, row)
                                           : view_of(view.at<duckdb_string_t>(row));
}

bool append_any_float(std::string& to, const ValueView& view, std::uint64_t row) {
  return view.type->id == DUCKDB_TYPE_FLOAT ? append_float(to, view.at<float>(row))
                                            : append_float(to, view.at<double>(row));
}

bool is_float(duckdb_type id) {
  return id == DUCKDB_TYPE_FLOAT || id == DUCKDB_TYPE_DOUBLE;
}

}  // namespace

Result<ValueType> value_type_of(duckdb_logical_type type) {
  ValueType value_type;
  value_type.id = duckdb_get_type_id(type);
  switch (value_type.id) {
    case DUCKDB_TYPE_DECIMAL:
      value_type.storage = duckdb_decimal_internal_type(type);
      value_type.scale = duckdb_decimal_scale(type);
      break;
    case DUCKDB_TYPE_ENUM:
      value_type.storage = duckdb_enum_internal_type(type);
      for (std::uint32_t i = 0; i < duckdb_enum_dictionary_size(type); ++i)
        value_type.names.push_back(taken(duckdb_enum_dictionary_value(type, i)));
      break;
    case DUCKDB_TYPE_LIST:
      FRESHET_TRY_STATUS(add_child(value_type, duckdb_list_type_child_type(type)));
      break;
    case DUCKDB_TYPE_ARRAY:
      value_type.array_size = duckdb_array_type_array_size(type);
      FRESHET_TRY_STATUS(add_child(value_type, duckdb_array_type_child_type(type)));
      break;
    case DUCKDB_TYPE_MAP:
      FRESHET_TRY_STATUS(add_child(value_type, duckdb_map_type_key_type(type)));
      FRESHET_TRY_STATUS(add_child(value_type, duckdb_map_type_value_type(type)));
      break;
    case DUCKDB_TYPE_STRUCT:
      for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
        value_type.names.push_back(taken(duckdb_struct_type_child_name(type, i)));
        FRESHET_TRY_STATUS(add_child(value_type, duckdb_struct_type_child_type(type, i)));
      }
      break;
    case DUCKDB_TYPE_VARCHAR:
      value_type.is_json = taken(duckdb_logical_type_get_alias(type)) == "JSON";
      break;
    case DUCKDB_TYPE_INVALID:
    case DUCKDB_TYPE_UNION:
    case DUCKDB_TYPE_BIGNUM:
    case DUCKDB_TYPE_GEOMETRY:
    case DUCKDB_TYPE_VARIANT:
    case DUCKDB_TYPE_ANY:
      return Error(Code::kInvalid, 5003,
                   fmt::format("a value of type {} has no plain text: write CAST(… AS VARCHAR)",
                               type_name(type)));
    default:
      break;
  }
  return value_type;
}

ValueView::ValueView(const ValueType& value_type, duckdb_vector vector)
    : type(&value_type),
      data(duckdb_vector_get_data(vector)),
      validity(duckdb_vector_get_validity(vector)) {
  switch (type->id) {
    case DUCKDB_TYPE_LIST:
      children.emplace_back(type->children[0], duckdb_list_vector_get_child(vector));
      break;
    case DUCKDB_TYPE_ARRAY:
      children.emplace_back(type->children[0], duckdb_array_vector_get_child(vector));
      break;
    case DUCKDB_TYPE_MAP: {
      duckdb_vector entries = duckdb_list_vector_get_child(vector);
      for (idx_t i = 0; i < 2; ++i)
        children.emplace_back(type->children[i], duckdb_struct_vector_get_child(entries, i));
      break;
    }
    case DUCKDB_TYPE_STRUCT:
      for (idx_t i = 0; i < type->children.size(); ++i)
        children.emplace_back(type->children[i], duckdb_struct_vector_get_child(vector, i));
      break;
    default:
      break;
  }
}

void append_json(std::string& to, const ValueView& view, std::uint64_t row) {
  if (view.is_null(row)) {
    to += "null";
    return;
  }
  if (append_plain(to, view, row)) return;
  if (is_nested(view.type->id)) return append_nested(to, view, row);
  if (view.type->is_json) {
    to += text_of(view, row);
    return;
  }
  if (view.type->id == DUCKDB_TYPE_VARCHAR || view.type->id == DUCKDB_TYPE_ENUM)
    return append_json_text(to, text_of(view, row));
  std::size_t first = to.size();
  to += '"';
  if (is_float(view.type->id)) {
    if (append_any_float(to, view, row)) {
      to.erase(first, 1);
      return;
    }
  } else {
    FRESHET_CHECK(append_word(to, view, row));
  }
  to += '"';
}

void append_csv(std::string& to, const ValueView& view, std::uint64_t row) {
  if (view.is_null(row)) return;
  if (append_plain(to, view, row)) return;
  if (is_float(view.type->id)) {
    append_any_float(to, view, row);
    return;
  }
  if (view.type->id == DUCKDB_TYPE_VARCHAR || view.type->id == DUCKDB_TYPE_ENUM)
    return append_csv_text(to, text_of(view, row));
  if (append_word(to, view, row)) return;
  std::string nested;
  append_nested(nested, view, row);
  append_csv_text(to, nested);
}

void append_json_text(std::string& to, std::string_view text) {
  to += '"';
  std::size_t written = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    to.append(text, written, i - written);
    written = i + 1;
    if (c == '"' || c == '\\') {
      to += '\\';
      to += static_cast<char>(c);
    } else if (c == '\n') {
      to += "\\n";
    } else if (c == '\t') {
      to += "\\t";
    } else if (c == '\r') {
      to += "\\r";
    } else {
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned>(c));
    }
  }
  to.append(text, written, std::string_view::npos);
  to += '"';
}

void append_csv_text(std::string& to, std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    to += text;
    return;
  }
  to += '"';
  for (char c : text) {
    if (c == '"') to += c;
    to += c;
  }
  to += '"';
}

}  // namespace freshet::sql

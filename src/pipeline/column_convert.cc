#include "pipeline/column_convert.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "common/time_text.h"
#include "event/position.h"

namespace freshet::pipeline {
namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;

// In the years 0000 to 9999, which is what RFC 3339 can write. DATE 'infinity' is not.
bool is_calendar_day(std::int64_t days) {
  return days >= -719'528 && days <= 2'932'896;
}

bool is_integer(ColumnType type) {
  return type >= ColumnType::kInt8 && type <= ColumnType::kUInt64;
}
bool is_real(ColumnType type) {
  return type == ColumnType::kFloat || type == ColumnType::kDouble;
}
bool is_number(ColumnType type) {
  return is_integer(type) || is_real(type);
}

__int128 integer_at(const ColumnVector& column, std::size_t row) {
  switch (column.type()) {
    case ColumnType::kInt8:
      return column.get<std::int8_t>(row);
    case ColumnType::kInt16:
      return column.get<std::int16_t>(row);
    case ColumnType::kInt32:
      return column.get<std::int32_t>(row);
    case ColumnType::kInt64:
      return column.get<std::int64_t>(row);
    case ColumnType::kUInt8:
      return column.get<std::uint8_t>(row);
    case ColumnType::kUInt16:
      return column.get<std::uint16_t>(row);
    case ColumnType::kUInt32:
      return column.get<std::uint32_t>(row);
    default:
      return column.get<std::uint64_t>(row);
  }
}

double real_at(const ColumnVector& column, std::size_t row) {
  return column.type() == ColumnType::kFloat ? static_cast<double>(column.get<float>(row))
                                             : column.get<double>(row);
}

template <typename T>
bool append_integer(__int128 value, ColumnVector& to) {
  if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) return false;
  to.append(static_cast<T>(value));
  return true;
}

bool append_as_integer(__int128 value, ColumnVector& to) {
  switch (to.type()) {
    case ColumnType::kInt8:
      return append_integer<std::int8_t>(value, to);
    case ColumnType::kInt16:
      return append_integer<std::int16_t>(value, to);
    case ColumnType::kInt32:
      return append_integer<std::int32_t>(value, to);
    case ColumnType::kInt64:
      return append_integer<std::int64_t>(value, to);
    case ColumnType::kUInt8:
      return append_integer<std::uint8_t>(value, to);
    case ColumnType::kUInt16:
      return append_integer<std::uint16_t>(value, to);
    case ColumnType::kUInt32:
      return append_integer<std::uint32_t>(value, to);
    default:
      return append_integer<std::uint64_t>(value, to);
  }
}

template <typename T>
std::optional<T> parse_all(std::string_view text) {
  T value{};
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<__int128> whole(double value) {
  if (!(std::fabs(value) < 9.2e18) || value != std::floor(value)) return std::nullopt;
  return static_cast<__int128>(value);
}

bool append_number(const ColumnVector& from, std::size_t row, ColumnVector& to) {
  if (is_integer(to.type())) {
    std::optional<__int128> value;
    if (is_integer(from.type())) {
      value = integer_at(from, row);
    } else if (is_real(from.type())) {
      value = whole(real_at(from, row));
    } else {
      auto text = from.get<std::string_view>(row);
      if (auto exact = parse_all<std::int64_t>(text))
        value = *exact;
      else if (auto large = parse_all<std::uint64_t>(text))
        value = *large;
      else if (auto real = parse_all<double>(text))
        value = whole(*real);
    }
    return value && append_as_integer(*value, to);
  }
  std::optional<double> value;
  if (is_integer(from.type()))
    value = static_cast<double>(integer_at(from, row));
  else if (is_real(from.type()))
    value = real_at(from, row);
  else
    value = parse_all<double>(from.get<std::string_view>(row));
  if (!value) return false;
  if (to.type() == ColumnType::kFloat)
    to.append(static_cast<float>(*value));
  else
    to.append(*value);
  return true;
}

bool append_bool(const ColumnVector& from, std::size_t row, ColumnVector& to) {
  bool value = false;
  if (is_integer(from.type())) {
    __int128 number = integer_at(from, row);
    if (number != 0 && number != 1) return false;
    value = number == 1;
  } else {
    auto text = from.get<std::string_view>(row);
    bool yes = text == "true" || text == "True" || text == "TRUE" || text == "1";
    bool no = text == "false" || text == "False" || text == "FALSE" || text == "0";
    if (!yes && !no) return false;
    value = yes;
  }
  to.append(value);
  return true;
}

bool append_time(const ColumnVector& from, std::size_t row, ColumnVector& to) {
  if (from.type() == ColumnType::kDate) {
    std::int64_t days = from.get<std::int32_t>(row);
    if (!is_calendar_day(days)) return false;
    to.append(days * kDayUs);
    return true;
  }
  auto text = from.get<std::string_view>(row);
  auto us = text.size() == 10 ? parse_rfc3339_us(std::string(text) + "T00:00:00Z")
                              : parse_rfc3339_us(text);
  if (us) to.append(*us);
  return us.has_value();
}

bool append_value(const ColumnVector& from, std::size_t row, ColumnVector& to, TextArena& texts) {
  switch (to.type()) {
    case ColumnType::kText:
      to.append(texts.copy(value_text(from, row)));
      return true;
    case ColumnType::kBool:
      return append_bool(from, row, to);
    case ColumnType::kTimestamp:
      return append_time(from, row, to);
    default:
      return append_number(from, row, to);
  }
}

}  // namespace

bool can_convert(ColumnType from, ColumnType to) {
  if (from == to) return true;
  if (to == ColumnType::kText) return from != ColumnType::kBlob && from != ColumnType::kBox;
  if (to == ColumnType::kBool) return is_integer(from) || from == ColumnType::kText;
  if (to == ColumnType::kTimestamp) return from == ColumnType::kDate || from == ColumnType::kText;
  return is_number(to) && (is_number(from) || from == ColumnType::kText);
}

Result<std::unique_ptr<ColumnVector>> convert_column(const ColumnVector& from, ColumnType to,
                                                     TextArena& texts) {
  if (from.type() == to) return std::make_unique<ColumnVector>(from);
  auto mismatch = [&](std::string_view what) {
    return Error(Code::kInvalid, fmt::format("{} cannot become {}", what, sql_type_name(to)));
  };
  if (!can_convert(from.type(), to)) return mismatch(sql_type_name(from.type()));
  auto column = std::make_unique<ColumnVector>(to);
  column->reserve(from.row_count());
  for (std::size_t row = 0; row < from.row_count(); ++row) {
    bool empty = !from.is_valid(row) ||
                 (from.type() == ColumnType::kText && from.get<std::string_view>(row).empty());
    if (empty) {
      column->append_null();
    } else if (!append_value(from, row, *column, texts)) {
      return mismatch(fmt::format("row {}: \"{}\"", row + 1, value_text(from, row).substr(0, 80)));
    }
  }
  return column;
}

std::string value_text(const ColumnVector& column, std::size_t row) {
  if (!column.is_valid(row)) return "";
  switch (column.type()) {
    case ColumnType::kText:
    case ColumnType::kBlob:
      return std::string(column.get<std::string_view>(row));
    case ColumnType::kBool:
      return column.get<bool>(row) ? "true" : "false";
    case ColumnType::kFloat:
      return fmt::format("{}", column.get<float>(row));
    case ColumnType::kDouble:
      return fmt::format("{}", column.get<double>(row));
    case ColumnType::kDate: {
      std::int64_t days = column.get<std::int32_t>(row);
      if (!is_calendar_day(days)) return fmt::format("day {}", days);
      return format_rfc3339_us(days * kDayUs).substr(0, 10);
    }
    case ColumnType::kTimestamp: {
      auto us = column.get<std::int64_t>(row);
      if (!is_calendar_day(us / kDayUs)) return fmt::format("microsecond {}", us);
      return format_rfc3339_us(us);
    }
    case ColumnType::kUuid: {
      auto id = column.get<EventId>(row);
      return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", id.high >> 32,
                         id.high >> 16 & 0xFFFF, id.high & 0xFFFF, id.low >> 48,
                         id.low & 0xFFFF'FFFF'FFFF);
    }
    case ColumnType::kBox: {
      auto box = column.get<Box>(row);
      return fmt::format("[{}, {}, {}, {}]", box.x / 65'535.0, box.y / 65'535.0, box.w / 65'535.0,
                         box.h / 65'535.0);
    }
    default:
      // Integers fit 64 bits, one way or the other.
      if (integer_at(column, row) < 0)
        return std::to_string(static_cast<std::int64_t>(integer_at(column, row)));
      return std::to_string(static_cast<std::uint64_t>(integer_at(column, row)));
  }
}

}  // namespace freshet::pipeline

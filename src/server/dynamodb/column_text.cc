#include "server/dynamodb/column_text.h"

#include <charconv>

#include "common/check.h"
#include "common/time_text.h"
#include "server/dynamodb/number.h"

namespace freshet::dynamodb {
namespace {

template <typename T>
std::optional<std::string> text_of(T value) {
  char buffer[64];
  auto [end, failed] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  FRESHET_CHECK(failed == std::errc());
  std::string text(buffer, end);
  // Plain digits are normalised already; exponents, "-0", "nan" and "inf" take the long way.
  if constexpr (std::is_floating_point_v<T>) {
    if (text.find_first_not_of("-.0123456789") != std::string::npos || text == "-0") {
      auto number = Number::from(value);
      if (!number) return std::nullopt;
      return number->text();
    }
  }
  return text;
}

}  // namespace

std::optional<std::string> number_text(const hot::ChunkView& chunk, std::size_t column,
                                       ColumnType type, std::uint32_t row) {
  switch (type) {
    case ColumnType::kInt8:
      return text_of(int{chunk.values_as<std::int8_t>(column)[row]});
    case ColumnType::kInt16:
      return text_of(chunk.values_as<std::int16_t>(column)[row]);
    case ColumnType::kInt32:
      return text_of(chunk.values_as<std::int32_t>(column)[row]);
    case ColumnType::kInt64:
      return text_of(chunk.values_as<std::int64_t>(column)[row]);
    case ColumnType::kUInt8:
      return text_of(int{chunk.values_as<std::uint8_t>(column)[row]});
    case ColumnType::kUInt16:
      return text_of(chunk.values_as<std::uint16_t>(column)[row]);
    case ColumnType::kUInt32:
      return text_of(chunk.values_as<std::uint32_t>(column)[row]);
    case ColumnType::kUInt64:
      return text_of(chunk.values_as<std::uint64_t>(column)[row]);
    case ColumnType::kFloat:
      return text_of(chunk.values_as<float>(column)[row]);
    case ColumnType::kDouble:
      return text_of(chunk.values_as<double>(column)[row]);
    default:
      return std::nullopt;
  }
}

std::string number_text(double value) {
  auto text = text_of(value);
  FRESHET_CHECK(text.has_value());
  return *text;
}

std::string uuid_text(EventId id) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t at = 0;
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) ++at;
    std::uint64_t half = nibble < 16 ? id.high : id.low;
    text[at++] = kDigits[half >> (60 - nibble % 16 * 4) & 15];
  }
  return text;
}

std::string date_text(std::int32_t days) {
  return format_rfc3339_us(std::int64_t{days} * 86'400'000'000).substr(0, 10);
}

}  // namespace freshet::dynamodb

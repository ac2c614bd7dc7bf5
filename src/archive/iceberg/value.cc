#include "archive/iceberg/value.h"

#include <fmt/format.h>

#include "common/bytes.h"
#include "common/check.h"

namespace freshet::archive::iceberg {
namespace {

constexpr std::size_t kBoundCharacters = 16;

template <typename T>
const T& held(const Value& value) {
  const T* found = std::get_if<T>(&value);
  FRESHET_CHECK(found != nullptr);
  return *found;
}

template <typename T>
std::string little_endian(T value) {
  std::string bytes(sizeof(T), '\0');
  store_le(bytes.data(), value);
  return bytes;
}

Error wrong_length(const FieldType& type, std::string_view bytes) {
  return Error(Code::kCorruption, 3606,
               fmt::format("a value of type {} has {} bytes", type_name(type), bytes.size()));
}

Result<Value> decode_integer(const FieldType& type, std::string_view bytes) {
  if (bytes.size() == 4) return Value(std::int64_t{load_le<std::int32_t>(bytes.data())});
  bool is_narrow = type.kind == TypeKind::kInt || type.kind == TypeKind::kDate;
  if (bytes.size() == 8 && !is_narrow) return Value(load_le<std::int64_t>(bytes.data()));
  return wrong_length(type, bytes);
}

Result<Value> decode_floating(const FieldType& type, std::string_view bytes) {
  if (bytes.size() == 4) return Value(double{load_le<float>(bytes.data())});
  if (bytes.size() == 8 && type.kind == TypeKind::kDouble) {
    return Value(load_le<double>(bytes.data()));
  }
  return wrong_length(type, bytes);
}

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

// Where the first `count` characters end.
std::size_t end_of_characters(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  while (count > 0 && at < text.size()) {
    ++at;
    while (at < text.size() && continues_character(text[at])) ++at;
    --count;
  }
  return at;
}

std::size_t start_of_last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && continues_character(text[at])) --at;
  return at;
}

// The code point of well-formed UTF-8; nothing for anything else.
std::optional<std::uint32_t> code_point(std::string_view character) {
  auto lead = static_cast<unsigned char>(character[0]);
  std::size_t bytes = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (character.size() != bytes || lead > 0xf4) return std::nullopt;
  std::uint32_t point = bytes == 1 ? lead : lead & (0x7fu >> bytes);
  for (char byte : character.substr(1)) {
    point = point << 6 | (static_cast<unsigned char>(byte) & 0x3fu);
  }
  return point;
}

void append_code_point(std::string& to, std::uint32_t point) {
  auto tail = [&](int shift) { to += static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    to += static_cast<char>(point);
  } else if (point < 0x800) {
    to += static_cast<char>(0xc0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    to += static_cast<char>(0xe0 | point >> 12);
    tail(6);
    tail(0);
  } else {
    to += static_cast<char>(0xf0 | point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

std::string encode_value(const FieldType& type, const Value& value) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return std::string(1, held<bool>(value) ? '\1' : '\0');
    case TypeKind::kInt:
    case TypeKind::kDate:
      return little_endian(static_cast<std::int32_t>(held<std::int64_t>(value)));
    case TypeKind::kLong:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz:
      return little_endian(held<std::int64_t>(value));
    case TypeKind::kFloat:
      return little_endian(static_cast<float>(held<double>(value)));
    case TypeKind::kDouble:
      return little_endian(held<double>(value));
    default:
      return held<std::string>(value);
  }
}

Result<Value> decode_value(const FieldType& type, std::string_view bytes) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      if (bytes.size() != 1) return wrong_length(type, bytes);
      return Value(bytes[0] != '\0');
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kLong:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz:
      return decode_integer(type, bytes);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return decode_floating(type, bytes);
    case TypeKind::kUuid:
      if (bytes.size() != 16) return wrong_length(type, bytes);
      return Value(std::string(bytes));
    case TypeKind::kFixed:
      if (bytes.size() != static_cast<std::size_t>(type.length)) return wrong_length(type, bytes);
      return Value(std::string(bytes));
    case TypeKind::kDecimal:
      if (bytes.empty() || bytes.size() > 16) return wrong_length(type, bytes);
      return Value(std::string(bytes));
    case TypeKind::kString:
    case TypeKind::kBinary:
      return Value(std::string(bytes));
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kMap:
      break;
  }
  return wrong_length(type, bytes);
}

std::string lower_text_bound(std::string_view text) {
  return std::string(text.substr(0, end_of_characters(text, kBoundCharacters)));
}

std::optional<std::string> upper_text_bound(std::string_view text) {
  std::string bound = lower_text_bound(text);
  if (bound.size() == text.size()) return bound;
  // The last character that can be followed by another one is; what stood behind it goes.
  while (!bound.empty()) {
    std::size_t start = start_of_last_character(bound);
    auto point = code_point(std::string_view(bound).substr(start));
    bound.resize(start);
    if (!point) return std::nullopt;
    if (*point == 0x10ffff) continue;
    // U+D800 to U+DFFF are no characters.
    append_code_point(bound, *point == 0xd7ff ? 0xe000 : *point + 1);
    return bound;
  }
  return std::nullopt;
}

std::string lower_blob_bound(std::string_view bytes) {
  return std::string(bytes.substr(0, kBoundCharacters));
}

std::optional<std::string> upper_blob_bound(std::string_view bytes) {
  std::string bound = lower_blob_bound(bytes);
  if (bound.size() == bytes.size()) return bound;
  while (!bound.empty() && bound.back() == '\xff') bound.pop_back();
  if (bound.empty()) return std::nullopt;
  bound.back() = static_cast<char>(static_cast<unsigned char>(bound.back()) + 1);
  return bound;
}

}  // namespace freshet::archive::iceberg

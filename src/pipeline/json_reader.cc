#include "pipeline/json_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>

namespace freshet::pipeline {
namespace {

// 4 hexadecimal digits, or -1.
int hex4(const char* at) {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    char c = at[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void append_utf8(std::uint32_t code, std::string& to) {
  auto put = [&](std::uint32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

constexpr bool is_high_surrogate(int code) {
  return code >= 0xD800 && code <= 0xDBFF;
}
constexpr bool is_low_surrogate(int code) {
  return code >= 0xDC00 && code <= 0xDFFF;
}

}  // namespace

double JsonNumber::to_double() const {
  // Both factors are exact up to 2^53 and 10^22, so one rounding is the right one (Clinger 1990).
  static constexpr std::array<double, 23> kPowers{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  double value = 0;
  if (digits <= (std::uint64_t{1} << 53) && exponent >= -22 && exponent <= 22) {
    value = static_cast<double>(digits);
    value = exponent < 0 ? value / kPowers[static_cast<std::size_t>(-exponent)]
                         : value * kPowers[static_cast<std::size_t>(exponent)];
    return negative ? -value : value;
  }
  auto [end, code] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (code == std::errc::result_out_of_range) {
    value = exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
    return negative ? -value : value;
  }
  return value;
}

void append_unescaped(JsonString text, std::string& to) {
  const char* at = text.raw.data();
  const char* end = at + text.raw.size();
  while (at != end) {
    auto* backslash = static_cast<const char*>(std::memchr(at, '\\', end - at));
    const char* plain_end = backslash == nullptr ? end : backslash;
    to.append(at, plain_end);
    if (backslash == nullptr) return;
    at = backslash + 2;
    switch (backslash[1]) {
      case 'b':
        to.push_back('\b');
        break;
      case 'f':
        to.push_back('\f');
        break;
      case 'n':
        to.push_back('\n');
        break;
      case 'r':
        to.push_back('\r');
        break;
      case 't':
        to.push_back('\t');
        break;
      case 'u': {
        int code = hex4(at);
        at += 4;
        if (is_high_surrogate(code)) {
          code = 0x10000 + ((code - 0xD800) << 10) + (hex4(at + 2) - 0xDC00);
          at += 6;
        }
        append_utf8(static_cast<std::uint32_t>(code), to);
        break;
      }
      default:
        to.push_back(backslash[1]);
    }
  }
}

void append_quoted(std::string_view text, std::string& to) {
  static constexpr char kHex[] = "0123456789abcdef";
  to.push_back('"');
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      to.push_back('\\');
      to.push_back(c);
    } else if (byte >= 0x20) {
      to.push_back(c);
    } else if (c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t') {
      to.push_back('\\');
      to.push_back(c == '\b' ? 'b' : c == '\f' ? 'f' : c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    } else {
      to.append("\\u00");
      to.push_back(kHex[byte >> 4]);
      to.push_back(kHex[byte & 15]);
    }
  }
  to.push_back('"');
}

void append_canonical_number(const JsonNumber& number, std::string& to) {
  if (number.plain_integer && number.raw.size() <= 20 && number.digits != 0) {
    to.append(number.raw);
    return;
  }
  // All significant digits, also those past the nineteenth: nothing is rounded here.
  std::string digits;
  std::int64_t exponent = 0;
  bool behind_point = false;
  std::size_t at = number.negative ? 1 : 0;
  for (; at < number.raw.size(); ++at) {
    char c = number.raw[at];
    if (c == '.') {
      behind_point = true;
    } else if (c == 'e' || c == 'E') {
      break;
    } else {
      if (behind_point) --exponent;
      if (c != '0' || !digits.empty()) digits.push_back(c);
    }
  }
  if (digits.empty()) {
    to.push_back('0');
    return;
  }
  if (at < number.raw.size()) {
    std::int64_t written = 0;
    const char* first = number.raw.data() + at + 1;
    if (*first == '+') ++first;
    auto [end, code] = std::from_chars(first, number.raw.data() + number.raw.size(), written);
    // So far out that more says nothing; to_double() calls it infinite or zero.
    constexpr std::int64_t kMost = 1'000'000'000;
    if (code != std::errc()) written = *first == '-' ? -kMost : kMost;
    exponent += std::clamp(written, -kMost, kMost);
  }
  while (digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  if (number.negative) to.push_back('-');
  auto count = static_cast<std::int64_t>(digits.size());
  std::int64_t point = count + exponent;  // digits before the point
  if (point > 21 || point <= -6) {
    to.push_back(digits[0]);
    if (count > 1) to.append(".").append(digits, 1);
    to.append(point > 0 ? "e+" : "e-").append(std::to_string(point > 0 ? point - 1 : 1 - point));
  } else if (point <= 0) {
    to.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else if (point >= count) {
    to.append(digits).append(static_cast<std::size_t>(point - count), '0');
  } else {
    to.append(digits, 0, static_cast<std::size_t>(point)).append(".");
    to.append(digits, static_cast<std::size_t>(point));
  }
}

void JsonReader::cut_digits(JsonNumber& number) {
  std::uint64_t digits = 0;
  std::int32_t dropped = 0;
  int significant = 0;
  for (char c : number.raw) {
    if (c == 'e' || c == 'E') break;
    if (c < '0' || c > '9') continue;
    if (significant < 19) {
      digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
      if (digits != 0) ++significant;
    } else {
      ++dropped;
    }
  }
  number.digits = digits;
  number.exponent += dropped;
}

bool JsonReader::read_special_byte(JsonString& to) {
  auto byte = static_cast<unsigned char>(*at_);
  if (byte == '\\') {
    to.escaped = true;
    return read_escape();
  }
  if (byte < 0x20) return fail("a control character stands unescaped in a text");
  return read_multibyte();
}

bool JsonReader::read_escape() {
  if (end_ - at_ < 2) return fail("a text is not closed");
  if (std::string_view("\"\\/bfnrt").find(at_[1]) != std::string_view::npos) {
    at_ += 2;
    return true;
  }
  if (at_[1] != 'u') return fail("an unknown escape stands in a text");
  int code = end_ - at_ >= 6 ? hex4(at_ + 2) : -1;
  if (code < 0) return fail("\\u is not followed by four hexadecimal digits");
  if (is_low_surrogate(code)) return fail("half a surrogate pair stands in a text");
  if (!is_high_surrogate(code)) {
    at_ += 6;
    return true;
  }
  int low = end_ - at_ >= 12 && at_[6] == '\\' && at_[7] == 'u' ? hex4(at_ + 8) : -1;
  if (!is_low_surrogate(low)) return fail("half a surrogate pair stands in a text");
  at_ += 12;
  return true;
}

// RFC 3629 section 4: no overlong forms, no surrogates, nothing above U+10FFFF.
bool JsonReader::read_multibyte() {
  auto byte = [&](int i) -> unsigned {
    return i < end_ - at_ ? static_cast<unsigned char>(at_[i]) : 0;
  };
  auto continues = [&](int i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned lead = byte(0);
  unsigned second = byte(1);
  if (lead >= 0xC2 && lead <= 0xDF && continues(1)) {
    at_ += 2;
    return true;
  }
  if ((lead & 0xF0) == 0xE0 && continues(1) && continues(2) && (lead != 0xE0 || second >= 0xA0) &&
      (lead != 0xED || second < 0xA0)) {
    at_ += 3;
    return true;
  }
  if (lead >= 0xF0 && lead <= 0xF4 && continues(1) && continues(2) && continues(3) &&
      (lead != 0xF0 || second >= 0x90) && (lead != 0xF4 || second < 0x90)) {
    at_ += 4;
    return true;
  }
  return fail("a text is not UTF-8");
}

bool JsonReader::read_literal(std::string_view word) {
  peek();
  if (static_cast<std::size_t>(end_ - at_) < word.size() ||
      std::memcmp(at_, word.data(), word.size()) != 0) {
    return fail("expected a value");
  }
  at_ += word.size();
  return true;
}

bool JsonReader::skip_members(char close, int depth) {
  if (depth >= kJsonDepthMax) return fail("values are nested too deep");
  ++at_;
  if (take(close)) return true;
  while (true) {
    if (close == '}') {
      JsonString key;
      if (!read_string(key)) return false;
      if (!take(':')) return fail("expected a colon");
    }
    if (!skip_value(depth + 1)) return false;
    if (take(close)) return true;
    if (!take(',')) return fail(close == '}' ? "expected a comma or }" : "expected a comma or ]");
  }
}

bool JsonReader::skip_value(int depth) {
  JsonString text;
  JsonNumber number;
  switch (peek()) {
    case '"':
      return read_string(text);
    case '{':
      return skip_members('}', depth);
    case '[':
      return skip_members(']', depth);
    case 't':
      return read_literal("true");
    case 'f':
      return read_literal("false");
    case 'n':
      return read_literal("null");
    default:
      return read_number(number);
  }
}

}  // namespace freshet::pipeline

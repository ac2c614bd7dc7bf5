#include "server/dynamodb/number.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "common/check.h"

namespace freshet::dynamodb {
namespace {

constexpr int kExponentMax = 126;   // of 0.d1d2…: 9.99E+125
constexpr int kExponentMin = -129;  // 1E-130

Error not_a_number(std::string_view text) {
  return Error(Code::kInvalid,
               fmt::format("The parameter cannot be converted to a numeric value: {}", text));
}

template <typename T>
std::string shortest_text(T value) {
  char buffer[64];
  auto [end, failed] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  FRESHET_CHECK(failed == std::errc());
  return std::string(buffer, end);
}

template <typename T>
std::optional<Number> from_floating(T value) {
  if (!(value - value == 0)) return std::nullopt;  // infinite, or not a number
  auto number = Number::parse(shortest_text(value));
  if (!number) return std::nullopt;
  return *number;
}

}  // namespace

Result<Number> Number::parse(std::string_view text) {
  Number number;
  std::size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+'))
    number.negative_ = text[at++] == '-';
  std::int64_t point = 0;  // digits before the decimal point, leading zeros not counted
  int dropped_zeros = 0;   // zeros seen since the last other digit: trailing ones do not count
  bool any_digit = false, behind_point = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !behind_point) {
      behind_point = true;
      continue;
    }
    if (text[at] < '0' || text[at] > '9') break;
    any_digit = true;
    bool leading_zero = text[at] == '0' && number.digit_count_ == 0;
    if (!behind_point && !leading_zero) ++point;
    if (behind_point && leading_zero) --point;
    if (leading_zero) continue;
    if (text[at] == '0') {
      ++dropped_zeros;
      continue;
    }
    if (number.digit_count_ + dropped_zeros >= kDigitsMax)
      return Error(Code::kInvalid,
                   "Attempting to store more than 38 significant digits in a Number");
    for (; dropped_zeros > 0; --dropped_zeros) number.digits_[number.digit_count_++] = '0';
    number.digits_[number.digit_count_++] = text[at];
  }
  if (!any_digit) return not_a_number(text);
  int exponent = 0;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && text[at] == '+' && at + 1 < text.size() && text[at + 1] != '-') ++at;
    auto [end, failed] = std::from_chars(text.data() + at, text.data() + text.size(), exponent);
    if (failed == std::errc::invalid_argument) return not_a_number(text);
    if (failed == std::errc::result_out_of_range) exponent = text[at] == '-' ? -100'000 : 100'000;
    at = static_cast<std::size_t>(end - text.data());
  }
  if (at != text.size()) return not_a_number(text);
  if (number.digit_count_ == 0) return Number();
  point += exponent;
  if (point > kExponentMax)
    return Error(Code::kInvalid,
                 "Number overflow. Attempting to store a number with magnitude larger than "
                 "supported range");
  if (point < kExponentMin)
    return Error(Code::kInvalid,
                 "Number underflow. Attempting to store a number with magnitude smaller than "
                 "supported range");
  number.exponent_ = static_cast<std::int16_t>(point);
  return number;
}

Number Number::from(std::int64_t value) {
  return *parse(shortest_text(value));
}

Number Number::from(std::uint64_t value) {
  return *parse(shortest_text(value));
}

std::optional<Number> Number::from(double value) {
  return from_floating(value);
}

std::optional<Number> Number::from(float value) {
  return from_floating(value);
}

std::string Number::text() const {
  if (digit_count_ == 0) return "0";
  std::string to = negative_ ? "-" : "";
  std::string_view digits(digits_, digit_count_);
  if (exponent_ <= 0) {
    to += "0.";
    to.append(static_cast<std::size_t>(-exponent_), '0');
    to += digits;
  } else if (exponent_ >= digit_count_) {
    to += digits;
    to.append(static_cast<std::size_t>(exponent_ - digit_count_), '0');
  } else {
    to += digits.substr(0, static_cast<std::size_t>(exponent_));
    to += '.';
    to += digits.substr(static_cast<std::size_t>(exponent_));
  }
  return to;
}

std::strong_ordering Number::compare_magnitude(const Number& other) const {
  if (digit_count_ == 0 || other.digit_count_ == 0) return digit_count_ <=> other.digit_count_;
  if (exponent_ != other.exponent_) return exponent_ <=> other.exponent_;
  // Unused digits are zero bytes, below every digit.
  return std::memcmp(digits_, other.digits_, kDigitsMax) <=> 0;
}

std::strong_ordering Number::operator<=>(const Number& other) const {
  if (negative_ != other.negative_)
    return negative_ ? std::strong_ordering::less : std::strong_ordering::greater;
  return negative_ ? other.compare_magnitude(*this) : compare_magnitude(other);
}

}  // namespace freshet::dynamodb

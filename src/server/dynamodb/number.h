// DynamoDB's N: a decimal number of at most 38 digits, 1E-130 to 9.99…E+125, or zero.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace freshet::dynamodb {

// A plain value. Equal numbers have equal bytes, however they were written.
class Number {
 public:
  static constexpr int kDigitsMax = 38;

  Number() = default;  // 0
  // "12", "-1.50", "6.02E+23". kInvalid in the service's own words.
  static Result<Number> parse(std::string_view text);
  static Number from(std::int64_t value);
  static Number from(std::uint64_t value);
  // The shortest decimal that reads back as this very value. Nothing for what N cannot hold: not a
  // number, infinities, magnitudes out of range.
  static std::optional<Number> from(double value);
  static std::optional<Number> from(float value);

  // Plain decimals without leading or trailing zeros: "1.5", "100", "-0.001".
  std::string text() const;
  // What the number counts for in an item: a byte per two digits, and one.
  std::uint64_t bytes() const { return digit_count_ / 2u + digit_count_ % 2u + 1u; }

  std::strong_ordering operator<=>(const Number& other) const;
  bool operator==(const Number& other) const { return (*this <=> other) == 0; }

 private:
  std::strong_ordering compare_magnitude(const Number& other) const;

  // The value is 0.d1d2d3… × 10^exponent_, d1 not 0; zero has no digits.
  bool negative_ = false;
  std::int16_t exponent_ = 0;
  std::uint8_t digit_count_ = 0;
  char digits_[kDigitsMax] = {};
};

}  // namespace freshet::dynamodb

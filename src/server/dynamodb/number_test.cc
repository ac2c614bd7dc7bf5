#include "server/dynamodb/number.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace freshet::dynamodb {
namespace {

void expect_text(std::string_view given, std::string_view wanted) {
  auto number = Number::parse(given);
  ASSERT_TRUE(number.has_value()) << given << ": " << number.error().message();
  EXPECT_EQ(number->text(), wanted) << given;
}

void expect_refused(std::string_view given, std::string_view part) {
  auto number = Number::parse(given);
  ASSERT_FALSE(number.has_value()) << given;
  EXPECT_NE(number.error().message().find(part), std::string::npos) << number.error().message();
}

TEST(NumberTest, IsGivenBackNormalised) {
  expect_text("0", "0");
  expect_text("-0", "0");
  expect_text("0.000", "0");
  expect_text("0042", "42");
  expect_text("+1.50", "1.5");
  expect_text("-100", "-100");
  expect_text("1E2", "100");
  expect_text("1.5e-3", "0.0015");
  expect_text("6.02E+23", "602000000000000000000000");
  expect_text(".5", "0.5");
  expect_text("5.", "5");
  expect_text("12345678901234567890123456789012345678", "12345678901234567890123456789012345678");
  expect_text("9.9e125", "99" + std::string(124, '0'));
}

TEST(NumberTest, RefusesWhatTheServiceRefuses) {
  for (const char* text : {"", "-", ".", "abc", "1a", "1e", "1e+", "1e+-5", "0x1", " 1", "1 ",
                           "--1", "NaN", "Infinity", "1.2.3"})
    expect_refused(text, "cannot be converted to a numeric value");
  expect_refused("123456789012345678901234567890123456789", "more than 38 significant digits");
  expect_refused("1e126", "Number overflow");
  expect_refused("1e99999999999", "Number overflow");
  expect_refused("1e-131", "Number underflow");
  expect_refused("1e-99999999999", "Number underflow");
}

TEST(NumberTest, ComparesByValue) {
  const char* ascending[] = {"-9.9e125", "-100", "-99.9", "-1", "-0.5", "-1e-130", "0",  "1e-130",
                             "0.1",      "0.11", "0.2",   "1",  "1.5",  "10",      "11", "1e125"};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    for (std::size_t j = 0; j < std::size(ascending); ++j)
      EXPECT_EQ(*Number::parse(ascending[i]) <=> *Number::parse(ascending[j]), i <=> j)
          << ascending[i] << " " << ascending[j];
  }
  EXPECT_EQ(*Number::parse("1.0"), *Number::parse("1"));
  EXPECT_EQ(*Number::parse("1E1"), *Number::parse("10"));
}

TEST(NumberTest, AgreesWithDoublesOnRandomValues) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> value(-1000, 1000);
  for (int i = 0; i < 20'000; ++i) {
    double a = value(random), b = i % 3 == 0 ? a : value(random);
    EXPECT_EQ(*Number::from(a) < *Number::from(b), a < b);
    EXPECT_EQ(std::stod(Number::from(a)->text()), a);
  }
}

TEST(NumberTest, ADoubleThatNCannotHoldIsNothing) {
  EXPECT_FALSE(Number::from(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(Number::from(std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(Number::from(1e200));
  EXPECT_EQ(Number::from(0.1f)->text(), "0.1");
  EXPECT_EQ(Number::from(std::numeric_limits<std::uint64_t>::max()).text(), "18446744073709551615");
  EXPECT_EQ(Number::from(std::numeric_limits<std::int64_t>::min()).text(), "-9223372036854775808");
}

}  // namespace
}  // namespace freshet::dynamodb

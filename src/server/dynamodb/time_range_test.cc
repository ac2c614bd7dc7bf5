#include "server/dynamodb/time_range.h"

#include <gtest/gtest.h>

#include "common/time_text.h"

namespace freshet::dynamodb {
namespace {

std::int64_t us(std::string_view text) {
  return *parse_rfc3339_us(text);
}

TEST(TimeRangeTest, TakesAnyFormOfATimeAsThatTime) {
  std::int64_t ten = us("2026-11-22T10:00:00.000000Z");
  for (const char* text : {"2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000Z",
                           "2026-11-22T11:00:00+01:00", "2026-11-22T10:00:00.000000Z"}) {
    EXPECT_EQ(times_from(text).first_us, ten) << text;
    EXPECT_EQ(times_above(text).first_us, ten + 1) << text;
    EXPECT_EQ(times_to(text).last_us, ten) << text;
    EXPECT_EQ(times_below(text).last_us, ten - 1) << text;
  }
}

TEST(TimeRangeTest, TakesOtherTextAsTheTimesAroundItInTextOrder) {
  EXPECT_EQ(times_from("2026-11-22").first_us, us("2026-11-22T00:00:00Z"));
  EXPECT_EQ(times_above("2026-11-22").first_us, us("2026-11-22T00:00:00Z"));
  EXPECT_EQ(times_to("2026-11-22").last_us, us("2026-11-22T00:00:00Z") - 1);
  EXPECT_EQ(times_below("2026").last_us, us("2026-01-01T00:00:00Z") - 1);
  EXPECT_EQ(times_from("2026-11-22T10:00:00").first_us, us("2026-11-22T10:00:00Z"));
  EXPECT_TRUE(times_from("zzz").empty());
  EXPECT_TRUE(times_to("").empty() || times_to("").last_us < us("0000-01-01T00:00:00Z"));
  EXPECT_GE(times_to("zzz").last_us, us("9999-12-31T23:59:59Z"));
}

TEST(TimeRangeTest, APrefixIsTheTimesThatBeginWithIt) {
  TimeRange day = times_with_prefix("2026-11-22");
  EXPECT_EQ(day.first_us, us("2026-11-22T00:00:00Z"));
  EXPECT_EQ(day.last_us, us("2026-11-23T00:00:00Z") - 1);
  TimeRange tens = times_with_prefix("2026-11-22T10:5");
  EXPECT_EQ(tens.first_us, us("2026-11-22T10:50:00Z"));
  EXPECT_EQ(tens.last_us, us("2026-11-22T11:00:00Z") - 1);
  EXPECT_TRUE(times_with_prefix("camera").empty());
}

}  // namespace
}  // namespace freshet::dynamodb

#include "server/dynamodb/time_range.h"

#include <algorithm>
#include <optional>
#include <string>

#include "common/time_text.h"

namespace freshet::dynamodb {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// The first time, of the years that four digits can write, whose text is not below `text`; kNever
// where all are.
std::int64_t first_not_below(std::string_view text) {
  std::int64_t low = *parse_rfc3339_us("0000-01-01T00:00:00Z");
  std::int64_t high = *parse_rfc3339_us("9999-12-31T23:59:59.999999Z");
  if (format_rfc3339_us(high) < text) return kNever;
  while (low < high) {
    std::int64_t middle = low + (high - low) / 2;
    if (format_rfc3339_us(middle) < text) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

TimeRange from(std::int64_t first) {
  if (first == kNever) return {1, 0};
  TimeRange range;
  range.first_us = first;
  return range;
}

TimeRange below(std::int64_t end) {
  TimeRange range;
  if (end != kNever) range.last_us = end - 1;
  return range;
}

// The first time above the bound. No time's text is between a text and that text with a zero byte.
std::int64_t first_above(std::string_view bound) {
  if (auto us = parse_rfc3339_us(bound)) return *us + 1;
  return first_not_below(std::string(bound) + '\0');
}

std::int64_t first_at_or_above(std::string_view bound) {
  if (auto us = parse_rfc3339_us(bound)) return *us;
  return first_not_below(bound);
}

}  // namespace

TimeRange times_from(std::string_view bound) {
  return from(first_at_or_above(bound));
}

TimeRange times_above(std::string_view bound) {
  return from(first_above(bound));
}

TimeRange times_to(std::string_view bound) {
  return below(first_above(bound));
}

TimeRange times_below(std::string_view bound) {
  return below(first_at_or_above(bound));
}

TimeRange times_with_prefix(std::string_view prefix) {
  // Times are ASCII: none with the prefix reaches the prefix followed by the highest byte.
  TimeRange range = intersect(from(first_not_below(prefix)),
                              below(first_not_below(std::string(prefix) + '\xFF')));
  return range;
}

TimeRange intersect(const TimeRange& left, const TimeRange& right) {
  return {std::max(left.first_us, right.first_us), std::min(left.last_us, right.last_us)};
}

}  // namespace freshet::dynamodb

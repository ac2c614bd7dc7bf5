// Bounds on a time that DynamoDB sees as text.
//
// Times are shown with six digits and Z, so that their text order is their time order. A bound in
// any RFC 3339 form is taken as a time; any other text ("2026-11", "2026-11-22") is compared as
// text, which is a time all the same: the first whose text is not below it.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace freshet::dynamodb {

// From first to last, both included; empty where first is above last.
struct TimeRange {
  std::int64_t first_us = std::numeric_limits<std::int64_t>::min();
  std::int64_t last_us = std::numeric_limits<std::int64_t>::max();
  bool empty() const { return first_us > last_us; }
  bool contains(std::int64_t us) const { return us >= first_us && us <= last_us; }
};

TimeRange times_from(std::string_view bound);   // >= bound
TimeRange times_above(std::string_view bound);  // > bound
TimeRange times_to(std::string_view bound);     // <= bound
TimeRange times_below(std::string_view bound);  // < bound
TimeRange times_with_prefix(std::string_view prefix);
TimeRange intersect(const TimeRange& left, const TimeRange& right);

}  // namespace freshet::dynamodb

// UTC times as text. All times inside Freshet are microseconds since 1970-01-01T00:00:00Z in 64
// bits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freshet {

// RFC 3339 section 5.6 ("2026-11-22T10:00:00.033Z", an offset like +01:00, or a blank for the T).
// Without a zone nothing is returned: a local time without its place is not a time. Digits past the
// sixth are cut.
std::optional<std::int64_t> parse_rfc3339_us(std::string_view text);
// True where `text` is a well-formed date and time that lacks only its zone.
bool is_time_without_zone(std::string_view text);
// "2026-11-22T10:00:00.033000Z": always six digits, so that text order is time order.
std::string format_rfc3339_us(std::int64_t us);
// RFC 9110 section 5.6.7: "Sun, 22 Nov 2026 10:00:00 GMT".
std::string format_http_date(std::int64_t us);
// SigV4's ISO 8601 basic form: "20261122T100000Z".
std::optional<std::int64_t> parse_basic_time_us(std::string_view text);
std::string format_basic_time(std::int64_t us);

}  // namespace freshet

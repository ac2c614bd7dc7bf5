// The small grammar that both versions, server and client share (RFC 9110).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freshet::http {

// "Not Found"; "" for a status that has no name.
std::string_view status_reason(int status);
// "Sun, 22 Nov 2026 10:00:00 GMT", formatted once a second per thread.
const std::string& date_text(std::int64_t wall_us);

bool is_token(std::string_view text);  // RFC 9110 section 5.6.2
// Printable ASCII without blanks, starting with '/'.
bool is_origin_form(std::string_view target);
bool is_field_value(std::string_view text);  // no control characters but tab
std::string to_lower(std::string_view text);
std::string_view trim_blanks(std::string_view text);
bool equal_ignoring_case(std::string_view left, std::string_view right);
// Digits only, no sign, no list; nothing where it does not fit in 63 bits.
std::optional<std::uint64_t> parse_content_length(std::string_view text);
// True where a comma list holds that token.
bool list_has(std::string_view list, std::string_view token);

}  // namespace freshet::http

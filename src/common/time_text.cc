#include "common/time_text.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

namespace freshet {
namespace {

using namespace std::chrono;  // NOLINT: calendar types are used on every line below

// Reads exactly `count` digits at `at`; -1 where one is missing.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

std::optional<std::int64_t> civil_us(int y, int mo, int d, int h, int mi, int s,
                                     std::int64_t fraction_us) {
  if (y < 0 || mo < 0 || d < 0 || h < 0 || mi < 0 || s < 0) return std::nullopt;
  if (h > 23 || mi > 59 || s > 60) return std::nullopt;
  year_month_day day{year{y}, month{static_cast<unsigned>(mo)},
                     std::chrono::day{static_cast<unsigned>(d)}};
  if (!day.ok()) return std::nullopt;
  std::int64_t days_since = sys_days{day}.time_since_epoch().count();
  // A leap second counts as the last second of its minute, as in POSIX time.
  if (s == 60) s = 59;
  return ((days_since * 24 + h) * 60 + mi) * 60'000'000 + s * 1'000'000ll + fraction_us;
}

struct Parsed {
  std::optional<std::int64_t> us;  // as written, zone not applied
  std::string_view zone;           // what stands behind the seconds
};

Parsed parse_date_and_time(std::string_view text) {
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':')
    return {};
  if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return {};
  std::size_t next = 19;
  std::int64_t fraction = 0;
  if (next < text.size() && text[next] == '.') {
    std::size_t first = ++next;
    for (; next < text.size() && text[next] >= '0' && text[next] <= '9'; ++next) {
      if (next - first < 6) fraction = fraction * 10 + (text[next] - '0');
    }
    if (next == first) return {};
    for (std::size_t count = next - first; count < 6; ++count) fraction *= 10;
  }
  return {civil_us(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2), digits(text, 11, 2),
                   digits(text, 14, 2), digits(text, 17, 2), fraction),
          text.substr(next)};
}

struct Civil {
  year_month_day day;
  std::int64_t hour, minute, second, fraction_us;
  unsigned weekday;
};

Civil to_civil(std::int64_t us) {
  sys_time<microseconds> time{microseconds{us}};
  auto day = floor<days>(time);
  std::int64_t rest = (time - day).count();
  return {year_month_day{day},   rest / 3'600'000'000, rest / 60'000'000 % 60,
          rest / 1'000'000 % 60, rest % 1'000'000,     weekday{day}.c_encoding()};
}

}  // namespace

std::optional<std::int64_t> parse_rfc3339_us(std::string_view text) {
  Parsed parsed = parse_date_and_time(text);
  if (!parsed.us || parsed.zone.empty()) return std::nullopt;
  if (parsed.zone == "Z" || parsed.zone == "z") return parsed.us;
  std::string_view zone = parsed.zone;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  int hours = digits(zone, 1, 2);
  int minutes = digits(zone, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  std::int64_t offset = (hours * 60 + minutes) * 60'000'000ll;
  return zone[0] == '+' ? *parsed.us - offset : *parsed.us + offset;
}

bool is_time_without_zone(std::string_view text) {
  Parsed parsed = parse_date_and_time(text);
  return parsed.us.has_value() && parsed.zone.empty();
}

std::string format_rfc3339_us(std::int64_t us) {
  Civil c = to_civil(us);
  return fmt::format("{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}.{:06d}Z",
                     static_cast<int>(c.day.year()), static_cast<unsigned>(c.day.month()),
                     static_cast<unsigned>(c.day.day()), c.hour, c.minute, c.second, c.fraction_us);
}

std::string format_http_date(std::int64_t us) {
  static constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                         "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  Civil c = to_civil(us);
  return fmt::format("{}, {:02d} {} {:04d} {:02d}:{:02d}:{:02d} GMT", kDays[c.weekday],
                     static_cast<unsigned>(c.day.day()),
                     kMonths[static_cast<unsigned>(c.day.month()) - 1],
                     static_cast<int>(c.day.year()), c.hour, c.minute, c.second);
}

std::optional<std::int64_t> parse_basic_time_us(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  return civil_us(digits(text, 0, 4), digits(text, 4, 2), digits(text, 6, 2), digits(text, 9, 2),
                  digits(text, 11, 2), digits(text, 13, 2), 0);
}

std::string format_basic_time(std::int64_t us) {
  Civil c = to_civil(us);
  return fmt::format("{:04d}{:02d}{:02d}T{:02d}{:02d}{:02d}Z", static_cast<int>(c.day.year()),
                     static_cast<unsigned>(c.day.month()), static_cast<unsigned>(c.day.day()),
                     c.hour, c.minute, c.second);
}

}  // namespace freshet

#include "pipeline/event_fields.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "common/bytes.h"
#include "common/time_text.h"

namespace freshet::pipeline {
namespace {

constexpr std::array<std::int8_t, 256> make_digits(std::string_view alphabet) {
  std::array<std::int8_t, 256> digits{};
  for (std::int8_t& digit : digits) digit = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    auto c = static_cast<unsigned char>(alphabet[i]);
    digits[c] = static_cast<std::int8_t>(i);
    if (c >= 'A' && c <= 'Z') digits[c + 32] = static_cast<std::int8_t>(i);
  }
  return digits;
}
constexpr auto kCrockfordDigits = make_digits("0123456789ABCDEFGHJKMNPQRSTVWXYZ");

// Eight hexadecimal digits at once, a byte each in one word; `bad` becomes not 0 where one is none.
std::uint64_t read_hex8(const char* at, std::uint64_t& bad) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  auto word = load_le<std::uint64_t>(at);
  std::uint64_t letters = word >> 6 & kOnes;
  std::uint64_t low = word & (kOnes * 0x0F);
  // 0x30 for digits; 0x40 or 0x60, told by the case bit, for letters.
  bad |= ((word & (kOnes * 0xF0)) | letters << 5) ^ (kOnes * 0x30 + letters * 0x30);
  bad |= (low + kOnes * 6) & (kOnes * 0x10) & ~(letters << 4);  // a digit above 9
  bad |= (low + kOnes) >> 3 & letters;                          // a letter above f
  bad |= (kOnes * 0x10 - low) >> 4 & letters;                   // @ or `
  std::uint64_t nibbles = low + letters * 9;
  std::uint64_t pairs = (nibbles << 4 | nibbles >> 8) & 0x00FF'00FF'00FF'00FF;
  return (pairs & 0xFF) << 24 | (pairs >> 16 & 0xFF) << 16 | (pairs >> 32 & 0xFF) << 8 |
         pairs >> 48;
}

std::optional<EventId> parse_ulid(std::string_view text) {
  if (kCrockfordDigits[static_cast<unsigned char>(text[0])] > 7) return std::nullopt;
  unsigned __int128 value = 0;
  for (char c : text) {
    int digit = kCrockfordDigits[static_cast<unsigned char>(c)];
    if (digit < 0) return std::nullopt;
    value = value << 5 | static_cast<unsigned>(digit);
  }
  return EventId{static_cast<std::uint64_t>(value >> 64), static_cast<std::uint64_t>(value)};
}

// Days since 1970-01-01 of a date in the proleptic Gregorian calendar (H. Hinnant,
// "chrono-compatible low-level date algorithms").
constexpr std::int64_t days_from_civil(std::int64_t y, unsigned m, unsigned d) {
  y -= m <= 2;
  std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  auto year_of_era = static_cast<unsigned>(y - era * 400);
  unsigned day_of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<std::int64_t>(day_of_era) - 719468;
}
static_assert(days_from_civil(1970, 1, 1) == 0);
static_assert(days_from_civil(2026, 11, 22) == 20779);

// The shape nearly every event has: 2026-11-22T10:00:00[.digits]Z, day at most 28 (so that no month
// needs a look). Everything else takes the long way.
std::optional<std::int64_t> parse_common_time(std::string_view text) {
  if (text.size() < 20 || text.back() != 'Z' || text[4] != '-' || text[7] != '-' ||
      text[10] != 'T' || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  unsigned bad = 0;
  auto two = [&](std::size_t at) {
    unsigned tens = static_cast<unsigned char>(text[at]) - '0';
    unsigned ones = static_cast<unsigned char>(text[at + 1]) - '0';
    bad |= static_cast<unsigned>(tens > 9) | static_cast<unsigned>(ones > 9);
    return tens * 10 + ones;
  };
  unsigned year = two(0) * 100 + two(2);
  unsigned month = two(5), day = two(8), hour = two(11), minute = two(14), second = two(17);
  if (bad != 0 || month - 1 > 11 || day - 1 > 27 || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  std::int64_t fraction = 0;
  if (text.size() > 20) {
    std::size_t digits = text.size() - 21;
    if (text[19] != '.' || digits < 1 || digits > 6) return std::nullopt;
    for (std::size_t i = 20; i + 1 < text.size(); ++i) {
      unsigned digit = static_cast<unsigned char>(text[i]) - '0';
      if (digit > 9) return std::nullopt;
      fraction = fraction * 10 + digit;
    }
    for (; digits < 6; ++digits) fraction *= 10;
  }
  std::int64_t days = days_from_civil(year, month, day);
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000 + fraction;
}

// Lower case, without separators: "Camera-Id" and "cameraId" are both "cameraid".
std::string plain_name(std::string_view name) {
  std::string plain;
  for (char c : name) {
    if (c == '_' || c == '-' || c == '.' || c == ' ') continue;
    plain.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  return plain;
}

// Edit distance (Levenshtein 1966), for short words.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::size_t, 33> row{};
  if (a.size() > 32 || b.size() > 32) return std::numeric_limits<std::size_t>::max();
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

Field find_field(std::string_view key) {
  auto is = [&](Field field) {
    const FieldName& names = kFieldNames[static_cast<std::size_t>(field)];
    return key == names.name || key == names.alias ? field : Field::kUnknown;
  };
  // Length and one letter leave one candidate.
  switch (key.size()) {
    case 2:
      return is(key[0] == 'i' ? Field::kDetectionId : Field::kEventTime);
    case 3:
      return is(key[0] == 'c'   ? Field::kCameraId
                : key[0] == 'l' ? Field::kLocationId
                                : Field::kRevision);
    case 4:
      return is(key[0] == 'i'   ? Field::kItemName
                : key[0] == 'c' ? Field::kConfidence
                : key[0] == 'b' ? Field::kBox
                : key[0] == 'a' ? Field::kAttributes
                                : Field::kKind);
    case 5:
      return is(key[0] == 't'   ? Field::kTrackId
                : key[0] == 'f' ? Field::kFrameNo
                                : Field::kMediaRef);
    case 8:
      return is(key[0] == 't'   ? Field::kTrackId
                : key[0] == 'f' ? Field::kFrameNo
                                : Field::kRevision);
    case 9:
      return is(key[0] == 'c'   ? Field::kCameraId
                : key[0] == 'i' ? Field::kItemName
                                : Field::kMediaRef);
    case 10:
      return is(key[0] == 'c'   ? Field::kConfidence
                : key[0] == 'e' ? Field::kEventTime
                                : Field::kAttributes);
    case 11:
      return is(Field::kLocationId);
    case 12:
      return is(Field::kDetectionId);
    default:
      return Field::kUnknown;
  }
}

std::optional<Field> find_near_field(std::string_view key) {
  if (key.size() > 32) return std::nullopt;
  std::string plain = plain_name(key);
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    // Short words are near everything, so they must be equal; long ones may differ by two letters.
    std::string name = plain_name(kFieldNames[i].name);
    std::size_t edits_max = name.size() >= 7 ? 2 : 0;
    if (edit_distance(plain, name) <= edits_max ||
        (!kFieldNames[i].alias.empty() && plain == kFieldNames[i].alias)) {
      return static_cast<Field>(i);
    }
  }
  return std::nullopt;
}

std::optional<EventId> parse_uuid_or_ulid(std::string_view text) {
  if (text.size() == 26) return parse_ulid(text);
  const char* at = text.data();
  char plain[32];
  if (text.size() == 36 && at[8] == '-' && at[13] == '-' && at[18] == '-' && at[23] == '-') {
    std::memcpy(plain, at, 8);
    std::memcpy(plain + 8, at + 9, 4);
    std::memcpy(plain + 12, at + 14, 4);
    std::memcpy(plain + 16, at + 19, 4);
    std::memcpy(plain + 20, at + 24, 12);
    at = plain;
  } else if (text.size() != 32) {
    return std::nullopt;
  }
  std::uint64_t bad = 0;
  EventId id{read_hex8(at, bad) << 32 | read_hex8(at + 8, bad),
             read_hex8(at + 16, bad) << 32 | read_hex8(at + 24, bad)};
  if (bad != 0) return std::nullopt;
  return id;
}

EventId hash_id(std::string_view text, std::uint64_t seed) {
  XXH128_hash_t hash = XXH3_128bits_withSeed(text.data(), text.size(), seed);
  return {hash.high64, hash.low64};
}

EventTime time_of_text(std::string_view text) {
  if (auto us = parse_common_time(text)) return {*us, TimeProblem::kNone};
  if (auto us = parse_rfc3339_us(text)) return {*us, TimeProblem::kNone};
  return {0, is_time_without_zone(text) ? TimeProblem::kNoZone : TimeProblem::kBad};
}

EventTime time_of_number(const JsonNumber& number) {
  if (number.digits == 0) return {0, TimeProblem::kNone};
  if (number.negative) return {0, TimeProblem::kBad};
  // As digits × 10^exponent in whole and exact steps: a double would lose microseconds.
  int digit_count = 1;
  for (std::uint64_t rest = number.digits; rest >= 10; rest /= 10) ++digit_count;
  std::int64_t magnitude = std::int64_t{digit_count} + number.exponent;  // value < 10^magnitude
  if (magnitude > 19) return {0, TimeProblem::kBad};
  std::int64_t exponent = number.exponent;
  exponent += magnitude <= 11 ? 6 : magnitude <= 14 ? 3 : magnitude <= 17 ? 0 : -3;
  std::uint64_t us = number.digits;
  for (; exponent > 0; --exponent) us *= 10;  // ends below 10^17 by the choice of the unit
  for (; exponent < 0 && us != 0; ++exponent) us /= 10;
  return {static_cast<std::int64_t>(us), TimeProblem::kNone};
}

std::optional<Box> box_of(double x, double y, double w, double h) {
  auto clip = [](double value) { return std::clamp(value, 0.0, 1.0); };
  double left = clip(x), top = clip(y);
  double width = clip(x + w) - left, height = clip(y + h) - top;
  if (!(width > 0) || !(height > 0)) return std::nullopt;
  // Half up: the values are not negative.
  auto store = [](double value) { return static_cast<std::uint16_t>(value * 65'535 + 0.5); };
  return Box{store(left), store(top), store(width), store(height)};
}

}  // namespace freshet::pipeline

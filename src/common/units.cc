#include "common/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

namespace freshet {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

constexpr std::array<Unit, 6> kDurations{{{"d", 86'400'000'000},
                                          {"h", 3'600'000'000},
                                          {"m", 60'000'000},
                                          {"s", 1'000'000},
                                          {"ms", 1'000},
                                          {"us", 1}}};
constexpr std::array<Unit, 9> kSizes{{{"TiB", 1ull << 40},
                                      {"GiB", 1ull << 30},
                                      {"MiB", 1ull << 20},
                                      {"KiB", 1ull << 10},
                                      {"TB", 1'000'000'000'000},
                                      {"GB", 1'000'000'000},
                                      {"MB", 1'000'000},
                                      {"KB", 1'000},
                                      {"B", 1}}};

template <std::size_t kCount>
const Unit* find_unit(const std::array<Unit, kCount>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

std::string_view take_while(std::string_view& text, bool (*accepts)(char)) {
  std::size_t end = 0;
  while (end < text.size() && accepts(text[end])) ++end;
  auto taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Inserting, deleting, replacing a letter or swapping two neighbours is one step.
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before(to.size() + 1), last(to.size() + 1), row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      std::size_t replaced = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      bool is_swap = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (is_swap) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last.back();
}

}  // namespace

Result<std::int64_t> parse_duration_us(std::string_view text) {
  auto bad = [&] {
    return Error(
        Code::kInvalid,
        fmt::format("\"{}\" is not a duration; write for example \"15m\", \"24h\" or \"500ms\"",
                    text));
  };
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::string_view rest = text;
  std::uint64_t total = 0;
  std::uint64_t last_size = kMost;
  if (rest.empty()) return bad();
  while (!rest.empty()) {
    auto digits = take_while(rest, is_digit);
    const Unit* unit = find_unit(kDurations, take_while(rest, is_letter));
    std::uint64_t count = 0;
    auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (digits.empty() || code != std::errc() || unit == nullptr || unit->size >= last_size)
      return bad();
    if (count > (kMost - total) / unit->size) return bad();
    total += count * unit->size;
    last_size = unit->size;
  }
  return static_cast<std::int64_t>(total);
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  auto bad = [&] {
    return Error(
        Code::kInvalid,
        fmt::format("\"{}\" is not a size; write for example \"64MiB\" or \"800GB\"", text));
  };
  std::string_view rest = text;
  auto digits = take_while(rest, is_digit);
  std::uint64_t count = 0;
  auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (digits.empty() || code != std::errc()) return bad();
  if (rest.empty()) return count;
  const Unit* unit = find_unit(kSizes, rest);
  if (unit == nullptr || count > std::numeric_limits<std::uint64_t>::max() / unit->size)
    return bad();
  return count * unit->size;
}

std::string format_duration_us(std::int64_t us) {
  if (us == 0) return "0s";
  std::string text = us < 0 ? "-" : "";
  auto left = us < 0 ? 0 - static_cast<std::uint64_t>(us) : static_cast<std::uint64_t>(us);
  for (const Unit& unit : kDurations) {
    if (left >= unit.size) text += fmt::format("{}{}", left / unit.size, unit.name);
    left %= unit.size;
  }
  return text;
}

std::string format_bytes(std::uint64_t bytes) {
  for (const Unit& unit : kSizes) {
    bool binary = unit.name.size() == 3;
    if ((binary || unit.size == 1) && bytes >= unit.size && bytes % unit.size == 0) {
      return fmt::format("{}{}", bytes / unit.size, unit.name);
    }
  }
  return fmt::format("{}B", bytes);
}

std::string_view nearest_word(std::string_view word, const std::string_view* candidates,
                              std::size_t count) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (std::size_t c = 0; c < count; ++c) {
    std::string_view other = candidates[c];
    std::size_t distance = edit_distance(word, other);
    if (distance < best_distance) {
      best_distance = distance;
      best = other;
    }
  }
  return best;
}

}  // namespace freshet

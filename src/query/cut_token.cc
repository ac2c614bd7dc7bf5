#include "query/cut_token.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

namespace freshet::query {
namespace {

constexpr std::string_view kVersion = "v1";
constexpr std::size_t kTokenBytesMax = 4'096;

Error bad_token() {
  return Error(Code::kInvalid, 5010,
               "the cut token is not one of ours: use the text of a Freshet-Cut header or of a "
               "put's answer unchanged");
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() && !text.empty();
}

// "2.0.1"
bool read_rewrites(std::string_view text, std::vector<std::uint32_t>& rewrites) {
  while (true) {
    std::size_t dot = text.find('.');
    if (!read_number(text.substr(0, dot), rewrites.emplace_back())) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// "detections@1099511627777+3~1"
bool read_point(std::string_view text, CutToken& token) {
  std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) return false;
  std::string_view numbers = text.substr(at + 1);
  CutPoint point;
  if (std::size_t tilde = numbers.find('~'); tilde != std::string_view::npos) {
    if (!read_rewrites(numbers.substr(tilde + 1), point.rewrites)) return false;
    numbers = numbers.substr(0, tilde);
  }
  std::size_t plus = numbers.find('+');
  if (!read_number(numbers.substr(0, plus), point.position.value)) return false;
  if (plus != std::string_view::npos && !read_number(numbers.substr(plus + 1), point.ref_version))
    return false;
  return token.emplace(text.substr(0, at), point).second;
}

}  // namespace

std::string format_cut_token(const CutToken& token) {
  std::string text(kVersion);
  for (const auto& [stream, point] : token) {
    text += fmt::format(",{}@{}", stream, point.position.value);
    if (point.ref_version != 0) text += fmt::format("+{}", point.ref_version);
    if (!point.rewrites.empty()) text += fmt::format("~{}", fmt::join(point.rewrites, "."));
  }
  return text;
}

Result<CutToken> parse_cut_token(std::string_view text) {
  if (text.size() > kTokenBytesMax || text.substr(0, kVersion.size()) != kVersion)
    return bad_token();
  text.remove_prefix(kVersion.size());
  CutToken token;
  while (!text.empty()) {
    if (text[0] != ',') return bad_token();
    std::size_t end = std::min(text.find(',', 1), text.size());
    if (!read_point(text.substr(1, end - 1), token)) return bad_token();
    text.remove_prefix(end);
  }
  return token;
}

}  // namespace freshet::query

#include "object_store/object_name.h"

#include <string>

#include "object_store/errors.h"
#include "object_store/object_store.h"

namespace freshet::object_store {
namespace {

// The length of the UTF-8 sequence at the start of `text`, by the table of Unicode 15 section 3.9;
// 0 where there is none.
std::size_t utf8_sequence_bytes(std::string_view text) {
  auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  auto follows = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    bool overlong = first == 0xE0 && byte(1) < 0xA0;
    bool surrogate = first == 0xED && byte(1) > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    bool overlong = first == 0xF0 && byte(1) < 0x90;
    bool beyond = first == 0xF4 && byte(1) > 0x8F;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

std::string_view fault_of_bytes(std::string_view text) {
  while (!text.empty()) {
    auto byte = static_cast<unsigned char>(text.front());
    if (byte < 0x20 || byte == 0x7F) return "it holds a control character";
    std::size_t bytes = utf8_sequence_bytes(text);
    if (bytes == 0) return "it is not UTF-8";
    text.remove_prefix(bytes);
  }
  return {};
}

std::string_view fault_of_segment(std::string_view segment) {
  if (segment.empty()) return "it has an empty segment";
  if (segment == "." || segment == "..") return "it has a segment \".\" or \"..\"";
  if (segment.size() > kSegmentBytesMax) return "a segment is longer than 240 bytes";
  return {};
}

// `is_prefix`: the last segment may be unfinished, or missing.
std::string_view fault_of(std::string_view text, bool is_prefix) {
  if (text.size() > kNameBytesMax) return "it is longer than 700 bytes";
  if (text.starts_with('/')) return "it starts with \"/\"";
  if (text.starts_with(".freshet")) return "names that start with \".freshet\" are the store's own";
  if (std::string_view fault = fault_of_bytes(text); !fault.empty()) return fault;
  while (true) {
    std::size_t slash = text.find('/');
    bool is_last = slash == std::string_view::npos;
    if (is_last && is_prefix) return {};
    if (std::string_view fault = fault_of_segment(text.substr(0, slash)); !fault.empty())
      return fault;
    if (is_last) return {};
    text.remove_prefix(slash + 1);
  }
}

Status check(std::string_view text, bool is_prefix) {
  std::string_view fault = fault_of(text, is_prefix);
  if (fault.empty()) return ok();
  return Error(Code::kInvalid, kBadName,
               "the object name " + in_quotes(text) + " is refused: " + std::string(fault));
}

}  // namespace

Status check_name(std::string_view name) {
  return check(name, false);
}

Status check_prefix(std::string_view prefix) {
  return check(prefix, true);
}

}  // namespace freshet::object_store

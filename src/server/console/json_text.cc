#include "server/console/json_text.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <iterator>

namespace freshet::console {
namespace {

// Bytes of the UTF-8 character that begins here; 0 where none does.
std::size_t character_bytes(std::string_view text) {
  auto first = static_cast<unsigned char>(text[0]);
  std::size_t bytes = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  return bytes <= text.size() && simdjson::validate_utf8(text.data(), bytes) ? bytes : 0;
}

}  // namespace

void append_json_text(std::string& to, std::string_view text) {
  to += '"';
  while (!text.empty()) {
    char c = text[0];
    std::size_t bytes = character_bytes(text);
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned>(c));
    } else if (bytes == 0) {
      to += "\xEF\xBF\xBD";
    } else {
      to += text.substr(0, bytes);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  to += '"';
}

std::string json_text(std::string_view text) {
  std::string quoted;
  append_json_text(quoted, text);
  return quoted;
}

}  // namespace freshet::console

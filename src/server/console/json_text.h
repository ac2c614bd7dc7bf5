// JSON written by appending.
#pragma once

#include <string>
#include <string_view>

namespace freshet::console {

// The text in quotes, escaped. Bytes that are not UTF-8 become U+FFFD.
void append_json_text(std::string& to, std::string_view text);
std::string json_text(std::string_view text);

}  // namespace freshet::console

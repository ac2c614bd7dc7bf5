// Base64 with padding (RFC 4648 section 4), as the AWS JSON protocols carry blobs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace freshet {

constexpr std::size_t base64_decoded_bytes_max(std::size_t text_bytes) {
  return text_bytes / 4 * 3 + 3;
}

void base64_append(std::string& to, std::string_view bytes);
std::string base64_encode(std::string_view bytes);
// Writes the decoded bytes to `to` (room for base64_decoded_bytes_max) and gives their count; -1
// where `text` is not base64: a wrong length, a foreign character, padding inside, or bits left
// over. `to` may be where `text` itself stands: no byte is written before it was read.
std::ptrdiff_t base64_decode(std::string_view text, char* to);

}  // namespace freshet

// What our objects in S3 say of themselves.
#pragma once

#include <cstdint>
#include <string>

#include "common/bytes.h"

namespace freshet::object_store {

inline constexpr const char* kTokenHeader = "x-amz-meta-freshet-put";
inline constexpr const char* kCrcHeader = "x-amz-meta-freshet-crc32c";

// Eight digits of hexadecimal.
inline std::string crc_text(std::uint32_t crc) {
  char bytes[4] = {static_cast<char>(crc >> 24), static_cast<char>(crc >> 16),
                   static_cast<char>(crc >> 8), static_cast<char>(crc)};
  return to_hex({bytes, sizeof bytes});
}

}  // namespace freshet::object_store

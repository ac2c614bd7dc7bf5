// SHA-256 and its HMAC (RFC 2104), by OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace freshet::aws {

using Sha256 = std::array<unsigned char, 32>;

// Thread-safe. The digest's method is fetched once, because OpenSSL 3 takes longer to find it than
// to hash a small text.
Sha256 sha256(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);

inline std::string_view as_string_view(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace freshet::aws

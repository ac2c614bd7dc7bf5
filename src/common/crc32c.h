// CRC32C (Castagnoli polynomial, RFC 3720 appendix B.4). `seed` chains calls and sets blocks apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace freshet {

std::uint32_t crc32c(std::uint32_t seed, std::span<const std::byte> bytes);

}  // namespace freshet

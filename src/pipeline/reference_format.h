// Bytes of a stored reference table (docs/formats/reference_table.md), all numbers little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace freshet::pipeline::reference_format {

// Header: the same in every version, so that any binary can name the version of any file.
inline constexpr std::string_view kMagic = "FRSHREF\n";
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kMagicAt = 0;
inline constexpr std::size_t kVersionAt = 8;       // u32
inline constexpr std::size_t kCrcAt = 12;          // u32, CRC32C of bytes 8..11 and 16..end
inline constexpr std::size_t kBodyBytesAt = 16;    // u64
inline constexpr std::size_t kContentHashAt = 24;  // u64
inline constexpr std::size_t kHeaderBytes = 32;

// What a table may have, stored or not.
inline constexpr std::size_t kColumnsMax = 256;
inline constexpr std::size_t kRowsMax = 100'000'000;

// Body: name and key column (u32 length, bytes), u32 columns, u64 rows; for each column a type byte
// (ColumnType) and its name; then for each column one validity byte a row (0 or 1), and its values:
// fixed width one after another, or for texts a u32 length each and then all bytes.

static_assert(kMagic.size() == kVersionAt);
static_assert(kVersionAt + 4 == kCrcAt);
static_assert(kCrcAt + 4 == kBodyBytesAt);
static_assert(kBodyBytesAt + 8 == kContentHashAt);
static_assert(kContentHashAt + 8 == kHeaderBytes);

}  // namespace freshet::pipeline::reference_format

// Bytes of a run of ids (docs/formats/id_run.md), all numbers little-endian.
//
// Header page, entry pages, then the directory: for each entry page the upper 32 bits of its first
// entry's hash. The header is written last, so a file that was cut has none.
#pragma once

#include <cstddef>
#include <cstdint>

namespace freshet::dedup::run_format {

inline constexpr std::size_t kPageBytes = 8192;
inline constexpr std::uint64_t kMagic = 0x0A53444948535246ull;  // "FRSHIDS\n"
inline constexpr std::uint32_t kVersion = 1;

struct Header {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t crc = 0;  // CRC32C of the header with 0 here
  std::uint64_t data_directory_id = 0;
  std::uint64_t seed_check = 0;  // hash of the id 0: whether the hashes are those of our seed
  std::uint64_t run = 0;         // its number, also in its name
  std::uint64_t pages = 0;       // of entries
  std::uint64_t entries = 0;
  std::int64_t youngest_us = 0;  // the latest last sight
  std::uint64_t rows_end = 0;    // one past the highest row
  std::uint32_t directory_crc = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(Header) == 80);
static_assert(offsetof(Header, crc) == 12);
static_assert(offsetof(Header, directory_crc) == 72);

// An entry page: this, then entries of one width each: id, content hash, and the four numbers in as
// many bytes as the page's widest needs, as distances from the page's least. Behind them zeros.
struct PageHeader {
  std::uint32_t crc = 0;  // CRC32C of run number, page number and the page from byte 4 on
  std::uint16_t entries = 0;
  std::uint8_t position_bytes = 0;
  std::uint8_t sub_bytes = 0;
  std::uint8_t last_seen_bytes = 0;
  std::uint8_t row_bytes = 0;
  std::uint8_t reserved[6] = {};
  std::uint64_t position_least = 0;
  std::int64_t last_seen_least_us = 0;
  std::uint64_t row_least = 0;  // a row is kept as its distance plus 1; 0 is no row
};
static_assert(sizeof(PageHeader) == 40);
static_assert(offsetof(PageHeader, position_least) == 16);

inline constexpr std::size_t kFixedEntryBytes = 32;  // id and content hash

constexpr std::uint64_t page_offset(std::uint64_t page) {
  return (page + 1) * kPageBytes;
}

}  // namespace freshet::dedup::run_format

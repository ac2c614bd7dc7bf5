// The bytes of a hot chunk (docs/formats/hot_chunk.md) and where each array of a table lies in it.
//
// Every offset is from the chunk's own start, so that any process can map it anywhere. Arrays have
// room for the chunk's most rows, but lie in sparse memory: a page costs nothing until it is
// touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hot/table.h"

namespace freshet::hot {

inline constexpr std::uint64_t kChunkMagic = 0x3130484354485246;  // "FRHTCH01" in memory order
inline constexpr std::uint32_t kChunkFormat = 1;
inline constexpr std::uint64_t kPageBytes = 4096;
inline constexpr std::uint64_t kHeapBytes = std::uint64_t{64} << 20;
inline constexpr std::uint64_t kHeapBytesMax = 0xFFFF'F000;  // heap offsets have 32 bits
inline constexpr std::uint32_t kSlotsMin = 512;  // of a dictionary's first hash table: one page

// Fields marked * are written while readers look, by one aligned store each.
struct ChunkHeader {
  std::uint64_t magic;
  std::uint32_t format;
  std::uint32_t column_count;
  std::uint64_t first_row;
  std::uint32_t rows_max;
  std::uint32_t published_rows;  // *
  std::int64_t min_time_us;      // * INT64_MAX while no row has a time
  std::int64_t max_time_us;      // * INT64_MIN while no row has a time
  std::uint64_t heap_offset;
  std::uint64_t heap_bytes;
  std::uint64_t chunk_bytes;
  std::uint64_t hash_seed;
  std::uint64_t reserved[6];
};
static_assert(sizeof(ChunkHeader) == 128);
static_assert(offsetof(ChunkHeader, first_row) == 16);
static_assert(offsetof(ChunkHeader, published_rows) == 28);
static_assert(offsetof(ChunkHeader, heap_offset) == 48);
static_assert(offsetof(ChunkHeader, hash_seed) == 72);

// One per column, directly behind the header. An offset of 0: the column has no such array.
struct ColumnHeader {
  std::uint64_t values_offset;          // column_type_bytes each; of a text column u32 codes
  std::uint64_t validity_offset;        // u64 words, a bit per row
  std::uint64_t entries_offset;         // DictionaryEntry per code
  std::uint64_t tables_offset;          // hash tables of 512, 1024, … slots, one behind the other
  std::uint64_t chain_last_offset;      // u32 per code: its last row + 1, 0 where there is none *
  std::uint64_t chain_previous_offset;  // u32 per row: the row before with this key + 1
  std::uint32_t dictionary_size;        // *
  std::uint32_t slot_count;             // * of the table in use, which starts at slot (count - 512)
  std::uint32_t has_nulls;              // * while 0 the validity words mean nothing
  std::uint8_t type;                    // ColumnType
  std::uint8_t width;                   // of a value in this chunk
  std::uint8_t is_key;
  std::uint8_t reserved;
};
static_assert(sizeof(ColumnHeader) == 64);
static_assert(offsetof(ColumnHeader, dictionary_size) == 48);
static_assert(offsetof(ColumnHeader, type) == 60);

struct DictionaryEntry {
  std::uint32_t offset;  // in the heap
  std::uint32_t bytes;
};
static_assert(sizeof(DictionaryEntry) == 8);

// A slot of a dictionary's hash table: upper half of the hash in the high 32 bits, code + 1 in the
// low ones; 0 is empty. Linear probing from (hash mod slot count). Written by one 8-byte store *.
using DictionarySlot = std::uint64_t;

// An array inside a chunk. Memory is taken from its front, in doubling steps up to `step` bytes.
struct Region {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t step = kPageBytes;

  // How much of the region is taken when its first `used` bytes are. Depends on nothing else, so
  // that a need can be told before.
  std::uint64_t taken_bytes(std::uint64_t used) const;
};

// The arrays of one column: indexes into ChunkLayout::regions, -1 where it has none.
struct ColumnRegions {
  int values = -1, validity = -1, entries = -1, tables = -1, chain_last = -1, chain_previous = -1;
};

// The same for all chunks of a table, but for the heap, which comes last and may be larger.
struct ChunkLayout {
  explicit ChunkLayout(const TableConfig& config);

  std::uint32_t rows_max;
  std::vector<Region> regions;  // [0] holds the headers
  std::vector<ColumnRegions> columns;
  std::vector<ColumnHeader> column_headers;  // as they begin
  std::uint64_t heap_offset;
  Region heap(std::uint64_t heap_bytes) const;
};

// The hash table a dictionary of `size` codes needs: at most three quarters full.
std::uint32_t slots_for(std::uint32_t size);
// Bytes from the start of the tables array to the end of the table of `slots` slots.
constexpr std::uint64_t tables_bytes(std::uint32_t slots) {
  return (std::uint64_t{2} * slots - kSlotsMin) * sizeof(DictionarySlot);
}

}  // namespace freshet::hot

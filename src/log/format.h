// The journal on disk, as bytes and offsets (docs/formats/journal.md tells it in prose). All
// numbers are little-endian. What is read here came from a disk: nothing of it is trusted before
// its checksum and its bounds have been looked at.
#pragma once

#include <cstddef>
#include <cstdint>

namespace freshet::log {

inline constexpr std::uint32_t kFormatVersion = 1;
// Blocks start and end on this boundary, so that a write never shares a page with another.
inline constexpr std::uint64_t kPageBytes = 4096;

// "FRSEGMNT" and "FRSBLOCK", read as little-endian numbers.
inline constexpr std::uint64_t kSegmentMagic = 0x544E4D4745535246ull;
inline constexpr std::uint64_t kBlockMagic = 0x4B434F4C42535246ull;

// A segment begins with two copies of its header, a page each: one bad sector must not make the
// nonce, and with it every block, unreadable.
inline constexpr std::uint64_t kSegmentHeaderCopies = 2;
inline constexpr std::uint64_t kSegmentDataOffset = kSegmentHeaderCopies * kPageBytes;

struct SegmentHeader {
  std::uint64_t magic = kSegmentMagic;
  std::uint32_t format_version = kFormatVersion;
  std::uint32_t journal_id = 0;
  std::uint64_t data_directory_id = 0;
  std::uint64_t segment_id = 0;
  std::uint64_t epoch = 0;
  std::uint64_t nonce = 0;  // new at each reuse of the file
  std::uint64_t segment_bytes = 0;
  std::int64_t prepared_us = 0;  // wall clock, for people only
  // As in BlockHeader, when the segment was prepared: the file may be the one that was let go.
  std::uint64_t trimmed_before_sequence = 0;
  std::uint8_t reserved[52] = {};
  std::uint32_t header_crc = 0;  // CRC32C, seed 0, of the bytes before it
};
static_assert(sizeof(SegmentHeader) == 128);
static_assert(offsetof(SegmentHeader, format_version) == 8);
static_assert(offsetof(SegmentHeader, journal_id) == 12);
static_assert(offsetof(SegmentHeader, data_directory_id) == 16);
static_assert(offsetof(SegmentHeader, segment_id) == 24);
static_assert(offsetof(SegmentHeader, epoch) == 32);
static_assert(offsetof(SegmentHeader, nonce) == 40);
static_assert(offsetof(SegmentHeader, segment_bytes) == 48);
static_assert(offsetof(SegmentHeader, prepared_us) == 56);
static_assert(offsetof(SegmentHeader, trimmed_before_sequence) == 64);
static_assert(offsetof(SegmentHeader, header_crc) == 124);
// It is rewritten in place when a segment is reused: within one 512-byte sector it cannot tear.
static_assert(sizeof(SegmentHeader) <= 512);

enum class Codec : std::uint8_t { kRaw = 0, kLz4 = 1 };

enum BlockFlag : std::uint8_t {
  kEpochStart = 1,   // the first block after a start
  kMoved = 2,        // a block of an earlier epoch, written again by recovery
  kSuperseding = 4,  // the first block after a failed write; see supersedes_from_sequence
};

struct BlockHeader {
  std::uint64_t magic = kBlockMagic;
  std::uint32_t format_version = kFormatVersion;
  std::uint32_t journal_id = 0;
  std::uint64_t data_directory_id = 0;
  std::uint64_t segment_id = 0;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;          // from 1, without holes, through all epochs
  std::uint64_t durable_sequence = 0;  // every block up to it was durable when this was submitted
  // Where the epoch began. A block of an earlier epoch with this sequence or a later one is void:
  // recovery cut it off, and a second recovery must decide alike.
  std::uint64_t epoch_first_sequence = 0;
  // In older segments, blocks from this sequence on were written again from here on; 0 for none.
  std::uint64_t supersedes_from_sequence = 0;
  std::uint64_t base_position = 0;  // of the first record; of the next one where there is none
  std::uint64_t record_count = 0;
  std::uint64_t last_record_position = 0;  // in this block or before it; 0 where there is none
  std::uint64_t segment_offset = 0;        // where this block belongs: sees misdirected writes
  std::uint64_t block_bytes = 0;           // all of it, a multiple of kPageBytes
  std::uint64_t stored_bytes = 0;          // of the records as they stand here
  std::uint64_t raw_bytes = 0;             // of the records after decompression
  std::uint64_t directory_count = 0;
  std::int64_t arrival_min_us = 0;
  std::int64_t arrival_max_us = 0;
  std::int64_t event_time_min_us = 0;  // 0 and 0: not known to the log
  std::int64_t event_time_max_us = 0;
  // Blocks before this sequence were let go when this was submitted: what is missing there is no
  // damage, and what still stands there does not count.
  std::uint64_t trimmed_before_sequence = 0;
  std::uint8_t codec = 0;
  std::uint8_t flags = 0;
  std::uint8_t reserved[6] = {};
  std::uint32_t previous_crc = 0;   // header_crc of the block before: sees reordering
  std::uint32_t body_crc = 0;       // of [kBlockHeaderBytes, directory)
  std::uint32_t directory_crc = 0;  // of [directory, block_bytes): directory and padding
  std::uint32_t header_crc = 0;     // of the bytes before it; the CRCs are seeded per segment
};
inline constexpr std::size_t kBlockHeaderBytes = 200;
static_assert(sizeof(BlockHeader) == kBlockHeaderBytes);
static_assert(offsetof(BlockHeader, format_version) == 8);
static_assert(offsetof(BlockHeader, journal_id) == 12);
static_assert(offsetof(BlockHeader, data_directory_id) == 16);
static_assert(offsetof(BlockHeader, segment_id) == 24);
static_assert(offsetof(BlockHeader, epoch) == 32);
static_assert(offsetof(BlockHeader, sequence) == 40);
static_assert(offsetof(BlockHeader, durable_sequence) == 48);
static_assert(offsetof(BlockHeader, epoch_first_sequence) == 56);
static_assert(offsetof(BlockHeader, supersedes_from_sequence) == 64);
static_assert(offsetof(BlockHeader, base_position) == 72);
static_assert(offsetof(BlockHeader, record_count) == 80);
static_assert(offsetof(BlockHeader, last_record_position) == 88);
static_assert(offsetof(BlockHeader, segment_offset) == 96);
static_assert(offsetof(BlockHeader, block_bytes) == 104);
static_assert(offsetof(BlockHeader, stored_bytes) == 112);
static_assert(offsetof(BlockHeader, raw_bytes) == 120);
static_assert(offsetof(BlockHeader, directory_count) == 128);
static_assert(offsetof(BlockHeader, arrival_min_us) == 136);
static_assert(offsetof(BlockHeader, arrival_max_us) == 144);
static_assert(offsetof(BlockHeader, event_time_min_us) == 152);
static_assert(offsetof(BlockHeader, event_time_max_us) == 160);
static_assert(offsetof(BlockHeader, trimmed_before_sequence) == 168);
static_assert(offsetof(BlockHeader, codec) == 176);
static_assert(offsetof(BlockHeader, flags) == 177);
static_assert(offsetof(BlockHeader, previous_crc) == 184);
static_assert(offsetof(BlockHeader, body_crc) == 188);
static_assert(offsetof(BlockHeader, directory_crc) == 192);
static_assert(offsetof(BlockHeader, header_crc) == 196);

// The body: records one behind the other, padding to 8, then the directory.
struct RecordHeader {
  std::uint32_t data_bytes = 0;
  std::uint16_t key_bytes = 0;
  std::uint8_t kind = 0;
  std::uint8_t reserved = 0;
  std::uint32_t directory_index = 0;
};
inline constexpr std::size_t kRecordHeaderBytes = 12;
static_assert(sizeof(RecordHeader) == kRecordHeaderBytes);
static_assert(offsetof(RecordHeader, key_bytes) == 4);
static_assert(offsetof(RecordHeader, kind) == 6);
static_assert(offsetof(RecordHeader, directory_index) == 8);

struct DirectoryEntry {
  std::uint32_t stream = 0;
  std::uint32_t partition = 0;
  std::uint64_t first_position = 0;
  std::uint64_t count = 0;
};
inline constexpr std::size_t kDirectoryEntryBytes = 24;
static_assert(sizeof(DirectoryEntry) == kDirectoryEntryBytes);
static_assert(offsetof(DirectoryEntry, first_position) == 8);
static_assert(offsetof(DirectoryEntry, count) == 16);

// No block may be larger: a length from a damaged disk must not make us reserve memory for it.
inline constexpr std::uint64_t kBlockBytesLimit = std::uint64_t{256} << 20;
inline constexpr std::uint64_t kKeyBytesMax = 65'535;

}  // namespace freshet::log

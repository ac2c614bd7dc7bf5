// A commit block as bytes: checked, and read record by record. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/result.h"
#include "log/aligned_buffer.h"
#include "log/format.h"
#include "log/record.h"
#include "log/segment_header.h"

namespace freshet::log {

// Views into one block, its checksums checked. `records` is decompressed.
struct BlockView {
  BlockHeader header;
  std::span<const std::byte> records;
  std::span<const std::byte> directory;

  DirectoryEntry directory_entry(std::size_t index) const {
    return load_le<DirectoryEntry>(directory.data() + index * kDirectoryEntryBytes);
  }
  Position first() const { return {header.base_position}; }
  // One past the last position; the same as first() in a block without records.
  Position end() const { return {header.base_position + header.record_count}; }
  // The directory's entry of (stream, partition), if any of its records are here.
  std::optional<DirectoryEntry> find(StreamId stream, PartitionId partition) const;
};

// The header at `bytes` (at least kBlockHeaderBytes), if its CRC, its identity and its sizes agree
// with the segment and the offset it was read from.
std::optional<BlockHeader> parse_block_header(std::span<const std::byte> bytes,
                                              const SegmentIdentity& identity, std::uint32_t seed,
                                              std::uint64_t offset);
// Where the directory begins in the block.
std::uint64_t directory_offset_of(const BlockHeader& header);
// True where records and directory are what was written. `block` is all of header.block_bytes.
bool block_body_is_good(const BlockHeader& header, std::span<const std::byte> block,
                        std::uint32_t seed);
// Views of a block whose body is good; decompresses into `scratch` where the codec says so.
// kCorruption where the lengths inside contradict each other.
Result<BlockView> view_block(const BlockHeader& header, std::span<const std::byte> block,
                             AlignedBuffer& scratch);

// Hands out the records, in order. kCorruption where a length leads outside the block.
Status visit_block(const BlockView& block, const RecordVisitor& visit);
// Fills in the CRCs and writes the header to the front of `block`, whose body stands already.
// Gives back the header as written.
BlockHeader seal_block(BlockHeader header, std::span<std::byte> block, std::uint32_t seed);

// "block 17 of epoch 3 is inconsistent …", FRS-3110.
Error inconsistent_block(const BlockHeader& header, const char* what);

// The same with a visitor that the compiler can see into: this runs once a record.
template <typename Visit>
Status visit_block_records(const BlockView& block, Visit&& visit) {
  const std::byte* next = block.records.data();
  std::size_t left = block.records.size();
  Record record;
  record.arrival_us = block.header.arrival_max_us;
  for (std::uint64_t index = 0; index < block.header.record_count; ++index) {
    if (left < kRecordHeaderBytes) return inconsistent_block(block.header, "a record is cut off");
    auto header = load_le<RecordHeader>(next);
    std::size_t body = std::size_t{header.key_bytes} + header.data_bytes;
    if (left - kRecordHeaderBytes < body) {
      return inconsistent_block(block.header, "a record is cut off");
    }
    if (header.directory_index >= block.header.directory_count) {
      return inconsistent_block(block.header, "a record has no directory entry");
    }
    DirectoryEntry entry = block.directory_entry(header.directory_index);
    const char* bytes = reinterpret_cast<const char*>(next) + kRecordHeaderBytes;
    record.stream = entry.stream;
    record.partition = entry.partition;
    record.kind = static_cast<RecordKind>(header.kind);
    record.position = {block.header.base_position + index};
    record.partition_key = {bytes, header.key_bytes};
    record.data = {bytes + header.key_bytes, header.data_bytes};
    FRESHET_TRY_STATUS(visit(static_cast<const Record&>(record)));
    next += kRecordHeaderBytes + body;
    left -= kRecordHeaderBytes + body;
  }
  return ok();
}

}  // namespace freshet::log

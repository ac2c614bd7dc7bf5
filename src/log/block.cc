#include "log/block.h"

#include <lz4.h>

#include <cstring>
#include <string>

#include "common/bytes.h"
#include "common/check.h"
#include "common/crc32c.h"

namespace freshet::log {
namespace {

std::uint32_t header_crc_of(std::span<const std::byte> bytes, std::uint32_t seed) {
  return crc32c(seed, bytes.first(offsetof(BlockHeader, header_crc)));
}

// Sizes that fit each other and the segment; written so that no sum can overflow.
bool sizes_agree(const BlockHeader& header, const SegmentIdentity& identity) {
  if (header.block_bytes < kPageBytes || header.block_bytes > kBlockBytesLimit) return false;
  if (header.block_bytes % kPageBytes != 0) return false;
  if (header.segment_offset > identity.segment_bytes) return false;
  if (header.block_bytes > identity.segment_bytes - header.segment_offset) return false;
  if (header.stored_bytes > header.block_bytes || header.raw_bytes > kBlockBytesLimit) return false;
  // lz4 cannot do better than 255 to 1: more is no size to reserve memory for.
  if (header.raw_bytes / 256 > header.stored_bytes) return false;
  if (header.directory_count > header.block_bytes / kDirectoryEntryBytes) return false;
  std::uint64_t used = round_up(kBlockHeaderBytes + header.stored_bytes, 8) +
                       header.directory_count * kDirectoryEntryBytes;
  return used <= header.block_bytes && header.record_count <= header.raw_bytes;
}

}  // namespace

std::optional<BlockHeader> parse_block_header(std::span<const std::byte> bytes,
                                              const SegmentIdentity& identity, std::uint32_t seed,
                                              std::uint64_t offset) {
  if (bytes.size() < kBlockHeaderBytes) return std::nullopt;
  if (load_le<std::uint64_t>(bytes.data()) != kBlockMagic) return std::nullopt;
  auto header = load_le<BlockHeader>(bytes.data());
  if (header.header_crc != header_crc_of(bytes, seed)) return std::nullopt;
  bool ours = header.format_version == kFormatVersion && header.journal_id == identity.journal_id &&
              header.data_directory_id == identity.data_directory_id &&
              header.segment_id == identity.segment_id && header.epoch == identity.epoch &&
              header.segment_offset == offset;
  if (!ours || header.sequence == 0 || !sizes_agree(header, identity)) return std::nullopt;
  if (header.codec > static_cast<std::uint8_t>(Codec::kLz4)) return std::nullopt;
  return header;
}

std::uint64_t directory_offset_of(const BlockHeader& header) {
  return round_up(kBlockHeaderBytes + header.stored_bytes, 8);
}

bool block_body_is_good(const BlockHeader& header, std::span<const std::byte> block,
                        std::uint32_t seed) {
  if (block.size() != header.block_bytes) return false;
  std::uint64_t directory = directory_offset_of(header);
  return header.body_crc ==
             crc32c(seed, block.subspan(kBlockHeaderBytes, directory - kBlockHeaderBytes)) &&
         header.directory_crc == crc32c(seed, block.subspan(directory));
}

Result<BlockView> view_block(const BlockHeader& header, std::span<const std::byte> block,
                             AlignedBuffer& scratch) {
  BlockView view;
  view.header = header;
  view.records = block.subspan(kBlockHeaderBytes, header.stored_bytes);
  view.directory =
      block.subspan(directory_offset_of(header), header.directory_count * kDirectoryEntryBytes);
  if (header.codec == static_cast<std::uint8_t>(Codec::kRaw)) {
    if (header.stored_bytes != header.raw_bytes) {
      return inconsistent_block(header, "its sizes differ though it is not compressed");
    }
    return view;
  }
  scratch.grow(header.raw_bytes, 0);
  int got = LZ4_decompress_safe(
      reinterpret_cast<const char*>(view.records.data()), reinterpret_cast<char*>(scratch.data()),
      static_cast<int>(header.stored_bytes), static_cast<int>(header.raw_bytes));
  if (got < 0 || static_cast<std::uint64_t>(got) != header.raw_bytes) {
    return inconsistent_block(header, "it does not decompress");
  }
  view.records = {scratch.data(), header.raw_bytes};
  return view;
}

std::optional<DirectoryEntry> BlockView::find(StreamId stream, PartitionId partition) const {
  for (std::size_t index = 0; index < header.directory_count; ++index) {
    DirectoryEntry entry = directory_entry(index);
    if (entry.stream == stream && entry.partition == partition) return entry;
  }
  return std::nullopt;
}

Status visit_block(const BlockView& block, const RecordVisitor& visit) {
  return visit_block_records(block, [&](const Record& record) { return visit(record); });
}

BlockHeader seal_block(BlockHeader header, std::span<std::byte> block, std::uint32_t seed) {
  FRESHET_CHECK(block.size() == header.block_bytes);
  std::uint64_t directory = directory_offset_of(header);
  header.body_crc = crc32c(seed, block.subspan(kBlockHeaderBytes, directory - kBlockHeaderBytes));
  header.directory_crc = crc32c(seed, block.subspan(directory));
  header.header_crc = header_crc_of(std::as_bytes(std::span(&header, 1)), seed);
  store_le(block.data(), header);
  return header;
}

Error inconsistent_block(const BlockHeader& header, const char* what) {
  return Error(Code::kCorruption, 3110,
               "block " + std::to_string(header.sequence) + " of epoch " +
                   std::to_string(header.epoch) + " contradicts itself: " + what);
}

}  // namespace freshet::log

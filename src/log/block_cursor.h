// Walks the blocks of one segment with large sequential reads, and checks each of them. One thread;
// the file must outlive it.
#pragma once

#include <cstdint>

#include "io/disk.h"
#include "log/block.h"

namespace freshet::log {

class BlockCursor {
 public:
  enum class Found {
    kBlock,       // block() is good; the cursor stands behind it
    kNoHeader,    // no header of this segment at offset(); the cursor stays
    kBadBody,     // header() is good, the rest of it is not; the cursor stays
    kUnreadable,  // the disk does not give the page at offset(); the cursor stays
    kEnd,
  };

  // Blocks within [offset, end) of the file.
  BlockCursor(io::File& file, const SegmentIdentity& identity, std::uint64_t offset,
              std::uint64_t end, std::size_t read_bytes = 1u << 20);

  Found next();
  // The same by its header alone: header() is good, and nothing is said of the rest of the block,
  // which is not read. kBlock, kNoHeader, kUnreadable or kEnd.
  Found next_header();
  // Steps over bytes that are no good block.
  void skip(std::uint64_t bytes) { offset_ += bytes; }

  std::uint64_t offset() const { return offset_; }
  std::uint64_t block_offset() const { return block_.header.segment_offset; }
  // Both valid until the next call of next().
  const BlockHeader& header() const { return header_; }
  const BlockView& block() const { return block_; }
  // All bytes of the block as they stand in the file, after kBlock.
  std::span<const std::byte> stored_block() const {
    return {window_.data() + (block_offset() - window_offset_), header_.block_bytes};
  }
  // The page at offset() after kNoHeader: to tell traces of a torn block from old content.
  std::span<const std::byte> page() const;

 private:
  Found read_header(std::size_t read_bytes);
  bool fill(std::uint64_t bytes, std::size_t read_bytes);
  bool read_more(std::uint64_t bytes);
  std::span<const std::byte> at_offset(std::uint64_t bytes) const;

  io::File& file_;
  SegmentIdentity identity_;
  std::uint32_t seed_;
  std::uint64_t offset_;
  std::uint64_t end_;
  std::size_t read_bytes_;
  AlignedBuffer window_;
  std::uint64_t window_offset_ = 0;  // of the window's first byte in the file
  std::uint64_t window_bytes_ = 0;
  AlignedBuffer scratch_;
  bool header_is_next_ = true;
  BlockHeader header_;
  BlockView block_;
};

}  // namespace freshet::log

#include "log/block_cursor.h"

#include <algorithm>
#include <cstring>

namespace freshet::log {

BlockCursor::BlockCursor(io::File& file, const SegmentIdentity& identity, std::uint64_t offset,
                         std::uint64_t end, std::size_t read_bytes)
    : file_(file),
      identity_(identity),
      seed_(identity.crc_seed()),
      offset_(offset),
      end_(end),
      read_bytes_(read_bytes) {}

BlockCursor::Found BlockCursor::read_header(std::size_t read_bytes) {
  if (offset_ + kPageBytes > end_) return Found::kEnd;
  if (!fill(kPageBytes, read_bytes)) return Found::kUnreadable;
  if (at_offset(kPageBytes).size() < kPageBytes) return Found::kEnd;  // the file is shorter
  auto header = parse_block_header(at_offset(kPageBytes), identity_, seed_, offset_);
  if (!header.has_value() || header->block_bytes > end_ - offset_) return Found::kNoHeader;
  header_ = *header;
  return Found::kBlock;
}

BlockCursor::Found BlockCursor::next_header() {
  // Behind a block the next header is likely one page; behind a page that is none, all may be.
  Found found = read_header(header_is_next_ ? kPageBytes : read_bytes_);
  header_is_next_ = found == Found::kBlock;
  if (found == Found::kBlock) offset_ += header_.block_bytes;
  return found;
}

BlockCursor::Found BlockCursor::next() {
  Found found = read_header(read_bytes_);
  if (found != Found::kBlock) return found;
  if (!fill(header_.block_bytes, read_bytes_)) return Found::kBadBody;
  std::span<const std::byte> bytes = at_offset(header_.block_bytes);
  if (!block_body_is_good(header_, bytes, seed_)) return Found::kBadBody;
  Result<BlockView> view = view_block(header_, bytes, scratch_);
  if (!view.has_value()) return Found::kBadBody;
  block_ = *view;
  offset_ += header_.block_bytes;
  return Found::kBlock;
}

std::span<const std::byte> BlockCursor::page() const {
  return at_offset(kPageBytes);
}

std::span<const std::byte> BlockCursor::at_offset(std::uint64_t bytes) const {
  std::uint64_t from = offset_ - window_offset_;
  return {window_.data() + from, std::min(bytes, window_bytes_ - from)};
}

// Has `bytes` from the offset on in the window, or all that the file holds. False: a read failed.
bool BlockCursor::fill(std::uint64_t bytes, std::size_t read_bytes) {
  bool inside = offset_ >= window_offset_ && offset_ <= window_offset_ + window_bytes_;
  if (!inside) {
    window_offset_ = offset_;
    window_bytes_ = 0;
  }
  if (offset_ - window_offset_ + bytes <= window_bytes_) return true;
  // Keep what is there of the next block: reading it again would double the I/O of large blocks.
  std::uint64_t keep = window_offset_ + window_bytes_ - offset_;
  if (keep > 0) std::memmove(window_.data(), window_.data() + (offset_ - window_offset_), keep);
  window_offset_ = offset_;
  window_bytes_ = keep;
  std::uint64_t wanted = std::min(std::max<std::uint64_t>(bytes, read_bytes), end_ - offset_);
  // A bad sector ahead must not hide the good pages before it.
  return read_more(wanted) || (wanted > bytes && read_more(bytes));
}

bool BlockCursor::read_more(std::uint64_t bytes) {
  if (bytes <= window_bytes_) return true;
  window_.grow(bytes, window_bytes_);
  std::span<std::byte> to{window_.data() + window_bytes_, bytes - window_bytes_};
  Result<std::size_t> got = file_.read(window_offset_ + window_bytes_, to);
  if (!got.has_value()) return false;
  window_bytes_ += *got;
  return true;
}

}  // namespace freshet::log

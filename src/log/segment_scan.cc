#include <algorithm>

#include "common/bytes.h"
#include "log/block_cursor.h"
#include "log/recovery.h"

namespace freshet::log {
namespace {

constexpr std::size_t kScanReadBytes = 4u << 20;

// True where the page begins like a block of this segment, though its checksum does not hold: a
// block that was torn or damaged, not what a former life of the file left behind.
bool shows_trace(std::span<const std::byte> page, const SegmentIdentity& identity) {
  if (page.size() < kBlockHeaderBytes) return false;
  auto header = load_le<BlockHeader>(page.data());
  bool same_segment = header.segment_id == identity.segment_id && header.epoch == identity.epoch &&
                      header.data_directory_id == identity.data_directory_id;
  return header.magic == kBlockMagic && same_segment;
}

class Scanner {
 public:
  explicit Scanner(SegmentScan& scan) : scan_(scan) {}

  void add_block(const BlockHeader& header) {
    bool joins = run_open_ && run().end_offset == header.segment_offset &&
                 run().last_sequence + 1 == header.sequence &&
                 scan_.last_crc == header.previous_crc;
    if (!joins) begin_run(header);
    Run& current = run();
    current.last_sequence = header.sequence;
    current.end_offset = header.segment_offset + header.block_bytes;
    current.end_position = header.base_position + header.record_count;
    current.last_record_position = header.last_record_position;
    current.last_arrival_us = header.arrival_max_us;
    ++current.blocks;
    current.records += header.record_count;
    if (current.index.empty() ||
        header.segment_offset - current.index.back().offset >= kIndexStrideBytes) {
      current.index.push_back(
          {header.base_position, header.sequence, header.segment_offset, header.arrival_max_us});
    }
    scan_.last_crc = header.header_crc;
    scan_.highest_durable_sequence =
        std::max(scan_.highest_durable_sequence, header.durable_sequence);
    scan_.highest_trimmed_before =
        std::max(scan_.highest_trimmed_before, header.trimmed_before_sequence);
  }

  void add_bad(std::uint64_t offset, std::uint64_t bytes, bool unreadable, bool trace) {
    run_open_ = false;
    auto& areas = scan_.bad_areas;
    bool joins = !areas.empty() && areas.back().offset + areas.back().bytes == offset &&
                 areas.back().unreadable == unreadable;
    if (!joins) areas.push_back({offset, 0, unreadable, false});
    areas.back().bytes += bytes;
    areas.back().traces |= trace;
  }

  // The unused rest of a segment is no damage: it may hold zeros or a former life.
  void end() {
    auto& areas = scan_.bad_areas;
    std::uint64_t used = scan_.runs.empty() ? 0 : scan_.runs.back().end_offset;
    while (!areas.empty() && areas.back().offset >= used && !areas.back().traces &&
           !areas.back().unreadable) {
      areas.pop_back();
    }
  }

 private:
  Run& run() { return scan_.runs.back(); }

  void begin_run(const BlockHeader& header) {
    Run fresh;
    fresh.first_sequence = header.sequence;
    fresh.start_offset = header.segment_offset;
    fresh.epoch_first_sequence = header.epoch_first_sequence;
    fresh.first_position = header.base_position;
    scan_.runs.push_back(std::move(fresh));
    run_open_ = true;
  }

  SegmentScan& scan_;
  bool run_open_ = false;
};

SegmentScan empty_scan(const SegmentIdentity& identity, std::string path,
                       std::uint64_t file_bytes) {
  SegmentScan scan;
  scan.path = std::move(path);
  scan.identity = identity;
  scan.file_bytes = file_bytes;
  return scan;
}

}  // namespace

SegmentScan scan_segment(io::File& file, const SegmentIdentity& identity, std::string path,
                         std::uint64_t file_bytes, ScanDepth depth) {
  SegmentScan scan = empty_scan(identity, std::move(path), file_bytes);
  scan.depth = depth;
  Scanner scanner(scan);
  BlockCursor cursor(file, identity, kSegmentDataOffset, file_bytes, kScanReadBytes);
  for (;;) {
    switch (depth == ScanDepth::kBlocks ? cursor.next() : cursor.next_header()) {
      case BlockCursor::Found::kBlock:
        scanner.add_block(cursor.header());
        continue;
      case BlockCursor::Found::kNoHeader:
        scanner.add_bad(cursor.offset(), kPageBytes, false, shows_trace(cursor.page(), identity));
        cursor.skip(kPageBytes);
        continue;
      case BlockCursor::Found::kBadBody:
        // Its header is good, so its length is: no other block begins inside.
        scanner.add_bad(cursor.offset(), cursor.header().block_bytes, false, true);
        cursor.skip(cursor.header().block_bytes);
        continue;
      case BlockCursor::Found::kUnreadable:
        scanner.add_bad(cursor.offset(), kPageBytes, true, true);
        cursor.skip(kPageBytes);
        continue;
      case BlockCursor::Found::kEnd:
        scanner.end();
        return scan;
    }
  }
}

SegmentScan scan_headless_segment(io::File& file, const SegmentIdentity& named, std::string path,
                                  std::uint64_t file_bytes) {
  SegmentScan scan = empty_scan(named, std::move(path), file_bytes);
  scan.header_is_good = false;
  Scanner scanner(scan);
  BlockCursor cursor(file, named, kSegmentDataOffset, file_bytes, kScanReadBytes);
  for (;;) {
    BlockCursor::Found found = cursor.next();
    if (found == BlockCursor::Found::kEnd) break;
    bool unreadable = found == BlockCursor::Found::kUnreadable;
    scanner.add_bad(cursor.offset(), kPageBytes, unreadable,
                    unreadable || shows_trace(cursor.page(), named));
    cursor.skip(kPageBytes);
  }
  scanner.end();
  return scan;
}

}  // namespace freshet::log

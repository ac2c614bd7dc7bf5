#include "log/stretches.h"

#include <algorithm>

#include "log/block_cursor.h"

namespace freshet::log {
namespace {

Stretch whole_run(const SegmentScan& scan, const Run& run) {
  Stretch stretch;
  stretch.path = scan.path;
  stretch.identity = scan.identity;
  stretch.start_offset = run.start_offset;
  stretch.end_offset = run.end_offset;
  stretch.first_sequence = run.first_sequence;
  stretch.last_sequence = run.last_sequence;
  stretch.first_position = run.first_position;
  stretch.end_position = run.end_position;
  stretch.last_record_position = run.last_record_position;
  stretch.last_arrival_us = run.last_arrival_us;
  stretch.blocks = run.blocks;
  stretch.records = run.records;
  stretch.index = run.index;
  return stretch;
}

// Narrows a stretch to [first, last] by walking over the blocks at the cuts.
Status cut(io::Disk& disk, Stretch& stretch, std::uint64_t first, std::uint64_t last) {
  bool front = first > stretch.first_sequence;
  auto behind =
      std::partition_point(stretch.index.begin(), stretch.index.end(),
                           [&](const IndexEntry& entry) { return entry.sequence <= last; });
  std::uint64_t from = front ? stretch.start_offset : std::prev(behind)->offset;
  FRESHET_TRY(auto file, disk.open(stretch.path, io::OpenMode::kRead));
  BlockCursor cursor(*file, stretch.identity, from, stretch.end_offset);
  std::erase_if(stretch.index, [&](const IndexEntry& entry) {
    return entry.sequence < first || entry.sequence > last;
  });
  for (std::uint64_t end = stretch.end_offset; cursor.offset() < end;) {
    if (cursor.next() != BlockCursor::Found::kBlock) {
      return changed_bytes(stretch.path, cursor.offset());
    }
    const BlockHeader& header = cursor.header();
    if (header.sequence < first || header.sequence > last) {
      --stretch.blocks;
      stretch.records -= header.record_count;
      continue;
    }
    if (front && header.sequence == first) {
      stretch.start_offset = header.segment_offset;
      stretch.first_position = header.base_position;
      IndexEntry entry{header.base_position, header.sequence, header.segment_offset,
                       header.arrival_max_us};
      bool there = !stretch.index.empty() && stretch.index.front().sequence == first;
      if (!there) stretch.index.insert(stretch.index.begin(), entry);
    }
    stretch.end_offset = header.segment_offset + header.block_bytes;
    stretch.end_position = cursor.block().end().value;
    stretch.last_record_position = header.last_record_position;
    stretch.last_arrival_us = header.arrival_max_us;
  }
  stretch.first_sequence = first;
  stretch.last_sequence = last;
  return ok();
}

}  // namespace

Error changed_bytes(const std::string& path, std::uint64_t offset) {
  return Error(Code::kCorruption, 3118,
               path + " gives other bytes at offset " + std::to_string(offset) +
                   " than a moment ago: check the disk and the memory of this machine");
}

Result<std::vector<Stretch>> stretches_of(io::Disk& disk, const std::vector<SegmentScan>& scans,
                                          const std::vector<Extent>& extents,
                                          std::uint64_t last_sequence) {
  std::vector<Stretch> stretches;
  for (const Extent& extent : extents) {
    if (extent.first_sequence > last_sequence) continue;
    const SegmentScan& scan = scans[extent.segment];
    Stretch stretch = whole_run(scan, scan.runs[extent.run]);
    std::uint64_t last = std::min(extent.last_sequence, last_sequence);
    if (extent.first_sequence > stretch.first_sequence || last < stretch.last_sequence) {
      FRESHET_TRY_STATUS(cut(disk, stretch, extent.first_sequence, last));
    }
    stretches.push_back(std::move(stretch));
  }
  return stretches;
}

}  // namespace freshet::log

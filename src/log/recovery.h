// What a journal holds after a crash, decided from what its segments show. Pure: no I/O.
//
// With two blocks in flight a power cut may leave block n missing and n+1 whole, so a good block
// behind a bad one proves nothing by itself. The watermark decides: every block carries the highest
// sequence that was durable when it was submitted. W is the highest of these in any good block.
//   A sequence at or below W is missing: damage. It is reported, never cut. (What retention let go
//   is told from it by T.)
//   A sequence above W is missing: a torn tail. It and all behind it go; none was acknowledged.
// A block that was written twice (after a failed write, or by an interrupted recovery) has one
// sequence and the same records in both copies; the copy in the newest segment counts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "io/disk.h"
#include "log/journal.h"
#include "log/segment_header.h"

namespace freshet::log {

// One per >= 64 KiB of blocks.
struct IndexEntry {
  std::uint64_t position = 0;  // base position of the block at `offset`
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  std::int64_t arrival_us = 0;
};
inline constexpr std::uint64_t kIndexStrideBytes = 64 << 10;

// Good blocks one behind the other in one segment, their sequences without a hole.
struct Run {
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t start_offset = 0;
  std::uint64_t end_offset = 0;
  std::uint64_t epoch_first_sequence = 0;
  std::uint64_t first_position = 0;  // base of the first block
  std::uint64_t end_position = 0;    // one past the last record
  std::uint64_t last_record_position = 0;
  std::int64_t last_arrival_us = 0;
  std::uint64_t blocks = 0, records = 0;
  std::vector<IndexEntry> index;
};

struct BadArea {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  bool unreadable = false;  // the disk reported an error
  bool traces = false;      // holds parts of a block of this segment's present life
};

// How much of a segment is read to judge it. A start reads every record once more, to bring the
// pipelines back; with kHeaders it reads a few percent before that, instead of everything twice.
enum class ScanDepth : std::uint8_t {
  kHeaders,  // a block is good when its header is; whoever reads it finds out about the rest
  kBlocks,   // a block is good when every byte of it is
};

struct SegmentScan {
  std::string path;
  ScanDepth depth = ScanDepth::kBlocks;
  SegmentIdentity identity;
  bool header_is_good = true;
  std::uint64_t file_bytes = 0;
  std::uint64_t highest_durable_sequence = 0;
  std::uint64_t highest_trimmed_before = 0;
  std::uint32_t last_crc = 0;  // header CRC of the last good block
  std::vector<Run> runs;
  std::vector<BadArea> bad_areas;  // rising; none behind the last trace of a block
};

// Reads a segment whose header is good. Unreadable pages become bad areas.
SegmentScan scan_segment(io::File& file, const SegmentIdentity& identity, std::string path,
                         std::uint64_t file_bytes, ScanDepth depth = ScanDepth::kBlocks);
// A segment whose header is lost: only traces can be told.
SegmentScan scan_headless_segment(io::File& file, const SegmentIdentity& named, std::string path,
                                  std::uint64_t file_bytes);

// Blocks [first_sequence, last_sequence] of one run.
struct Extent {
  std::size_t segment = 0;  // index into the scans
  std::size_t run = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
};

// Sequences that were durable once and are nowhere now.
struct Hole {
  std::uint64_t last_sequence = 0;    // of the missing ones; 0 where it is not known
  std::size_t extent_before = kNone;  // index into the extents
  std::size_t extent_after = kNone;
  struct Place {
    std::size_t segment = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  std::vector<Place> places;  // where they may have stood
  static constexpr std::size_t kNone = ~std::size_t{0};
};

struct Decision {
  std::uint64_t durable_sequence = 0;  // W
  std::uint64_t trimmed_before = 0;    // T
  std::uint64_t last_sequence = 0;     // what stays; the new epoch begins one behind it
  std::vector<Extent> extents;         // by sequence
  std::vector<Hole> holes;             // missing sequences
  std::uint64_t torn_tail_bytes = 0;
};

// `scans` by rising segment id; `trimmed_before` from the names of free files. FRS-3112 where an
// unreadable page could hold what would be cut.
Result<Decision> decide_recovery(const std::vector<SegmentScan>& scans,
                                 std::uint64_t trimmed_before, RecoveryPolicy policy);

}  // namespace freshet::log

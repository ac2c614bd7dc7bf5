// Looks at a journal's folder from outside, for `freshet inspect`: changes nothing, needs no
// configuration, and may run beside a server (what that one is writing shows as a torn tail).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "io/disk.h"
#include "log/format.h"

namespace freshet::log {

struct InspectOptions {
  bool blocks = false;  // tell every block too
};

struct InspectedBlock {
  BlockHeader header;
  std::uint64_t offset = 0;
};

struct InspectedArea {
  enum class Kind {
    kDamage,    // acknowledged blocks stood here and cannot be read
    kTornTail,  // a write that a crash caught; nothing in it was acknowledged
    kReplaced,  // its blocks were written again elsewhere, or a later start made them void
  } kind = Kind::kTornTail;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct InspectedSegment {
  enum class State {
    kUsed,           // holds blocks that count
    kReady,          // prepared, nothing written yet
    kVoid,           // holds blocks, none of which counts any more
    kFree,           // waits for reuse
    kPreparing,      // not yet written through
    kDamagedHeader,  // both copies of its header are lost
    kForeign,        // of another journal or format; its blocks are not looked at
  } state = State::kUsed;
  std::string path;
  std::uint64_t file_bytes = 0;
  SegmentHeader header;  // zeros where there is none
  std::uint64_t blocks = 0, records = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t first_sequence = 0, last_sequence = 0;
  std::uint64_t first_position = 0, last_position = 0;
  std::int64_t first_arrival_us = 0, last_arrival_us = 0;
  std::vector<InspectedArea> bad_areas;
  std::vector<InspectedBlock> listed_blocks;  // with InspectOptions::blocks
  std::string remark;
};

struct InspectedJournal {
  std::string directory;
  std::vector<InspectedSegment> segments;  // by name
  std::uint64_t durable_sequence = 0;      // the watermark: below it a missing block is damage
  std::uint64_t last_sequence = 0;
  std::uint64_t last_position = 0;
  std::uint64_t torn_tail_bytes = 0;
  std::uint64_t damaged_areas = 0;
};

// kNotFound where the folder is none or holds no journal.
Result<InspectedJournal> inspect_journal(io::Disk& disk, const std::string& directory,
                                         const InspectOptions& options);
// As plain text, a line each.
std::vector<std::string> describe_journal(const InspectedJournal& journal);

}  // namespace freshet::log

// Reads durable records, of one partition or of all, beside the thread that writes. Thread-safe.
// Reads the disk (the newest blocks come from memory), so never call it on a net thread.
#pragma once

#include <cstdint>

#include "common/result.h"
#include "event/position.h"
#include "log/record.h"

namespace freshet::log {

struct ReadLimits {
  std::size_t records_max = 10'000;
  std::size_t bytes_max =
      10u << 20;  // keys and data; at least one record is given whatever its size
};

struct ReadEnd {
  Position next;                     // where the next read of this partition should start
  bool at_end = false;               // everything durable was looked at
  std::int64_t last_arrival_us = 0;  // of the journal's last durable block, for MillisBehindLatest
};

// How much of the journal stands between two positions, to within a block or two.
struct LogExtent {
  std::uint64_t records = 0;  // of all streams
  std::uint64_t bytes = 0;    // on disk
};

class Reader {
 public:
  virtual ~Reader() = default;
  // Records of (stream, partition) with from <= position < until, ascending, until a limit is
  // reached. kExpired where `from` has been trimmed away (start at first_position instead);
  // kCorruption, naming segment and offset, where the next record lies in a gap.
  virtual Result<ReadEnd> read(StreamId stream, PartitionId partition, Position from,
                               Position until, const ReadLimits& limits,
                               const RecordVisitor& visit) = 0;
  // The same for the records of all streams and partitions, control records among them.
  virtual Result<ReadEnd> read_all(Position from, Position until, const ReadLimits& limits,
                                   const RecordVisitor& visit) = 0;
  // From memory: cheap.
  virtual LogExtent extent(Position from, Position until) const = 0;
  virtual Position first_position() const = 0;
  // Records before first_position() have been let go.
  virtual bool is_trimmed() const = 0;
  virtual Position durable() const = 0;
  // The first position whose block arrived at or after `us`; one past the last durable one where
  // none did.
  virtual Position position_at_time(std::int64_t us) const = 0;
  // Where `position` lies in a gap (read() said kCorruption): the first position behind it. Else
  // `position` itself.
  virtual Position position_behind_gap(Position position) const = 0;
};

}  // namespace freshet::log

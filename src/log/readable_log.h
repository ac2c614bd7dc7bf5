// What may be read of a journal: stretches of durable blocks on disk, with a sparse index, and the
// newest blocks in memory. The journal's thread adds and trims; any thread reads. After a crash all
// of it is rebuilt from the segments.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "io/disk.h"
#include "log/block.h"
#include "log/journal.h"
#include "log/reader.h"
#include "log/recovery.h"

namespace freshet::log {

// Durable blocks one behind the other in one segment, their sequences without a hole.
struct Stretch {
  std::string path;
  SegmentIdentity identity;
  std::uint64_t start_offset = 0;
  std::uint64_t end_offset = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t first_position = 0;        // base of the first block
  std::uint64_t end_position = 0;          // one past the last record
  std::uint64_t last_record_position = 0;  // in it or before it
  std::int64_t last_arrival_us = 0;
  std::uint64_t blocks = 0, records = 0;
  std::vector<IndexEntry> index;  // by offset; never empty
};

class ReadableLog : public Reader {
 public:
  ReadableLog(io::Disk& disk, std::uint64_t recent_bytes_max)
      : disk_(disk), recent_bytes_max_(recent_bytes_max) {}

  // Reader: any thread.
  Result<ReadEnd> read(StreamId stream, PartitionId partition, Position from, Position until,
                       const ReadLimits& limits, const RecordVisitor& visit) override;
  Result<ReadEnd> read_all(Position from, Position until, const ReadLimits& limits,
                           const RecordVisitor& visit) override;
  LogExtent extent(Position from, Position until) const override;
  Position first_position() const override;
  bool is_trimmed() const override;
  Position durable() const override;
  Position position_at_time(std::int64_t us) const override;
  Position position_behind_gap(Position position) const override;

  // The journal's thread, before the first append.
  void add_stretch(Stretch stretch);
  void add_gap(Gap gap);
  // Positions before it have been trimmed away: reading there is kExpired.
  void set_trim_floor(Position floor);
  void set_durable(Position last, std::int64_t last_arrival_us);
  std::vector<Stretch> stretches() const;

  // The journal's thread. A block that has just become durable, and the memory it stands in.
  void add_durable(const BlockView& block, std::shared_ptr<const AlignedBuffer> memory,
                   const std::string& path, const SegmentIdentity& identity);
  void drop_segment(std::uint64_t segment_id);
  // Gives back a buffer that no reader holds any more, if there is one.
  std::shared_ptr<AlignedBuffer> take_spare_buffer();

 private:
  struct RecentBlock {
    BlockView view;
    std::shared_ptr<const AlignedBuffer> memory;
  };
  struct DiskPart {
    std::string path;
    SegmentIdentity identity;
    std::uint64_t offset = 0;
    std::uint64_t end_offset = 0;
    std::uint64_t last_sequence = 0;
    std::uint64_t end_position = 0;
  };
  struct Source;
  class Reading;

  // Whose records are read.
  struct Wanted {
    StreamId stream = 0;
    PartitionId partition = 0;
  };
  Source locate(std::uint64_t cursor, const std::optional<Wanted>& wanted) const;
  Result<ReadEnd> read_wanted(const std::optional<Wanted>& wanted, Position from, Position until,
                              const ReadLimits& limits, const RecordVisitor& visit);
  Error expired(std::uint64_t position) const FRESHET_REQUIRES(mutex_);
  const Gap* gap_at(std::uint64_t position) const FRESHET_REQUIRES(mutex_);
  std::size_t stretch_for(std::uint64_t position) const FRESHET_REQUIRES(mutex_);
  DiskPart part_of(const Stretch& stretch, std::uint64_t position) const;
  bool holds_segment(std::uint64_t segment_id) const;
  // Damage found while reading. The first position behind it.
  std::uint64_t add_found_gap(const DiskPart& part, std::uint64_t offset, std::uint64_t bytes,
                              std::uint64_t cursor, std::uint64_t next_good);
  void evict() FRESHET_REQUIRES(mutex_);

  io::Disk& disk_;
  const std::uint64_t recent_bytes_max_;
  mutable Mutex mutex_;
  std::vector<Stretch> stretches_ FRESHET_GUARDED_BY(mutex_);  // by position
  std::vector<Gap> gaps_ FRESHET_GUARDED_BY(mutex_);
  std::deque<RecentBlock> recent_ FRESHET_GUARDED_BY(mutex_);  // the newest, without a hole
  std::uint64_t recent_bytes_ FRESHET_GUARDED_BY(mutex_) = 0;
  std::vector<std::shared_ptr<AlignedBuffer>> spare_ FRESHET_GUARDED_BY(mutex_);
  std::uint64_t trim_floor_ FRESHET_GUARDED_BY(mutex_) = 0;  // below it: kExpired
  std::uint64_t durable_ FRESHET_GUARDED_BY(mutex_) = 0;
  std::int64_t last_arrival_us_ FRESHET_GUARDED_BY(mutex_) = 0;
};

}  // namespace freshet::log

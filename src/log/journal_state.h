// The journal's inside, shared by its source files: journal.cc writes, journal_open.cc recovers.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/block_builder.h"
#include "log/journal.h"
#include "log/readable_log.h"
#include "log/recovery.h"
#include "log/segment_pool.h"

namespace freshet::log {

// A block that was submitted and is not durable yet.
struct PendingBlock {
  BlockBody body;                      // as it is written
  std::shared_ptr<AlignedBuffer> raw;  // the records as they were appended
  std::uint64_t raw_directory_offset = 0;
  BlockHeader header;
  // Shared: a segment that was left stays open until the last write to it has returned.
  std::shared_ptr<Segment> segment;
  std::uint64_t tag = 0;
  bool done = false;

  // The records in memory, decompressed.
  BlockView view() const;
};

// A segment that holds blocks, or held some that were lost.
struct UsedSegment {
  std::string path;
  std::uint64_t segment_id = 0;
  std::uint64_t bytes = 0;
  std::uint64_t last_sequence = 0;  // of the blocks that count
  std::uint64_t end_position = 0;   // one past their last record
  bool counts = true;               // false: all its blocks are void or stand elsewhere too
};

struct Journal::State {
  State(const Config& config_in, io::Disk& disk_in, io::WriteQueue& queue_in, io::Clock& clock_in,
        io::Random& random_in)
      : config(config_in),
        disk(disk_in),
        queue(queue_in),
        pool(config, disk_in, queue_in, clock_in, random_in),
        readable(disk_in, config_in.recent_bytes_max) {}

  // journal_open.cc
  Status open(RecoveryPolicy policy, io::Executor* helpers);
  Result<std::vector<SegmentName>> list_files();
  Status scan_files(const std::vector<SegmentName>& segments, io::Executor* helpers);
  Status check_what_headers_leave_open();
  Result<SegmentScan> scan_file(const SegmentName& named) const;
  void note_recovered(const std::vector<Stretch>& stretches);
  void note_gaps(const std::vector<Stretch>& stretches);
  void note_used_segments(const std::vector<Stretch>& stretches);
  Status free_empty_segments();
  Status free_void_segments();
  Status begin_epoch(const std::vector<Stretch>& stretches);
  Status begin_without_space(const std::vector<Stretch>& stretches,
                             const std::vector<PendingBlock>& tail);
  Result<std::vector<PendingBlock>> read_tail();
  Status write_now(PendingBlock block);
  void show(const std::vector<Stretch>& stretches);

  // journal.cc
  std::shared_ptr<AlignedBuffer> take_buffer();
  bool has_room(std::uint64_t block_bytes) const;
  bool can_submit() const;
  Status no_room() const;
  Status place(PendingBlock& block);
  void start_write(PendingBlock& block);
  void finish_durable();
  Status move_pending();
  void leave_segment(std::uint64_t bytes);
  PendingBlock empty_block(std::uint64_t position);
  BlockHeader fresh_header() const;

  Config config;
  io::Disk& disk;
  io::WriteQueue& queue;
  SegmentPool pool;
  ReadableLog readable;
  Recovery recovery;
  // Only while opening.
  std::vector<SegmentScan> scans;
  Decision decision;
  std::uint64_t named_trimmed_before = 0;

  std::shared_ptr<Segment> current;
  std::deque<UsedSegment> used;  // by id; the last one is `current`
  BlockBuilder builder;
  BlockBuilder empty_builder;  // for watermarks, while `builder` holds an open block
  std::deque<PendingBlock> pending;
  std::optional<PendingBlock> submitted_last;  // with records; for visit_submitted()

  std::uint64_t epoch = 0;
  std::uint64_t epoch_first_sequence = 1;
  std::uint64_t next_sequence = 1;
  std::uint64_t next_position = 0;
  std::uint64_t next_tag = 1;
  std::uint64_t durable_sequence = 0;
  std::uint64_t trimmed_before_sequence = 0;
  std::uint64_t last_placed_position = 0;  // of the last record in any block placed
  std::int64_t placed_arrival_us = 0;      // of the block placed last
  std::uint64_t durable_position = 0;
  std::int64_t last_arrival_us = 0;
  std::uint32_t previous_crc = 0;
  std::uint32_t writes_in_flight = 0;
  bool segment_failed = false;
  bool moved_once = false;  // a failed write was moved and nothing has become durable since
  bool last_block_is_watermark = true;
  std::optional<Error> broken;
};

}  // namespace freshet::log

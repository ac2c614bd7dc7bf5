// The journal of one shard thread: one sequence of commit blocks for all its streams and
// partitions. Everything here is called by that thread alone; readers on other threads use
// log/reader.h.
//
// A block goes through: open (append) → sealed and submitted → durable. Blocks become durable in
// order: durable() is the last position such that it and all before it are on stable storage. After
// a crash every durable record is there again; of the others, a prefix may be.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "event/position.h"
#include "io/clock.h"
#include "io/disk.h"
#include "io/executor.h"
#include "io/random.h"
#include "io/write_queue.h"
#include "log/record.h"

namespace freshet::log {

struct Config {
  std::string directory;                // of this journal alone
  std::uint64_t data_directory_id = 0;  // a segment of another data directory is refused
  std::uint32_t journal_id = 0;
  std::uint64_t segment_bytes = 256ull << 20;  // a multiple of 4 KiB
  std::uint64_t block_bytes_max = 1ull
                                  << 20;  // a block is sealed when the next record would pass it
  std::uint32_t segments_ahead = 1;       // prepared (zero-filled, synced) before they are needed
  std::uint32_t blocks_in_flight_max = 2;
  std::uint64_t recent_bytes_max = 32ull << 20;  // newest blocks kept in memory for readers
  bool compress = false;                         // block bodies with lz4
  // Reads every byte of every block before it is decided what counts. Without it a block that was
  // durable is taken for good by its header; where its body is not, replay() is kCorruption, and
  // the journal must be opened again with this, which finds the gap and goes on around it.
  bool check_bodies = false;
};

// Bytes that were acknowledged once and cannot be read now: reported, never truncated.
struct Gap {
  std::string segment;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  Position after;   // last position that reads well before it
  Position before;  // first position that reads well behind it; 0 where nothing does
  std::string reason;
};

struct Recovery {
  std::uint64_t epoch = 0;
  Position last;  // last durable record of earlier epochs; 0 in a new journal
  std::int64_t last_arrival_us = 0;
  std::uint64_t blocks = 0, records = 0, bytes = 0;
  std::uint64_t torn_tail_bytes = 0;
  std::vector<Gap> gaps;
};

class Reader;

enum class RecoveryPolicy : std::uint8_t {
  kWatermark,             // damage at or below the durable watermark, a torn tail above it
  kEveryHoleIsATornTail,  // wrong on purpose: the simulation must catch it
};

class Journal {
 public:
  // Opens or creates the journal, recovers it and begins a new epoch in a new segment.
  // On a full disk it opens too, for reading; append() is kUnavailable until prepare_segments()
  // finds space. With `helpers` segments are looked at side by side. `policy` is for tests of the
  // simulation alone.
  static Result<std::unique_ptr<Journal>> open(const Config& config, io::Disk& disk,
                                               io::WriteQueue& queue, io::Clock& clock,
                                               io::Random& random,
                                               RecoveryPolicy policy = RecoveryPolicy::kWatermark,
                                               io::Executor* helpers = nullptr);
  // Waits for the writes on their way. Every completion that the queue reported must have been
  // handed to complete().
  ~Journal();

  const Recovery& recovery() const;

  // Reads every recovered record with a position >= from, in order. Gaps are passed over (they
  // stand in recovery().gaps). Call before the first append. kCorruption where a body is damaged:
  // see Config::check_bodies.
  Status replay(Position from, const RecordVisitor& visit);

  // Adds a record to the open block, which it opens at `now_us` where there is none (all records of
  // a block share its arrival time, which never runs backwards). The position is final. The data is
  // copied. kUnavailable (kNoSpace) when no segment has room and none can be made: nothing was
  // appended.
  Result<Position> append(StreamId stream, PartitionId partition, RecordKind kind,
                          std::string_view partition_key, std::string_view data,
                          std::int64_t now_us);
  std::uint64_t open_block_records() const;
  std::uint64_t open_block_bytes() const;
  std::int64_t open_block_arrival_us() const;
  bool open_block_is_full() const;  // past block_bytes_max; may still grow for the request in hand

  // True where a block may be submitted: fewer than blocks_in_flight_max are on their way.
  bool can_submit() const;
  // Seals the open block and starts its write. Its records may be visited until it is durable.
  Status submit();
  // Hands every record of the block submitted last to `visit`, in order.
  Status visit_submitted(const RecordVisitor& visit) const;

  // Takes what the write queue reports, every completion of it. A failed write closes the segment;
  // its pending blocks are written again, whole and with the same positions, to a new one. An
  // error: this journal can write no more.
  Status complete(const io::Completion& completion);
  Position durable() const;
  // Blocks submitted and not durable yet. When it turns 0 call submit_watermark() once, so that the
  // last acknowledged block is known to be durable by a block behind it.
  std::uint32_t blocks_in_flight() const;
  Status submit_watermark();

  // Prepares segments ahead, if there are too few; does a bounded piece of work a call, the bulk of
  // it through the write queue. Call it in every round of the loop: it is cheap where nothing is to
  // be done. kNoSpace on a full disk: the state is unchanged, try again later.
  Status prepare_segments();

  // Lets segments go (renamed for reuse) whose records all stand below `before`.
  Status trim(Position before);
  Position first_position() const;      // of the oldest record kept
  std::uint64_t bytes_on_disk() const;  // segments with records, and those ready for reuse
  // The first position whose block arrived at or after `us`; one past the last where none did.
  Position position_at_time(std::int64_t us) const;
  // The first position to keep, for retention by bytes: after trim() to it bytes_on_disk() is at
  // most `bytes_max`, as far as whole segments allow.
  Position position_for_bytes(std::uint64_t bytes_max) const;

  // The reader for other threads; lives as long as the journal.
  Reader& reader();

 private:
  struct State;
  explicit Journal(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::log

// Files for the journal to write: made ahead, written through once, taken into use by rename.
// Owned and called by the journal's thread. After a crash: a file named segment-* has a durable
// header; one named free-* is written through and may be taken; one named preparing-* is worthless.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/clock.h"
#include "io/disk.h"
#include "io/random.h"
#include "io/write_queue.h"
#include "log/aligned_buffer.h"
#include "log/journal.h"
#include "log/segment_header.h"

namespace freshet::log {

// A segment that is being written.
struct Segment {
  SegmentIdentity identity;
  std::uint32_t crc_seed = 0;
  std::string path;
  std::unique_ptr<io::File> file;  // kDirectWrite
  std::uint64_t end_offset = kSegmentDataOffset;

  std::uint64_t room() const { return identity.segment_bytes - end_offset; }
};

class SegmentPool {
 public:
  // Tags of its own writes have this bit; the journal's have not.
  static constexpr std::uint64_t kTagBit = std::uint64_t{1} << 63;

  SegmentPool(const Config& config, io::Disk& disk, io::WriteQueue& queue, io::Clock& clock,
              io::Random& random);

  void begin_epoch(std::uint64_t epoch, std::uint64_t next_segment_id);
  // A file of a former start that is written through.
  void add_free(std::string path, std::uint64_t bytes, std::uint64_t trimmed_before_sequence);
  // Blocks before `sequence` are let go; what is renamed or prepared from now on says so.
  void set_trimmed_before(std::uint64_t sequence) { trimmed_before_ = sequence; }
  // A durable block says so too, so that no name needs to.
  void prove_trimmed_before(std::uint64_t sequence);
  // Takes a segment out of use and keeps the file for reuse. An error: it has its name still.
  Status recycle(const std::string& path, std::uint64_t segment_id, std::uint64_t bytes);

  // A bounded step towards enough ready segments, one of them with room for a block of `must_hold`
  // bytes.
  Status prepare_step(std::uint64_t must_hold);
  // One ready segment at once, of modest size, where there is none with `bytes` of room. Blocks.
  Status prepare_now(std::uint64_t bytes);
  bool has_ready(std::uint64_t bytes) const;
  // A ready segment with that much room; nothing where there is none.
  std::unique_ptr<Segment> take(std::uint64_t bytes);

  void complete(const io::Completion& completion);
  // At the end: its write has returned and nothing more will come of it.
  void abandon() { zeroing_.reset(); }
  bool write_is_in_flight() const { return zeroing_.has_value() && zeroing_->in_flight; }
  std::uint64_t bytes() const;
  // Of `bytes`, those that are not waiting to be given back.
  std::uint64_t ready_bytes() const;

 private:
  struct FreeFile {
    std::string path;
    std::uint64_t bytes = 0;
    std::uint64_t trimmed_before = 0;  // what its name says
  };
  // A new file on its way to being written through.
  struct Zeroing {
    std::string path;
    std::unique_ptr<io::File> file;
    std::uint64_t bytes = 0;
    std::uint64_t done = 0;
    bool in_flight = false;
    std::optional<Error> failure;
  };

  std::string path_of(const std::string& name) const { return config_.directory + "/" + name; }
  Result<std::uint64_t> choose_bytes() const;
  Result<Zeroing> create(std::uint64_t bytes);
  Status step_zeroing();
  void submit_zeros();
  Status adopt(FreeFile file);
  Status settle_names();
  bool has_free(std::uint64_t bytes) const;
  Status adopt_free(std::uint64_t bytes);
  Status remove_surplus();
  Status give_up(Error why, const std::string& path);

  const Config& config_;
  io::Disk& disk_;
  io::WriteQueue& queue_;
  io::Clock& clock_;
  io::Random& random_;
  std::uint64_t epoch_ = 0;
  std::uint64_t next_segment_id_ = 1;
  std::uint64_t last_created_bytes_ = 0;
  bool epoch_is_on_disk_ = false;
  std::uint64_t trimmed_before_ = 0;
  std::uint64_t proven_trimmed_before_ = 0;
  std::deque<std::unique_ptr<Segment>> ready_;
  std::vector<FreeFile> free_;
  std::vector<FreeFile> unsettled_;  // renamed, their folder not synced yet
  std::optional<Zeroing> zeroing_;
  AlignedBuffer zeros_;
  // A full disk is asked again after a pause, not in every round of the loop.
  std::optional<Error> refusal_;
  std::int64_t refused_until_ns_ = 0;
};

}  // namespace freshet::log

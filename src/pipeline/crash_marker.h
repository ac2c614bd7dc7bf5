// Remembers across a crash which event was being processed, so that one event that ends the process
// is found and quarantined instead of ending it for ever.
//
// One small file mapped into memory: a store survives the death of the process (not of the machine,
// and need not: a machine that dies says nothing about an event).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/result.h"
#include "event/position.h"

namespace freshet::pipeline {

// One shard thread.
class CrashMarker {
 public:
  // What a process that did not end cleanly was doing: an event of a batch of records.
  struct Found {
    std::uint64_t record_hash = 0;  // 0: in the middle of the batch, not known which
    Position first, last;           // of the batch
  };

  // `found` is set where the last process died while processing.
  static Result<std::unique_ptr<CrashMarker>> open(const std::string& path);
  ~CrashMarker();

  const std::optional<Found>& found() const { return found_; }
  void begin_batch(Position first, Position last);
  // Where batches are decoded ahead on one thread and taken on another: the range in work grows at
  // its end and shrinks at its front, each on one thread alone.
  void extend_batch(Position last);
  void shorten_batch(Position first);
  // Of the batch begun last: one event alone, or all of its events together.
  void begin_record(std::uint64_t record_hash) { store(kInRecord, record_hash); }
  void begin_all() { store(kInBatch, 0); }
  void end() { store(kIdle, 0); }

 private:
  enum State : std::uint64_t { kIdle = 0, kInRecord = 1, kInBatch = 2 };
  struct Page {
    std::uint64_t state;
    std::uint64_t record_hash;
    std::uint64_t first_position;
    std::uint64_t last_position;
  };
  CrashMarker(Page* page, std::optional<Found> found) : page_(page), found_(found) {}
  void store(State state, std::uint64_t record_hash);

  Page* page_;
  std::optional<Found> found_;
};

}  // namespace freshet::pipeline

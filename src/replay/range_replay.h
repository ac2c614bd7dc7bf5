// A range of the log through a pipeline of its own, in log order: what is replayed is a function of
// the log, the plan and the range, whatever the batches. One thread; reads no clock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hot/table.h"
#include "log/reader.h"
#include "pipeline/ledger.h"
#include "pipeline/replay_queue.h"
#include "pipeline/shard.h"
#include "pipeline/stream_pipeline.h"

namespace freshet::replay {

// Where an event stands.
struct EventPlace {
  Position position;
  std::uint32_t sub = 0;
};

// Consecutive rows, and all that stands for them in the log.
struct ReplayedRows {
  Position first, last;
  hot::Snapshot rows;
  // The events of the one camera that is replayed; null: those of all cameras.
  const std::vector<EventPlace>* events = nullptr;
};

// What becomes of the rows: a comparison, or a table.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual Status take(const ReplayedRows& step) = 0;
};

struct RangeSource {
  log::Reader& reader;
  StreamId stream = 0;
  Position ids_from;                                 // from here on ids are remembered
  std::int64_t from_us = 0, to_us = 0;               // of arrival; rows are made from the first on
  Position until;                                    // never further, whatever the time
  std::vector<pipeline::ReferenceInForce> in_force;  // just before ids_from, in their order
  pipeline::ReferenceLoader load;
};

struct RangeLimits {
  std::size_t batch_records = 2'048;
  std::uint64_t step_rows = 20'000;
  std::uint64_t step_records = 500'000;
  std::size_t waits_max = 1'000;  // for memory, before it is given up
};

struct RangeProgress {
  std::uint64_t id_records = 0, records = 0;  // of the journal, read so far
  std::uint64_t rows = 0;
  pipeline::LedgerCounts counts;
  std::vector<std::string> gaps;
};

// What the replay is told and asked between two batches.
struct RangeWatch {
  std::function<bool()> is_stopped;
  std::function<void(const RangeProgress&)> note;
  std::function<void()> wait;  // a moment, for memory
};

class RangeReplay {
 public:
  // `pipeline` is new, and nothing but this replay uses it. All outlives the replay.
  RangeReplay(RangeSource source, const RangeLimits& limits, std::string camera,
              pipeline::StreamPipeline& pipeline, RowSink& sink, RangeWatch watch);
  // False where it was stopped. kExpired where the log lets go of the range meanwhile, kThrottled
  // FRS-5126 where ids or rows do not fit into the pipeline's memory.
  Result<bool> run();
  const RangeProgress& progress() const { return progress_; }

 private:
  Status read_on();
  Status step_over_gap(const Error& gap);
  Status take(const log::Record& record);
  Status flush();
  Status process_batch();
  Status make_room();
  Status end_step(Position last);
  void note_events();
  Status switch_reference(const log::Record& record);
  void trim();

  RangeSource source_;
  const RangeLimits limits_;
  const std::string camera_;
  pipeline::StreamPipeline& pipeline_;
  RowSink& sink_;
  RangeWatch watch_;
  std::unique_ptr<pipeline::BatchDecoder> decoder_;

  pipeline::ReplayBatch batch_;
  Position cursor_;
  bool in_range_ = false;  // rows are wanted by now
  bool at_end_ = false, stopped_ = false;
  // Of the step in hand.
  Position first_, last_;
  Position decided_;  // of the last record that the pipeline has taken, and when it arrived
  std::int64_t decided_us_ = 0;
  std::uint64_t step_records_ = 0, step_rows_ = 0;
  std::vector<EventPlace> events_;
  RangeProgress progress_;
};

}  // namespace freshet::replay

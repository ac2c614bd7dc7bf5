// A replay as its doors see it: the pipeline runs again over a range of the log, beside production.
// Any thread; calls may read the log and the catalog, so never on a net or shard thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "pipeline/ledger.h"

namespace freshet::replay {

struct ReplayRequest {
  std::string pipeline;                 // "": the only one that the caller may replay
  std::int64_t from_us = 0, to_us = 0;  // of arrival: from the first on, before the second
  std::string camera;                   // "": all
  std::string into;                     // the table to make; "": rows are compared, none is kept
  bool from_log_start = false;          // begin where the log does, if that is later than from_us
};

// Known from the log's index: records and bytes to within a block or two.
struct ReplayEstimate {
  std::string pipeline, table, stream;
  std::int64_t from_us = 0, to_us = 0;
  std::int64_t log_from_us = 0;  // when the oldest record that the log still shows arrived
  std::uint64_t records = 0, bytes = 0;
  // Those before the range, within the dedup horizon, that are read for their ids alone.
  std::uint64_t id_records = 0, id_bytes = 0;
  // The log does not reach back to the horizon before from_us: an event whose id came first before
  // this counts as new.
  std::optional<std::int64_t> ids_from_us;
  std::int64_t duration_us = 0;
};

struct ReplayComparison {
  std::uint64_t equal = 0, different = 0, only_replayed = 0, only_production = 0;
  std::vector<std::pair<std::string, std::uint64_t>> columns;  // that differ, in how many rows
  std::vector<std::string> examples;                           // JSON objects, a few
  std::uint64_t unequal() const { return different + only_replayed + only_production; }
};

struct ReplayState {
  std::string id;     // "replay-1"
  std::string owner;  // the key that began it
  ReplayRequest request;
  ReplayEstimate estimate;
  bool running = true;
  bool stopped = false;                                 // asked to end early: nothing was kept
  std::uint64_t id_records_done = 0, records_done = 0;  // of the journal
  std::uint64_t rows = 0;                               // made so far
  pipeline::LedgerCounts counts;                        // of the events in the range
  ReplayComparison comparison;
  std::vector<std::string> gaps;  // parts of the log that cannot be read, in words
  std::optional<Error> error;
};

class ReplayService {
 public:
  // May the caller replay the pipeline that fills this table?
  using Allows = std::function<bool(std::string_view table)>;

  virtual ~ReplayService() = default;
  // kNotFound FRS-5120 (no such pipeline), kInvalid FRS-5121 (the range), FRS-5122 (older than the
  // log), FRS-5123 (`into`).
  virtual Result<ReplayEstimate> estimate(const ReplayRequest& request, const Allows& allows) = 0;
  // Begins it. Besides: kThrottled FRS-5124 (one runs already, or memory is tight).
  virtual Result<ReplayState> begin(const ReplayRequest& request, const Allows& allows,
                                    const std::string& owner) = 0;
  // kNotFound FRS-5125, for the replays of others too.
  virtual Result<ReplayState> state(std::string_view id, std::string_view owner) = 0;
  virtual Result<ReplayState> stop(std::string_view id, std::string_view owner) = 0;
};

}  // namespace freshet::replay

// A load of signed PutRecords on several connections.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/latency.h"
#include "common/result.h"

namespace freshet::cli {

struct LoadConfig {
  std::string address;  // of the AWS door
  std::string stream = "detections";
  std::size_t connections = 4;
  std::size_t batch = 500;
  std::size_t event_bytes = 174;
  std::uint64_t seed = 1;
  // Whichever comes first ends it; 0: no such end.
  double seconds = 0;
  std::uint64_t events_max = 0;
  // Events a second; 0: as fast as the server takes them. Requests then are sent at their time
  // whatever the answers take, and a wait counts from that time: a server that stands still is not
  // flattered.
  double rate = 0;
  // With events_max: their times spread evenly over so long a past, oldest first; 0: all are of
  // now.
  std::int64_t span_us = 0;
  std::size_t ids_kept = 0;  // accepted ids to remember, spread over the whole load
};

struct LoadResult {
  std::uint64_t events = 0;  // acknowledged
  std::uint64_t requests = 0;
  std::uint64_t throttled = 0;  // records told to come again, which then did
  std::uint64_t errors = 0;     // requests without an answer, or refused
  std::string first_error;
  double seconds = 0;
  LatencyHistogram acknowledged;  // a request's time until all its records were
  std::vector<std::uint64_t> by_second;
  std::vector<std::string> ids;
};

// Blocks until the load is over or Ctrl-C. kUnavailable where no request succeeded.
Result<LoadResult> run_load(const LoadConfig& config);

}  // namespace freshet::cli

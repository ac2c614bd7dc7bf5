// What every operation of the door works with. One object for the door's life, used by all threads.
#pragma once

#include <cstdint>
#include <string>

#include "common/mutex.h"
#include "io/clock.h"
#include "io/executor.h"
#include "pipeline/stream_service.h"
#include "server/kinesis/scaling_history.h"
#include "server/kinesis/token.h"

namespace freshet::kinesis {

struct Options {
  std::uint32_t shards_max = 10'000;   // open ones, over all streams
  std::uint32_t on_demand_shards = 4;  // of a new ON_DEMAND stream, as on AWS
  std::uint32_t on_demand_streams_max = 50;
  std::int64_t retry_after_ms = 100;  // told to a client that should come again
};

struct Services {
  pipeline::StreamService& streams;
  io::Executor& workers;
  io::Clock& clock;
  TokenSealer sealer;
  std::string region;
  std::string account;
  Options options;
  ScalingHistory scaling;
  // Held over read-change-write of a stream's settings, on worker threads alone: two calls that
  // add a tag each must not lose one.
  Mutex settings_mutex;

  std::string stream_arn(std::string_view stream_name) const {
    return "arn:aws:kinesis:" + region + ":" + account + ":stream/" + std::string(stream_name);
  }
};

}  // namespace freshet::kinesis

// The Kinesis door: what AWS's own clients take for Amazon Kinesis Data Streams.
#pragma once

#include <memory>
#include <string>

#include "io/clock.h"
#include "io/executor.h"
#include "pipeline/stream_service.h"
#include "server/gate/door.h"
#include "server/kinesis/services.h"

namespace freshet::kinesis {

struct DoorConfig {
  TokenSecret secret{};  // of iterators: the same after a restart, or readers must begin anew
  std::string region = "us-east-1";
  std::string account = "000000000000";
  Options options;
};

// Owned by app. handle() may be called from any thread and never waits: what may wait runs on
// `workers`. Puts and reads are answered on the threads that StreamService calls back on. Holds no
// state that a crash could lose, but the count of UpdateShardCount calls. `streams`, `workers` and
// `clock` must outlive the last answer: stop the workers and the streams before destroying them.
class KinesisDoor {
 public:
  KinesisDoor(pipeline::StreamService& streams, io::Executor& workers, io::Clock& clock,
              DoorConfig config);
  // For gate: it may outlive this object.
  gate::Door door() const;

 private:
  std::shared_ptr<Services> services_;  // shared with answers still under way
};

}  // namespace freshet::kinesis

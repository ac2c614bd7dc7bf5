// How the disk does while a bench runs: small synchronous writes of its own, beside the server's.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"

namespace freshet::cli {

// A thread that writes 4 KiB with O_DSYNC ten times a second into a file of its own. A stall of the
// disk shows here whatever the server does about it. Owned by the bench; stop() waits.
class DiskProbe {
 public:
  static Result<std::unique_ptr<DiskProbe>> start(const std::string& directory);
  ~DiskProbe();
  DiskProbe(const DiskProbe&) = delete;
  DiskProbe& operator=(const DiskProbe&) = delete;
  // {"writes","p50_ms","p99_ms","max_ms","stalls"}; a stall takes longer than 20 ms.
  std::string stop_and_report();

 private:
  struct State;
  explicit DiskProbe(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::cli

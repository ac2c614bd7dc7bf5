// The log's own time: what arrival times, retention and the dedup horizon run on.
#pragma once

#include <cstdint>

#include "io/clock.h"

namespace freshet::pipeline {

// Follows the wall clock in small steps, never runs backwards, and does not follow a large step: a
// clock set ten years ahead by mistake must not expire a day of events
// (docs/decisions/0400-log-time.md). One thread.
class LogClock {
 public:
  static constexpr std::int64_t kStepMaxUs = 10ll * 60 * 1'000'000;

  // `last_arrival_us` is the newest arrival time in the log, 0 in a new one.
  LogClock(io::Clock& clock, std::int64_t last_arrival_us) : clock_(clock) {
    std::int64_t wall = clock_.wall_us();
    now_us_ = wall > last_arrival_us ? wall : last_arrival_us;
    monotonic_ns_ = clock_.monotonic_ns();
  }

  std::int64_t now_us() {
    std::int64_t monotonic = clock_.monotonic_ns();
    std::int64_t expected = now_us_ + (monotonic - monotonic_ns_) / 1000;
    monotonic_ns_ += (monotonic - monotonic_ns_) / 1000 * 1000;
    std::int64_t wall = clock_.wall_us();
    stepped_ = wall > expected + kStepMaxUs || wall < expected - kStepMaxUs;
    // Ahead by a little: follow. Behind by a little: wait for it, at the pace of the monotonic
    // clock.
    now_us_ = !stepped_ && wall > expected ? wall : expected;
    return now_us_;
  }

  // The wall clock stands more than kStepMaxUs away: somebody set it, and we do not follow before a
  // restart.
  bool has_stepped() const { return stepped_; }

 private:
  io::Clock& clock_;
  std::int64_t now_us_;
  std::int64_t monotonic_ns_;
  bool stepped_ = false;
};

}  // namespace freshet::pipeline

// The two clocks. Cores never read them: they are handed `now`.
#pragma once

#include <cstdint>

namespace freshet::io {

class Clock {
 public:
  virtual ~Clock() = default;
  // Microseconds since 1970 UTC. May step in either direction.
  virtual std::int64_t wall_us() = 0;
  // Nanoseconds from an arbitrary start. Never steps back.
  virtual std::int64_t monotonic_ns() = 0;
};

// The machine's clocks. Thread-safe.
Clock& system_clock();

// A clock that moves only when told to. One thread at a time.
class ManualClock : public Clock {
 public:
  explicit ManualClock(std::int64_t wall_us) : wall_us_(wall_us) {}
  std::int64_t wall_us() override { return wall_us_; }
  std::int64_t monotonic_ns() override { return monotonic_ns_; }
  void advance_us(std::int64_t us) {
    wall_us_ += us;
    monotonic_ns_ += us * 1000;
  }
  // Steps the wall clock alone, as an operator or NTP may.
  void step_wall_us(std::int64_t us) { wall_us_ += us; }

 private:
  std::int64_t wall_us_;
  std::int64_t monotonic_ns_ = 0;
};

}  // namespace freshet::io

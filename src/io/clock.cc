#include "io/clock.h"

#include <ctime>

namespace freshet::io {
namespace {

class SystemClock : public Clock {
 public:
  std::int64_t wall_us() override {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1'000'000ll + now.tv_nsec / 1000;
  }
  std::int64_t monotonic_ns() override {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000ll + now.tv_nsec;
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace freshet::io

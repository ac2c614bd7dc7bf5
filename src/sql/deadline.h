// Calls back when a query's time is up.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <thread>

#include "common/mutex.h"

namespace freshet::sql {

// Has one thread. Any thread may add and remove. stop() waits for the thread; the destructor stops.
class Deadlines {
 public:
  Deadlines();
  ~Deadlines() { stop(); }
  void stop();

  // `expired` runs once after `timeout_us`, on our thread and under our lock: it must be quick.
  // After remove() it does not run, and is not running.
  std::uint64_t add(std::int64_t timeout_us, std::function<void()> expired);
  void remove(std::uint64_t id);

 private:
  struct Entry {
    std::uint64_t id = 0;
    std::function<void()> expired;
  };
  void run();

  Mutex mutex_;
  ConditionVariable changed_;
  std::uint64_t next_id_ FRESHET_GUARDED_BY(mutex_) = 1;
  std::multimap<std::int64_t, Entry> entries_ FRESHET_GUARDED_BY(mutex_);  // by monotonic ns
  bool stopping_ FRESHET_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace freshet::sql

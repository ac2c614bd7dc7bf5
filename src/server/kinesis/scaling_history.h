// How often a stream was scaled in the last 24 hours: UpdateShardCount is allowed ten times.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/mutex.h"
#include "event/position.h"

namespace freshet::kinesis {

// Thread-safe. Kept in memory alone: a restart forgets it, which only lets a client do more.
class ScalingHistory {
 public:
  static constexpr std::size_t kScalingsMax = 10;
  static constexpr std::int64_t kWindowUs = 24ll * 3'600'000'000;

  // False where the stream's ten are used up; else one more is taken.
  bool try_take(StreamId stream, std::int64_t now_us) {
    MutexLock lock(mutex_);
    std::vector<std::int64_t>& times = times_[stream];
    std::erase_if(times, [&](std::int64_t us) { return us <= now_us - kWindowUs; });
    if (times.size() >= kScalingsMax) return false;
    times.push_back(now_us);
    return true;
  }
  // The scaling taken last did not happen.
  void give_back(StreamId stream) {
    MutexLock lock(mutex_);
    auto found = times_.find(stream);
    if (found != times_.end() && !found->second.empty()) found->second.pop_back();
  }
  void forget(StreamId stream) {
    MutexLock lock(mutex_);
    times_.erase(stream);
  }

 private:
  Mutex mutex_;
  std::map<StreamId, std::vector<std::int64_t>> times_ FRESHET_GUARDED_BY(mutex_);
};

}  // namespace freshet::kinesis

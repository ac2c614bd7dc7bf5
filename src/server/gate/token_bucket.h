// So many at once, so many a second.
#pragma once

#include <algorithm>
#include <cstdint>

namespace freshet::gate {

// Starts full. One thread at a time.
class TokenBucket {
 public:
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  bool try_take(std::int64_t now_ns) {
    refill(now_ns);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  bool is_empty(std::int64_t now_ns) {
    refill(now_ns);
    return tokens_ < 1;
  }

 private:
  void refill(std::int64_t now_ns) {
    double seconds = static_cast<double>(now_ns - updated_ns_) / 1e9;
    tokens_ = std::min(burst_, tokens_ + seconds * per_second_);
    updated_ns_ = now_ns;
  }

  double per_second_;
  double burst_;
  double tokens_;
  std::int64_t updated_ns_ = 0;
};

}  // namespace freshet::gate

#include "cli/latency.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace freshet::cli {

int LatencyHistogram::bucket_of(std::uint64_t us) {
  if (us < kSteps) return static_cast<int>(us);
  int power = std::bit_width(us) - 5;  // us >> power lies in 16 .. 31
  int bucket = (power + 1) * kSteps + static_cast<int>(us >> power) - kSteps;
  return std::min(bucket, kSteps * kPowers - 1);
}

std::int64_t LatencyHistogram::upper_us(int bucket) {
  if (bucket < kSteps) return bucket;
  int power = bucket / kSteps - 1;
  return ((std::int64_t{kSteps} + bucket % kSteps + 1) << power) - 1;
}

void LatencyHistogram::add_us(std::int64_t us) {
  us = std::max<std::int64_t>(us, 0);
  ++counts_[static_cast<std::size_t>(bucket_of(static_cast<std::uint64_t>(us)))];
  ++count_;
  max_us_ = std::max(max_us_, us);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_us_ = std::max(max_us_, other.max_us_);
}

std::int64_t LatencyHistogram::quantile_us(double share) const {
  auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= std::max<std::uint64_t>(wanted, 1)) {
      return std::min(upper_us(static_cast<int>(i)), max_us_);
    }
  }
  return 0;
}

}  // namespace freshet::cli

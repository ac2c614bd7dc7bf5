// How long things took: counts in buckets 1/16 of a power of two wide, so that a quantile is off by
// at most 6 %.
#pragma once

#include <array>
#include <cstdint>

namespace freshet::cli {

class LatencyHistogram {
 public:
  void add_us(std::int64_t us);
  void merge(const LatencyHistogram& other);
  void clear() { *this = {}; }
  std::uint64_t count() const { return count_; }
  std::int64_t max_us() const { return max_us_; }
  // The upper end of the bucket that holds that share (0..1); 0 where nothing was added.
  std::int64_t quantile_us(double share) const;

 private:
  static constexpr int kSteps = 16;
  static constexpr int kPowers = 40;
  static int bucket_of(std::uint64_t us);
  static std::int64_t upper_us(int bucket);
  std::array<std::uint64_t, kSteps * kPowers> counts_{};
  std::uint64_t count_ = 0;
  std::int64_t max_us_ = 0;
};

}  // namespace freshet::cli

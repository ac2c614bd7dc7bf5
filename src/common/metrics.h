// Counters, gauges and histograms, and their Prometheus text (exposition format 0.0.4).
// Names are freshet_<folder>_<thing>_<unit>. Registration takes a lock; adding never does.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace freshet::metrics {

class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Durations in microseconds, in buckets that double from 16 µs to 16 s; shown in seconds.
class Histogram {
 public:
  static constexpr int kBucketCount = 21;
  void observe_us(std::int64_t us);
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  std::uint64_t sum_us() const { return sum_us_.load(std::memory_order_relaxed); }
  std::uint64_t bucket(int index) const { return buckets_[index].load(std::memory_order_relaxed); }
  static std::int64_t bucket_bound_us(int index) { return std::int64_t{16} << index; }

 private:
  std::array<std::atomic<std::uint64_t>, kBucketCount + 1> buckets_{};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> sum_us_{0};
};

// The same name and labels give the same object. `labels` is Prometheus text: stream="detections".
// What is returned lives as long as the process.
Counter& counter(std::string_view name, std::string_view help, std::string_view labels = "");
Gauge& gauge(std::string_view name, std::string_view help, std::string_view labels = "");
Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels = "");

std::string prometheus_text();

}  // namespace freshet::metrics

// The server's /metrics, read back (Prometheus exposition format 0.0.4).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::cli {

class MetricsText {
 public:
  static MetricsText parse(std::string_view text);
  // Over all labels; 0 where nothing has that name.
  double sum(std::string_view name) const;
  bool has(std::string_view name) const;

  // A histogram's counts over all labels: upper bound in seconds (infinity last) to how many lie at
  // or below it.
  using Buckets = std::map<double, double>;
  Buckets buckets(std::string_view name) const;

 private:
  struct Sample {
    std::string labels;
    double value;
  };
  std::map<std::string, std::vector<Sample>, std::less<>> samples_;
};

// What came between two looks.
MetricsText::Buckets difference(const MetricsText::Buckets& before,
                                const MetricsText::Buckets& after);
// The bound of the bucket that holds that share (0..1) of all; 0 where there is none. The last
// finite bound where it lies beyond.
double quantile_seconds(const MetricsText::Buckets& buckets, double share);

}  // namespace freshet::cli

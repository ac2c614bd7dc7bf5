#include "cli/metrics_text.h"

#include <cmath>
#include <cstdlib>
#include <limits>

namespace freshet::cli {
namespace {

double to_number(std::string_view text) {
  std::string copy(text);
  return std::strtod(copy.c_str(), nullptr);  // knows +Inf and NaN, too
}

}  // namespace

MetricsText MetricsText::parse(std::string_view text) {
  MetricsText metrics;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#') continue;
    std::size_t brace = line.find('{');
    std::size_t blank = line.rfind(' ');
    if (blank == std::string_view::npos) continue;
    std::string_view name = line.substr(0, std::min(brace, blank));
    std::string_view labels;
    if (brace != std::string_view::npos) {
      std::size_t close = line.rfind('}');
      if (close == std::string_view::npos || close < brace) continue;
      labels = line.substr(brace + 1, close - brace - 1);
    }
    metrics.samples_[std::string(name)].push_back(
        {std::string(labels), to_number(line.substr(blank + 1))});
  }
  return metrics;
}

bool MetricsText::has(std::string_view name) const {
  return samples_.find(name) != samples_.end();
}

double MetricsText::sum(std::string_view name) const {
  auto found = samples_.find(name);
  if (found == samples_.end()) return 0;
  double sum = 0;
  for (const Sample& sample : found->second) sum += sample.value;
  return sum;
}

MetricsText::Buckets MetricsText::buckets(std::string_view name) const {
  Buckets buckets;
  auto found = samples_.find(std::string(name) + "_bucket");
  if (found == samples_.end()) return buckets;
  for (const Sample& sample : found->second) {
    std::size_t begin = sample.labels.find("le=\"");
    if (begin == std::string::npos) continue;
    std::size_t end = sample.labels.find('"', begin + 4);
    buckets[to_number(std::string_view(sample.labels).substr(begin + 4, end - begin - 4))] +=
        sample.value;
  }
  return buckets;
}

MetricsText::Buckets difference(const MetricsText::Buckets& before,
                                const MetricsText::Buckets& after) {
  MetricsText::Buckets result = after;
  for (auto& [bound, count] : result) {
    if (auto found = before.find(bound); found != before.end()) count -= found->second;
  }
  return result;
}

double quantile_seconds(const MetricsText::Buckets& buckets, double share) {
  if (buckets.empty()) return 0;
  double all = buckets.rbegin()->second;
  if (all <= 0) return 0;
  double last_finite = 0;
  for (const auto& [bound, count] : buckets) {
    if (!std::isinf(bound)) last_finite = bound;
    if (count >= share * all) return last_finite;
  }
  return last_finite;
}

}  // namespace freshet::cli

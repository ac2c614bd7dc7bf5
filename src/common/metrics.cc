#include "common/metrics.h"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <memory>

#include "common/check.h"
#include "common/mutex.h"

namespace freshet::metrics {
namespace {

struct Family {
  std::string help;
  std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters;
  std::map<std::string, std::unique_ptr<Gauge>, std::less<>> gauges;
  std::map<std::string, std::unique_ptr<Histogram>, std::less<>> histograms;
};

// One registry a process: a metric belongs to the process, as its memory and its clock do.
struct Registry {
  Mutex mutex;
  std::map<std::string, Family, std::less<>> families;
};

Registry& registry() {
  static auto* instance = new Registry;  // never destroyed: threads may count until the very end
  return *instance;
}

template <typename Metric>
Metric& find_or_make(
    std::string_view name, std::string_view help, std::string_view labels,
    std::map<std::string, std::unique_ptr<Metric>, std::less<>> Family::* members) {
  MutexLock lock(registry().mutex);
  auto family = registry().families.find(name);
  if (family == registry().families.end()) {
    family =
        registry().families.emplace(std::string(name), Family{std::string(help), {}, {}, {}}).first;
  }
  auto& metrics = family->second.*members;
  auto found = metrics.find(labels);
  if (found == metrics.end()) {
    found = metrics.emplace(std::string(labels), std::make_unique<Metric>()).first;
  }
  return *found->second;
}

std::string braces(std::string_view labels, std::string_view more = "") {
  if (labels.empty() && more.empty()) return "";
  bool both = !labels.empty() && !more.empty();
  return fmt::format("{{{}{}{}}}", labels, both ? "," : "", more);
}

void append_histogram(std::string& text, std::string_view name, std::string_view labels,
                      const Histogram& h) {
  std::uint64_t below = 0;
  for (int i = 0; i < Histogram::kBucketCount; ++i) {
    below += h.bucket(i);
    auto bound = fmt::format("le=\"{}\"", static_cast<double>(Histogram::bucket_bound_us(i)) / 1e6);
    text += fmt::format("{}_bucket{} {}\n", name, braces(labels, bound), below);
  }
  below += h.bucket(Histogram::kBucketCount);
  text += fmt::format("{}_bucket{} {}\n", name, braces(labels, "le=\"+Inf\""), below);
  text += fmt::format("{}_sum{} {}\n", name, braces(labels), static_cast<double>(h.sum_us()) / 1e6);
  text += fmt::format("{}_count{} {}\n", name, braces(labels), below);
}

}  // namespace

void Histogram::observe_us(std::int64_t us) {
  int index = 0;
  while (index < kBucketCount && us > bucket_bound_us(index)) ++index;
  buckets_[index].fetch_add(1, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
  sum_us_.fetch_add(us > 0 ? static_cast<std::uint64_t>(us) : 0, std::memory_order_relaxed);
}

Counter& counter(std::string_view name, std::string_view help, std::string_view labels) {
  return find_or_make(name, help, labels, &Family::counters);
}
Gauge& gauge(std::string_view name, std::string_view help, std::string_view labels) {
  return find_or_make(name, help, labels, &Family::gauges);
}
Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels) {
  return find_or_make(name, help, labels, &Family::histograms);
}

std::string prometheus_text() {
  MutexLock lock(registry().mutex);
  std::string text;
  for (const auto& [name, family] : registry().families) {
    const char* kind = !family.counters.empty() ? "counter"
                       : !family.gauges.empty() ? "gauge"
                                                : "histogram";
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, kind);
    for (const auto& [labels, metric] : family.counters) {
      text += fmt::format("{}{} {}\n", name, braces(labels), metric->value());
    }
    for (const auto& [labels, metric] : family.gauges) {
      text += fmt::format("{}{} {}\n", name, braces(labels), metric->value());
    }
    for (const auto& [labels, metric] : family.histograms)
      append_histogram(text, name, labels, *metric);
  }
  return text;
}

}  // namespace freshet::metrics

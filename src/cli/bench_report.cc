#include "cli/bench_report.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "app/machine.h"
#include "cli/json.h"
#include "cli/version.h"
#include "common/time_text.h"
#include "io/clock.h"

namespace freshet::cli {
namespace {

constexpr std::string_view kAckMetric = "freshet_pipeline_ack_seconds";

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string machine_json() {
  utsname system{};
  uname(&system);
  return fmt::format("{{\"cpu\":{},\"cores\":{},\"memory_bytes\":{},\"kernel\":{}}}",
                     json_string(cpu_model()), sysconf(_SC_NPROCESSORS_ONLN),
                     app::machine_memory_bytes(), json_string(system.release));
}

std::string command_text(const Invocation& invocation, std::string_view name) {
  std::string text = fmt::format("freshet {}", name);
  const Command* command = nullptr;
  for (const Command& each : commands()) {
    if (each.name == name) command = &each;
  }
  for (const Flag& flag : command->flags) {
    for (const std::string& value : invocation.values(flag.name)) {
      text += fmt::format(" --{} {}", flag.name, value);
    }
  }
  return text;
}

double to_ms(double seconds) {
  return seconds * 1e3;
}

}  // namespace

std::string bench_report(const Invocation& invocation, std::string_view name,
                         std::string_view result) {
  return fmt::format(
      "{{\"api\":\"v1\",\"command\":{},\"time\":{},\"version\":{},\"commit\":{},\"machine\":{},"
      "\"result\":{}}}",
      json_string(command_text(invocation, name)),
      json_string(format_rfc3339_us(io::system_clock().wall_us())), json_string(version_number()),
      json_string(version_commit()), machine_json(), result);
}

std::string latency_json(const LatencyHistogram& latency) {
  auto ms = [](std::int64_t us) { return static_cast<double>(us) / 1e3; };
  return fmt::format("\"p50_ms\":{:.3f},\"p99_ms\":{:.3f},\"p999_ms\":{:.3f},\"max_ms\":{:.3f}",
                     ms(latency.quantile_us(0.5)), ms(latency.quantile_us(0.99)),
                     ms(latency.quantile_us(0.999)), ms(latency.max_us()));
}

std::string load_json(const LoadResult& load) {
  // The last second is seldom whole.
  std::size_t whole = load.by_second.size() > 1 ? load.by_second.size() - 1 : load.by_second.size();
  auto end = load.by_second.begin() + static_cast<std::ptrdiff_t>(whole);
  std::uint64_t least = *std::min_element(load.by_second.begin(), end);
  return fmt::format(
      "\"events\":{},\"seconds\":{:.3f},\"events_per_second\":{:.0f},"
      "\"events_per_second_min\":{},\"requests\":{},\"throttled_records\":{},\"errors\":{},"
      "\"first_error\":{},\"ack\":{{{}}}",
      load.events, load.seconds, static_cast<double>(load.events) / load.seconds, least,
      load.requests, load.throttled, load.errors, json_string(load.first_error),
      latency_json(load.acknowledged));
}

std::string server_ack_json(const MetricsText& before, const MetricsText& after) {
  auto acks = difference(before.buckets(kAckMetric), after.buckets(kAckMetric));
  return fmt::format("{{\"acks\":{:.0f},\"p50_ms\":{:.3f},\"p99_ms\":{:.3f}}}",
                     acks.empty() ? 0.0 : acks.rbegin()->second, to_ms(quantile_seconds(acks, 0.5)),
                     to_ms(quantile_seconds(acks, 0.99)));
}

double own_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace freshet::cli

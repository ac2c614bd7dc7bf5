#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/metrics_text.h"
#include "cli/server_client.h"
#include "common/units.h"
#include "io/clock.h"

namespace freshet::cli {
namespace {

constexpr std::int64_t kIntervalUs = 1'000'000;

enum class Shape { kRate, kCount, kBytes, kLatency };

struct Line {
  std::string_view title;
  std::string_view metric;
  Shape shape;
};

// A metric that this server lacks makes no line.
constexpr Line kLines[] = {
    {"records in /s", "freshet_pipeline_records_total", Shape::kRate},
    {"put to ack", "freshet_pipeline_ack_seconds", Shape::kLatency},
    {"puts throttled /s", "freshet_pipeline_throttled_total", Shape::kRate},
    {"waiting for the log", "freshet_pipeline_queue_bytes", Shape::kBytes},
    {"log blocks /s", "freshet_log_blocks_total", Shape::kRate},
    {"queries /s", "freshet_query_duration_seconds_count", Shape::kRate},
    {"query", "freshet_query_duration_seconds", Shape::kLatency},
    {"queries failed /s", "freshet_query_failures_total", Shape::kRate},
    {"HTTP requests /s", "freshet_http_requests_total", Shape::kRate},
    {"AWS refused /s", "freshet_gate_refused_total", Shape::kRate},
    {"key reads /s", "freshet_dynamodb_requests_total", Shape::kRate},
    {"connections", "freshet_net_connections", Shape::kCount},
};

struct Look {
  MetricsText metrics;
  std::int64_t at_us = 0;
};

Result<Look> look(ServerClient& client) {
  FRESHET_TRY(ServerAnswer answer, client.get("/metrics", "text/plain"));
  return Look{MetricsText::parse(answer.body), io::system_clock().monotonic_ns() / 1000};
}

std::string value_of(const Line& line, const Look& before, const Look& now) {
  double seconds = static_cast<double>(now.at_us - before.at_us) / 1e6;
  switch (line.shape) {
    case Shape::kRate:
      return fmt::format(
          "{:.0f}", (now.metrics.sum(line.metric) - before.metrics.sum(line.metric)) / seconds);
    case Shape::kCount:
      return fmt::format("{:.0f}", now.metrics.sum(line.metric));
    case Shape::kBytes:
      return fmt::format("{:.1f} MiB", now.metrics.sum(line.metric) / (1 << 20));
    case Shape::kLatency: {
      auto buckets =
          difference(before.metrics.buckets(line.metric), now.metrics.buckets(line.metric));
      return fmt::format("p50 {:.2f} ms  p99 {:.2f} ms", quantile_seconds(buckets, 0.5) * 1e3,
                         quantile_seconds(buckets, 0.99) * 1e3);
    }
  }
  return "";
}

bool is_there(const Line& line, const Look& now) {
  return now.metrics.has(line.metric) || !now.metrics.buckets(line.metric).empty();
}

void print(Output& output, const Look& before, const Look& now) {
  std::string json;
  for (const Line& line : kLines) {
    if (!is_there(line, now)) continue;
    std::string value = value_of(line, before, now);
    if (output.json()) {
      json += fmt::format("{}{{\"name\":{},\"metric\":{},\"value\":{}}}", json.empty() ? "" : ",",
                          json_string(line.title), json_string(line.metric), json_string(value));
    } else if (output.plain()) {
      output.write_line(fmt::format("{}\t{}", line.title, value));
    } else {
      output.write_line(fmt::format("{:<20} {:>28}", line.title, value));
    }
  }
  if (output.json()) output.write_line(fmt::format("{{\"api\":\"v1\",\"lines\":[{}]}}", json));
}

}  // namespace

Result<ExitCode> run_top(const Invocation& invocation) {
  Output& output = invocation.output();
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  bool once = invocation.has("once") || !output.stdout_is_terminal();
  FRESHET_TRY(Look before, look(client));
  while (!wait_for_interrupt_us(kIntervalUs)) {
    FRESHET_TRY(Look now, look(client));
    if (!once) output.write("\x1b[H\x1b[2J");
    if (!output.json() && !output.plain()) output.write_line(client.address());
    print(output, before, now);
    if (once || !output.flush()) return ExitCode::kOk;
    before = std::move(now);
  }
  return ExitCode::kInterrupted;
}

}  // namespace freshet::cli

#include <fmt/format.h>

#include <algorithm>

#include "cli/aws_client.h"
#include "cli/bench_load.h"
#include "cli/bench_report.h"
#include "cli/bench_target.h"
#include "cli/commands.h"
#include "cli/disk_probe.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/server_client.h"
#include "io/clock.h"
#include "io/random.h"

namespace freshet::cli {
namespace {

constexpr std::uint64_t kIdsKept = 100'000;
constexpr int kQueries = 7;
constexpr std::string_view kQuestion =
    "SELECT location_id, count(*) AS events FROM detections GROUP BY location_id ORDER BY 1";

Result<LoadConfig> load_config(const Invocation& invocation, const BenchTarget& target) {
  LoadConfig load;
  load.address = target.aws();
  FRESHET_TRY(load.seed, count_of(invocation, "seed", 1));
  FRESHET_TRY(load.connections, count_of(invocation, "connections", 4));
  FRESHET_TRY(load.batch, count_of(invocation, "batch", 500));
  FRESHET_TRY(load.event_bytes, count_of(invocation, "event-bytes", 174));
  FRESHET_TRY(std::uint64_t rate, count_of(invocation, "rate", UINT64_MAX));
  if (rate != UINT64_MAX) load.rate = static_cast<double>(rate);
  if (load.batch > 500) return usage_error("--batch: PutRecords takes at most 500 records");
  if (load.connections > 1000) return usage_error("--connections: at most 1000");
  return load;
}

// Rows first, before something else is measured.
Result<LoadResult> publish(const Invocation& invocation, const BenchTarget& target,
                           std::uint64_t events, std::size_t ids_kept) {
  FRESHET_TRY(LoadConfig load, load_config(invocation, target));
  load.events_max = events;
  load.ids_kept = ids_kept;
  invocation.output().note(fmt::format("publishing {} events", events));
  FRESHET_TRY(LoadResult result, run_load(load));
  if (interrupted()) return Error(Code::kUnavailable, "interrupted");
  return result;
}

std::string get_item_body(const std::string& id) {
  return fmt::format(
      "{{\"TableName\":\"detections\",\"Key\":{{\"detection_id\":{{\"S\":\"{}\"}}}}}}", id);
}

}  // namespace

Result<ExitCode> run_bench_ingest(const Invocation& invocation) {
  FRESHET_TRY(std::uint64_t seconds, count_of(invocation, "seconds", 10));
  FRESHET_TRY(BenchTarget target, BenchTarget::open(invocation));
  FRESHET_TRY(LoadConfig load, load_config(invocation, target));
  load.seconds = static_cast<double>(seconds);
  FRESHET_TRY(MetricsText before, target.metrics());
  std::unique_ptr<DiskProbe> probe;
  if (target.is_own()) {
    FRESHET_TRY(probe, DiskProbe::start(target.directory()));
  }
  double server_cpu = target.cpu_seconds(), own_cpu = own_cpu_seconds();
  FRESHET_TRY(LoadResult result, run_load(load));
  server_cpu = target.cpu_seconds() - server_cpu;
  own_cpu = own_cpu_seconds() - own_cpu;
  FRESHET_TRY(MetricsText after, target.metrics());
  invocation.output().write_line(bench_report(
      invocation, "bench ingest",
      fmt::format(
          "{{{},\"cpu_seconds\":{{\"server\":{:.2f},\"generator\":{:.2f}}},"
          "\"server_cores\":{:.3f},\"resident_bytes\":{},\"data_bytes\":{},\"server_ack\":{},"
          "\"disk\":{}}}",
          load_json(result), server_cpu, own_cpu, server_cpu / result.seconds,
          target.resident_bytes(), target.log_bytes(), server_ack_json(before, after),
          probe ? probe->stop_and_report() : "null")));
  return result.errors > 0 ? ExitCode::kFailed : ExitCode::kOk;
}

Result<ExitCode> run_bench_read(const Invocation& invocation) {
  FRESHET_TRY(std::uint64_t seconds, count_of(invocation, "seconds", 10));
  FRESHET_TRY(std::uint64_t events, count_of(invocation, "events", 100'000));
  FRESHET_TRY(std::uint64_t seed, count_of(invocation, "seed", 1));
  FRESHET_TRY(BenchTarget target, BenchTarget::open(invocation));
  FRESHET_TRY(LoadResult load, publish(invocation, target, events, kIdsKept));
  FRESHET_TRY(auto client, AwsClient::open(target.aws(), AwsClient::kDynamoDb,
                                           credential_of_environment(), region_of_environment()));
  io::SeededRandom random(seed);
  io::Clock& clock = io::system_clock();
  LatencyHistogram latency;
  std::uint64_t missing = 0;
  std::int64_t begin_ns = clock.monotonic_ns();
  std::int64_t end_ns = begin_ns + static_cast<std::int64_t>(seconds) * 1'000'000'000;
  double server_cpu = target.cpu_seconds();
  for (std::int64_t now_ns = begin_ns; now_ns < end_ns && !interrupted();) {
    const std::string& id = load.ids[random.below(load.ids.size())];
    FRESHET_TRY(http::Response answer, client->call("GetItem", get_item_body(id)));
    std::int64_t done_ns = clock.monotonic_ns();
    latency.add_us((done_ns - now_ns) / 1000);
    now_ns = done_ns;
    if (answer.status != 200) return aws_error_of(answer);
    if (answer.body.find(id) == std::string::npos) ++missing;
  }
  double took = static_cast<double>(clock.monotonic_ns() - begin_ns) / 1e9;
  invocation.output().write_line(bench_report(
      invocation, "bench read",
      fmt::format("{{\"rows\":{},\"reads\":{},\"reads_per_second\":{:.0f},\"missing\":{},"
                  "\"latency\":{{{}}},\"cpu_seconds\":{{\"server\":{:.2f}}}}}",
                  load.events, latency.count(), static_cast<double>(latency.count()) / took,
                  missing, latency_json(latency), target.cpu_seconds() - server_cpu)));
  return missing > 0 ? ExitCode::kFailed : ExitCode::kOk;
}

Result<ExitCode> run_bench_sql(const Invocation& invocation) {
  FRESHET_TRY(std::uint64_t events, count_of(invocation, "events", 5'000'000));
  std::string question = invocation.value_or("sql", kQuestion);
  FRESHET_TRY(BenchTarget target, BenchTarget::open(invocation));
  FRESHET_TRY(LoadResult load, publish(invocation, target, events, 0));
  FRESHET_TRY(std::uint64_t rows, target.ask_count("SELECT count(*) FROM detections"));
  FRESHET_TRY(ServerClient client, ServerClient::open_address(target.http(), 300'000'000));
  std::string body = fmt::format("{{\"sql\":{}}}", json_string(question));
  std::vector<double> times_ms;
  for (int i = 0; i < kQueries; ++i) {
    std::int64_t begin_ns = io::system_clock().monotonic_ns();
    FRESHET_TRY(ServerAnswer answer, client.send("POST", "/v1/sql", body, "application/json"));
    times_ms.push_back(static_cast<double>(io::system_clock().monotonic_ns() - begin_ns) / 1e6);
  }
  std::string all;
  for (double ms : times_ms) all += fmt::format("{}{:.3f}", all.empty() ? "" : ",", ms);
  std::sort(times_ms.begin(), times_ms.end());
  invocation.output().write_line(bench_report(
      invocation, "bench sql",
      fmt::format("{{\"published\":{},\"rows\":{},\"question\":{},\"median_ms\":{:.3f},"
                  "\"min_ms\":{:.3f},\"max_ms\":{:.3f},\"all_ms\":[{}],\"resident_bytes\":{}}}",
                  load.events, rows, json_string(question), times_ms[kQueries / 2],
                  times_ms.front(), times_ms.back(), all, target.resident_bytes())));
  return ExitCode::kOk;
}

Result<ExitCode> run_bench_recover(const Invocation& invocation) {
  FRESHET_TRY(std::uint64_t seconds, count_of(invocation, "seconds", 60));
  FRESHET_TRY(BenchTarget target, BenchTarget::open(invocation));
  FRESHET_TRY(LoadConfig load, load_config(invocation, target));
  load.seconds = static_cast<double>(seconds);
  invocation.output().note(fmt::format("publishing for {} s", seconds));
  FRESHET_TRY(LoadResult published, run_load(load));
  if (interrupted()) return Error(Code::kUnavailable, "interrupted");
  std::uint64_t log_bytes = target.log_bytes();
  FRESHET_TRY_STATUS(target.kill());
  std::int64_t begin_ns = io::system_clock().monotonic_ns();
  FRESHET_TRY_STATUS(target.restart());
  double took = static_cast<double>(io::system_clock().monotonic_ns() - begin_ns) / 1e9;
  FRESHET_TRY(std::uint64_t rows, target.ask_count("SELECT count(*) FROM detections"));
  invocation.output().write_line(bench_report(
      invocation, "bench recover",
      fmt::format("{{\"recovery_seconds\":{:.3f},\"rows_after\":{},\"acknowledged\":{},"
                  "\"data_bytes\":{},\"recovery_cpu_seconds\":{:.2f},\"load\":{{{}}}}}",
                  took, rows, published.events, log_bytes, target.cpu_seconds(),
                  load_json(published))));
  // Every acknowledged event must be there; one that was under way may be.
  return rows >= published.events ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace freshet::cli

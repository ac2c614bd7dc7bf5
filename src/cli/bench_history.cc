// bench history: archived rows and rows in memory under one statement, and DuckDB alone over files
// that hold the same rows.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "cli/archive_job.h"
#include "cli/bench_load.h"
#include "cli/bench_report.h"
#include "cli/bench_target.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/server_client.h"
#include "common/time_text.h"
#include "io/clock.h"
#include "sql/plain_parquet.h"

namespace freshet::cli {
namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr std::int64_t kRequestTimeoutUs = 1'800'000'000;
constexpr std::uint64_t kPlainMemoryBytes = 2ull << 30;
constexpr int kQueries = 7;

double seconds_now() {
  return static_cast<double>(io::system_clock().monotonic_ns()) / 1e9;
}

struct Times {
  double first_ms = 0, median_ms = 0,
         max_ms = 0;  // the first may be cold: it is in none of the others
  std::uint64_t rows = 0;
};

// `ask` gives how many rows its answer has.
Result<Times> time_queries(const std::function<Result<std::uint64_t>()>& ask) {
  std::vector<double> all_ms;
  Times times;
  for (int i = 0; i <= kQueries; ++i) {
    if (interrupted()) return Error(Code::kUnavailable, "interrupted");
    double begin = seconds_now();
    FRESHET_TRY(times.rows, ask());
    all_ms.push_back((seconds_now() - begin) * 1e3);
  }
  times.first_ms = all_ms.front();
  all_ms.erase(all_ms.begin());
  std::sort(all_ms.begin(), all_ms.end());
  times.median_ms = all_ms[kQueries / 2];
  times.max_ms = all_ms.back();
  return times;
}

std::string json_of(const Times& times) {
  return fmt::format("{{\"rows\":{},\"first_ms\":{:.3f},\"median_ms\":{:.3f},\"max_ms\":{:.3f}}}",
                     times.rows, times.first_ms, times.median_ms, times.max_ms);
}

class HistoryBench {
 public:
  HistoryBench(const Invocation& invocation, BenchTarget& target)
      : invocation_(invocation), target_(target) {}

  Result<std::string> run() {
    FRESHET_TRY(std::uint64_t events, count_of(invocation_, "events", 100'000'000));
    FRESHET_TRY(std::uint64_t hot, count_of(invocation_, "hot", 5'000'000));
    FRESHET_TRY(std::uint64_t days, count_of(invocation_, "days", 30));
    std::int64_t span_us = static_cast<std::int64_t>(days) * kDayUs;
    std::int64_t end_us = io::system_clock().wall_us();
    FRESHET_TRY(LoadResult past, publish(events, span_us));
    double begin = seconds_now();
    FRESHET_TRY_STATUS(flush());
    double flush_seconds = seconds_now() - begin;
    begin = seconds_now();
    FRESHET_TRY_STATUS(compact());
    double compact_seconds = seconds_now() - begin;
    FRESHET_TRY(JsonValue archived, archived_table());
    // From here on rows stay in memory.
    FRESHET_TRY_STATUS(target_.stop());
    target_.add_setting("archive.commit_every=1d");
    target_.add_setting("archive.commit_rows=1000000000");
    FRESHET_TRY_STATUS(target_.restart());
    FRESHET_TRY([[maybe_unused]] LoadResult recent, publish(hot, 0));
    FRESHET_TRY(JsonValue before, archived_table());
    FRESHET_TRY(std::uint64_t rows, target_.ask_count("SELECT count(*) FROM detections"));

    std::string hour = hour_of_a_camera(end_us - span_us / 2 / kHourUs * kHourUs);
    FRESHET_TRY(Times camera_hour, ask_server(fmt::format("SELECT * FROM detections {}", hour)));
    FRESHET_TRY(Times group_by, ask_server(group_by_of("detections")));
    FRESHET_TRY_STATUS(flush());
    FRESHET_TRY(auto plain, open_plain());
    FRESHET_TRY(Times plain_group_by,
                time_queries([&] { return plain->ask(group_by_of("files")); }));
    FRESHET_TRY(Times plain_camera_hour, time_queries([&] {
                  return plain->ask(fmt::format("SELECT * FROM files {}", hour));
                }));
    std::uint64_t in_files = before["rows"].to_count(), file_bytes = archived["bytes"].to_count();
    return fmt::format(
        "{{\"published\":{},\"rows\":{},\"rows_in_files\":{},\"rows_in_memory\":{},\"files\":{},"
        "\"bytes_per_row\":{:.2f},\"flush_seconds\":{:.2f},\"compact_seconds\":{:.2f},"
        "\"camera_hour\":{},\"camera_hour_duckdb\":{},\"group_by\":{},\"group_by_duckdb\":{},"
        "\"group_by_ratio\":{:.3f},\"resident_bytes\":{},\"load\":{{{}}}}}",
        events + hot, rows, in_files, rows - in_files, archived["files"].to_count(),
        static_cast<double>(file_bytes) /
            static_cast<double>(std::max<std::uint64_t>(archived["rows"].to_count(), 1)),
        flush_seconds, compact_seconds, json_of(camera_hour), json_of(plain_camera_hour),
        json_of(group_by), json_of(plain_group_by), group_by.median_ms / plain_group_by.median_ms,
        target_.resident_bytes(), load_json(past));
  }

 private:
  Result<LoadResult> publish(std::uint64_t events, std::int64_t span_us) {
    LoadConfig load;
    load.address = target_.aws();
    load.events_max = events;
    load.span_us = span_us;
    FRESHET_TRY(load.seed, count_of(invocation_, "seed", 1));
    if (span_us == 0) ++load.seed;  // other ids
    invocation_.output().note(fmt::format("publishing {} events", events));
    FRESHET_TRY(LoadResult result, run_load(load));
    if (interrupted()) return Error(Code::kUnavailable, "interrupted");
    return result;
  }

  Result<ServerClient> client() const {
    return ServerClient::open_address(target_.http(), kRequestTimeoutUs);
  }

  // The server answers after half a minute in any case; it goes on.
  Status flush() {
    FRESHET_TRY(ServerClient client, client());
    for (;;) {
      auto flushed = client.send("POST", "/v1/archive/flush", "", "application/json");
      if (flushed) return ok();
      if (flushed.error().code() != Code::kTimeout || interrupted()) return flushed.error();
    }
  }

  Status compact() {
    FRESHET_TRY(ServerClient client, client());
    FRESHET_TRY(JsonValue job,
                ArchiveJob(invocation_.output(), client).run("compact", "detections"));
    if (job["state"].text != "done") return Error(Code::kUnavailable, "compaction ended early");
    return ok();
  }

  Result<JsonValue> archived_table() {
    FRESHET_TRY(ServerClient client, client());
    FRESHET_TRY(ServerAnswer answer, client.get("/v1/archive"));
    FRESHET_TRY(JsonValue list, parse_json(answer.body));
    for (const JsonValue& table : list["tables"].items) {
      if (table["name"].text == "detections") return table;
    }
    return Error(Code::kNotFound, "the table \"detections\" is not archived");
  }

  Result<std::unique_ptr<sql::PlainParquet>> open_plain() {
    FRESHET_TRY(ServerClient client, client());
    FRESHET_TRY(ServerAnswer answer, client.get("/v1/archive/tables/detections/files"));
    FRESHET_TRY(JsonValue list, parse_json(answer.body));
    std::vector<std::string> paths;
    for (const JsonValue& file : list["files"].items) {
      constexpr std::string_view kScheme = "file://";
      if (!file["url"].text.starts_with(kScheme))
        return Error(Code::kUnsupported, "DuckDB alone is asked over files in a folder only");
      paths.push_back(file["url"].text.substr(kScheme.size()));
    }
    // As many threads as the server's queries have.
    return sql::PlainParquet::open(paths, 2, kPlainMemoryBytes);
  }

  Result<Times> ask_server(const std::string& statement) {
    FRESHET_TRY(ServerClient client, client());
    std::string body = fmt::format("{{\"sql\":{}}}", json_string(statement));
    return time_queries([&]() -> Result<std::uint64_t> {
      FRESHET_TRY(ServerAnswer answer,
                  client.send("POST", "/v1/sql", body, "application/json", "application/x-ndjson"));
      return static_cast<std::uint64_t>(std::count(answer.body.begin(), answer.body.end(), '\n'));
    });
  }

  static std::string hour_of_a_camera(std::int64_t from_us) {
    return fmt::format(
        "WHERE camera_id = 'cam-07' AND event_time >= TIMESTAMPTZ '{}' AND event_time < "
        "TIMESTAMPTZ '{}'",
        format_rfc3339_us(from_us), format_rfc3339_us(from_us + kHourUs));
  }

  static std::string group_by_of(std::string_view table) {
    return fmt::format(
        "SELECT location_id, count(*) AS events, avg(confidence) AS confidence FROM {} GROUP BY "
        "location_id ORDER BY 1",
        table);
  }

  const Invocation& invocation_;
  BenchTarget& target_;
};

}  // namespace

Result<ExitCode> run_bench_history(const Invocation& invocation) {
  FRESHET_TRY(BenchTarget target,
              BenchTarget::open(invocation, {"archive.url=file:archive", "archive.commit_every=10s",
                                             "streams.detections.keep.time=10m",
                                             "tables.detections.keep.hot=1m"}));
  if (!target.is_own()) return usage_error("bench history starts a server of its own");
  FRESHET_TRY(std::string result, HistoryBench(invocation, target).run());
  invocation.output().write_line(bench_report(invocation, "bench history", result));
  return ExitCode::kOk;
}

}  // namespace freshet::cli

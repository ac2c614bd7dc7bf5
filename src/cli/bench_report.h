// The frame of every bench's JSON: what was run, on what, by which build.
#pragma once

#include <string>
#include <string_view>

#include "cli/bench_load.h"
#include "cli/command.h"
#include "cli/latency.h"
#include "cli/metrics_text.h"

namespace freshet::cli {

// {"api":"v1","command":…,"machine":{…},"commit":…,"result":RESULT}
std::string bench_report(const Invocation& invocation, std::string_view name,
                         std::string_view result);
// "p50_ms":…,"p99_ms":…,"p999_ms":…,"max_ms":…
std::string latency_json(const LatencyHistogram& latency);
// What the load did, as members without braces.
std::string load_json(const LoadResult& load);
// The server's own view: "acks","p50_ms","p99_ms" (upper bounds of its buckets) of puts, from their
// arrival at the shard to their answer.
std::string server_ack_json(const MetricsText& before, const MetricsText& after);
// User and system time of this process.
double own_cpu_seconds();

}  // namespace freshet::cli

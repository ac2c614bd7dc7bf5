#include "server/console/http_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "common/metrics.h"
#include "server/console/call.h"
#include "server/console/caller.h"
#include "server/console/calls.h"
#include "server/console/iceberg_error.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

constexpr std::uint64_t kSqlBytesMax = 1u << 20;
constexpr std::uint64_t kEventsBytesMax = 16u << 20;
constexpr std::uint64_t kReferenceBytesMax = 256u << 20;
constexpr std::uint64_t kArchiveBytesMax = 64u << 10;
constexpr std::uint64_t kErasureBytesMax = 64u << 10;
constexpr std::uint64_t kReplayBytesMax = 64u << 10;
constexpr std::uint64_t kIcebergMetricsBytesMax = 1u << 20;

struct Route {
  std::string_view method;
  std::string_view path;  // "*" stands for one segment
  void (*run)(const Context&, const CallPointer&);
  std::uint64_t body_bytes_max;
  bool needs_archive = false;
  bool needs_erasures = false;
  bool needs_replays = false;
};

constexpr Route kRoutes[] = {
    {"POST", "/v1/sql", run_sql, kSqlBytesMax},
    {"POST", "/v1/streams/*/events", put_events, kEventsBytesMax},
    {"GET", "/v1/explain/*", explain_event, 0},
    {"GET", "/v1/tail", tail_table, 0},
    {"GET", "/v1/tables", list_tables, 0},
    {"GET", "/v1/reference", list_references, 0},
    {"GET", "/v1/reference/*", get_reference, 0},
    {"PUT", "/v1/reference/*", put_reference, kReferenceBytesMax},
    {"GET", "/v1/reference/*/versions", list_reference_versions, 0},
    {"POST", "/v1/reference/*/diff", diff_reference, kReferenceBytesMax},
    {"POST", "/v1/replay", begin_replay, kReplayBytesMax, false, false, true},
    {"GET", "/v1/replay/*", get_replay, 0, false, false, true},
    {"DELETE", "/v1/replay/*", stop_replay, 0, false, false, true},
    {"GET", "/v1/archive", list_archive, 0, true},
    {"GET", "/v1/archive/tables/*/files", list_archived_files, 0, true},
    {"POST", "/v1/archive/verify", verify_archive, kArchiveBytesMax, true},
    {"POST", "/v1/archive/compact", compact_archive, kArchiveBytesMax, true},
    {"POST", "/v1/archive/flush", flush_archive, 0, true},
    {"GET", "/v1/archive/jobs/*", get_archive_job, 0, true},
    {"DELETE", "/v1/archive/jobs/*", stop_archive_job, 0, true},
    {"GET", "/v1/erasures", list_erasures, 0, false, true},
    {"POST", "/v1/erasures", begin_erasure, kErasureBytesMax, false, true},
    {"GET", "/v1/erasures/*", get_erasure, 0, false, true},
    {"GET", "/v1/holds", list_holds, 0, false, true},
    {"POST", "/v1/holds", place_hold, kErasureBytesMax, false, true},
    {"DELETE", "/v1/holds/*", lift_hold, 0, false, true},
    // Below /iceberg the words and statuses are those of Iceberg's REST catalog. What is added here
    // is added to get_iceberg_config's list too.
    {"GET", "/iceberg/v1/config", get_iceberg_config, 0, true},
    {"GET", "/iceberg/v1/namespaces", list_iceberg_namespaces, 0, true},
    {"GET", "/iceberg/v1/namespaces/*", get_iceberg_namespace, 0, true},
    {"HEAD", "/iceberg/v1/namespaces/*", get_iceberg_namespace, 0, true},
    {"GET", "/iceberg/v1/namespaces/*/tables", list_iceberg_tables, 0, true},
    {"GET", "/iceberg/v1/namespaces/*/tables/*", load_iceberg_table, 0, true},
    {"HEAD", "/iceberg/v1/namespaces/*/tables/*", find_iceberg_table, 0, true},
    {"POST", "/iceberg/v1/namespaces/*/tables/*/metrics", take_iceberg_metrics,
     kIcebergMetricsBytesMax, true},
};

// Works on the undecoded path: an encoded slash is part of a segment, never a border.
bool matches(std::string_view pattern, std::string_view path) {
  while (!pattern.empty() && !path.empty()) {
    std::size_t pattern_end = std::min(pattern.find('/', 1), pattern.size());
    std::size_t path_end = std::min(path.find('/', 1), path.size());
    std::string_view segment = path.substr(0, path_end);
    if (pattern.substr(0, pattern_end) == "/*" ? segment.size() < 2
                                               : segment != pattern.substr(0, pattern_end))
      return false;
    pattern.remove_prefix(pattern_end);
    path.remove_prefix(path_end);
  }
  return pattern.empty() && path.empty();
}

Error not_found(std::string_view path) {
  return Error(Code::kNotFound, 5101,
               fmt::format("there is nothing at {}: the API is at /v1/sql, /v1/tables, "
                           "/v1/streams/NAME/events, /v1/explain/ID, /v1/tail, /v1/reference, "
                           "/v1/archive, /v1/replay, /v1/erasures, /v1/holds, /iceberg, /healthz "
                           "and /metrics",
                           path));
}

Error no_archive() {
  return Error(Code::kNotFound, 3831, "no archive is configured: set [archive] url");
}

metrics::Counter& request_counter(int status) {
  static constexpr std::string_view kHelp = "Requests to the HTTP API by the status they got";
  return metrics::counter("freshet_console_requests_total", kHelp,
                          fmt::format("status=\"{}\"", status));
}

}  // namespace

struct HttpApi::State {
  explicit State(HttpApiParts parts)
      : callers(parts.clock, parts.random),
        context(std::make_shared<CallContext>(std::move(parts))),
        request_id_seed(context->parts.random.next_u64()) {}

  Callers callers;
  Context context;
  const std::uint64_t request_id_seed;
  std::atomic<std::uint64_t> request_count{0};

  std::string next_request_id() {
    // An odd step visits every 64-bit number before it repeats one.
    return fmt::format("{:016x}",
                       request_id_seed + request_count.fetch_add(1) * 0x9E3779B97F4A7C15u);
  }

  http::Response health() const {
    http::Response response;
    response.headers.push_back({"content-type", "application/json"});
    Status status = context->parts.health();
    if (!status) response.status = 503;
    response.body = status ? "{\"status\":\"ok\"}\n"
                           : fmt::format("{{\"status\":\"failing\",\"reason\":{}}}\n",
                                         json_text(status.error().to_string()));
    return response;
  }

  void handle(http::Request&& request, http::Respond respond) {
    std::string request_id = next_request_id();
    auto complete = [request_id, respond = std::move(respond)](http::Response response) {
      response.headers.push_back({"cache-control", "no-store"});
      response.headers.push_back({"x-content-type-options", "nosniff"});
      response.headers.push_back({"freshet-request-id", request_id});
      request_counter(response.status).add();
      respond(std::move(response));
    };
    // Open to all: what watches over the server has no key, and learns no more than its health.
    if (request.method == "GET" && request.path() == "/healthz") return complete(health());
    Result<Caller> caller = callers.verify(request);
    if (!caller) return complete(refusal_of(request, caller.error(), request_id));
    Result<Target> target = parse_target(request.path(), request.query());
    if (!target) return complete(refusal_of(request, target.error(), request_id));
    auto call = std::make_shared<Call>(std::move(request), *std::move(target), *std::move(caller),
                                       request_id, complete);
    if (call->request.method == "GET" && call->request.path() == "/metrics") return metrics(*call);
    dispatch(call);
  }

  static void metrics(Call& call) {
    if (Status allowed = call.caller.require("metrics:read", "server"); !allowed)
      return call.fail(allowed.error());
    http::Response response;
    response.headers.push_back({"content-type", "text/plain; version=0.0.4; charset=utf-8"});
    response.body = metrics::prometheus_text();
    call.answer(std::move(response));
  }

  void dispatch(const CallPointer& call) {
    std::string allowed;
    for (const Route& route : kRoutes) {
      if (!matches(route.path, call->request.path())) continue;
      if (route.method == call->request.method) return post(call, route);
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", route.method);
    }
    if (is_iceberg_path(call->request.path())) return call->fail(iceberg_refusal(*call));
    if (allowed.empty()) return call->fail(not_found(call->request.path()));
    call->fail(
        Error(Code::kUnsupported, 5102,
              fmt::format("{} is not possible here: use {}", call->request.method, allowed)));
  }

  Error iceberg_refusal(const Call& call) const {
    if (context->parts.archive == nullptr) return no_archive();
    return iceberg_has_no(call.request.method, call.request.path());
  }

  void post(const CallPointer& call, const Route& route) {
    if (route.needs_archive && context->parts.archive == nullptr) return call->fail(no_archive());
    if ((route.needs_erasures && context->parts.erasures == nullptr) ||
        (route.needs_replays && context->parts.replays == nullptr))
      return call->fail(not_found(call->request.path()));
    if (call->request.header("content-encoding").value_or("identity") != "identity") {
      return call->fail(Error(Code::kInvalid, 5108,
                              "a compressed body is not taken: send it without Content-Encoding"));
    }
    bool accepted = context->parts.executor.post(
        [context = context, call, run = route.run] { run(context, call); });
    if (!accepted)
      call->fail(Error(Code::kThrottled, 5107, "too many calls are waiting: try again"));
  }
};

HttpApi::HttpApi(HttpApiParts parts) : state_(std::make_shared<State>(std::move(parts))) {}
HttpApi::~HttpApi() = default;

void HttpApi::stop() {
  state_->context->archive_jobs.stop();
}

void HttpApi::replace_keys(std::vector<gate::Key> keys) {
  state_->callers.replace_keys(std::move(keys));
}

http::Handler HttpApi::handler() {
  return [state = state_](http::Request&& request, http::Respond respond) {
    state->handle(std::move(request), std::move(respond));
  };
}

std::uint64_t HttpApi::body_limit(const http::Request& head) {
  for (const Route& route : kRoutes) {
    if (route.method == head.method && matches(route.path, head.path()))
      return route.body_bytes_max;
  }
  // Enough to read the request and say that there is no such path, rather than that it is too long.
  return 64 << 10;
}

http::Response HttpApi::refusal(int status, std::string_view reason, const http::Request& head) {
  Code code = status == 503 ? Code::kUnavailable : Code::kInvalid;
  Error error(code, 5109, std::string(reason));
  if (is_iceberg_path(head.path())) return iceberg_error_response(error, status);
  http::Response response = error_response(error, "");
  response.status = status;
  return response;
}

}  // namespace freshet::console

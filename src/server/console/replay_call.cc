// POST /v1/replay: begins a replay, or with "dry_run" says what it would read; GET
// /v1/replay/{id}: how far it is, and in the end what came of it; DELETE: ends it early.
#include <fmt/format.h>
#include <simdjson.h>

#include "common/time_text.h"
#include "server/console/calls.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

struct ReplayCall {
  replay::ReplayRequest request;
  bool dry_run = false;
};

Error bad_body(std::string what) {
  return {Code::kInvalid, 5103, std::move(what)};
}

Status read_moment(const simdjson::dom::element& value, std::string_view name, std::int64_t& to) {
  std::string_view text;
  std::optional<std::int64_t> moment;
  if (value.get_string().get(text) == simdjson::SUCCESS) moment = parse_rfc3339_us(text);
  if (!moment)
    return bad_body(fmt::format("\"{}\" takes a moment like \"2026-11-28T09:00:00Z\"", name));
  to = *moment;
  return ok();
}

Status read_member(std::string_view name, const simdjson::dom::element& value, ReplayCall& to) {
  replay::ReplayRequest& request = to.request;
  if (name == "from") return read_moment(value, name, request.from_us);
  if (name == "to") return read_moment(value, name, request.to_us);
  for (auto [known, text] : {std::pair{"pipeline", &request.pipeline},
                             {"camera", &request.camera},
                             {"into", &request.into}}) {
    if (name != known) continue;
    std::string_view given;
    if (value.get_string().get(given) != simdjson::SUCCESS || given.empty())
      return bad_body(fmt::format("\"{}\" takes a name", name));
    *text = given;
    return ok();
  }
  for (auto [known, flag] :
       {std::pair{"from_log_start", &request.from_log_start}, {"dry_run", &to.dry_run}}) {
    if (name != known) continue;
    if (value.get_bool().get(*flag) == simdjson::SUCCESS) return ok();
    return bad_body(fmt::format("\"{}\" takes true or false", name));
  }
  return Error(Code::kInvalid, 5104,
               fmt::format("the body has no member \"{}\": from, to, pipeline, camera, into, "
                           "from_log_start, dry_run",
                           name));
}

Result<ReplayCall> read_call(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body).get_object().get(object) != simdjson::SUCCESS) {
    return bad_body(
        "the body is not a JSON object like {\"from\": \"2026-11-28T09:00:00Z\", \"to\": "
        "\"2026-11-28T10:00:00Z\"}");
  }
  ReplayCall call;
  bool has_from = false, has_to = false;
  for (auto field : object) {
    FRESHET_TRY_STATUS(read_member(field.key, field.value, call));
    has_from = has_from || field.key == "from";
    has_to = has_to || field.key == "to";
  }
  if (!has_from || !has_to) return bad_body("a replay wants \"from\" and \"to\"");
  return call;
}

std::string time_json(std::int64_t us) {
  return '"' + format_rfc3339_us(us) + '"';
}

std::string members_of(const replay::ReplayRequest& request,
                       const replay::ReplayEstimate& estimate) {
  auto optional = [](const std::string& text) { return text.empty() ? "null" : json_text(text); };
  return fmt::format(
      R"("pipeline":{},"table":{},"from":{},"to":{},"camera":{},"into":{},"log_from":{},)"
      R"("records":{},"bytes":{},"id_records":{},"id_bytes":{},"ids_from":{},"duration_ms":{})",
      json_text(estimate.pipeline), json_text(estimate.table), time_json(estimate.from_us),
      time_json(estimate.to_us), optional(request.camera), optional(request.into),
      time_json(estimate.log_from_us), estimate.records, estimate.bytes, estimate.id_records,
      estimate.id_bytes, estimate.ids_from_us ? time_json(*estimate.ids_from_us) : "null",
      estimate.duration_us / 1000);
}

std::string json_of(const replay::ReplayComparison& comparison) {
  std::string json = fmt::format(
      R"({{"equal":{},"different":{},"only_replayed":{},"only_production":{},"columns":{{)",
      comparison.equal, comparison.different, comparison.only_replayed, comparison.only_production);
  bool first = true;
  for (const auto& [column, rows] : comparison.columns) {
    if (rows == 0) continue;
    json += fmt::format("{}{}:{}", first ? "" : ",", json_text(column), rows);
    first = false;
  }
  json += "},\"examples\":[";
  for (std::size_t i = 0; i < comparison.examples.size(); ++i)
    json += (i == 0 ? "" : ",") + comparison.examples[i];
  return json + "]}";
}

std::string_view state_of(const replay::ReplayState& state) {
  return state.running ? "running" : state.error ? "failed" : state.stopped ? "stopped" : "done";
}

std::string json_of(const replay::ReplayState& state) {
  const pipeline::LedgerCounts& counts = state.counts;
  std::string json = fmt::format(
      R"({{"api":"v1","replay":{},"state":"{}",{},"id_records_done":{},"records_done":{},)"
      R"("rows":{},"outcomes":{{"received":{},"accepted":{},"duplicate":{},"late":{},)"
      R"("refused":{},"filtered":{},"erased":{}}})",
      json_text(state.id), state_of(state), members_of(state.request, state.estimate),
      state.id_records_done, state.records_done, state.rows, counts.received, counts.accepted,
      counts.duplicate, counts.late, counts.refused, counts.filtered, counts.erased);
  json += ",\"gaps\":[";
  for (std::size_t i = 0; i < state.gaps.size(); ++i)
    json += (i == 0 ? "" : ",") + json_text(state.gaps[i]);
  json += ']';
  if (state.error) {
    json += fmt::format(R"(,"error":{{"code":"FRS-{:04d}","message":{}}})",
                        state.error->number() == 0 ? 9000 : state.error->number(),
                        json_text(state.error->message()));
  }
  bool has_comparison = state_of(state) == "done" && state.request.into.empty();
  if (has_comparison) json += ",\"comparison\":" + json_of(state.comparison);
  return json + "}\n";
}

void answer(const CallPointer& call, const Result<replay::ReplayState>& state) {
  if (!state) return call->fail(state.error());
  http::Response response;
  response.status = state->running ? 202 : 200;
  response.headers.push_back({"content-type", "application/json"});
  response.body = json_of(*state);
  call->answer(std::move(response));
}

// What differs is shown: whoever replays must be allowed to read the table too.
replay::ReplayService::Allows allowed_to(const CallPointer& call) {
  return [call](std::string_view table) {
    std::string resource = "table/" + std::string(table);
    return call->caller.allows("replay:run", resource) && call->caller.allows("sql:read", resource);
  };
}

}  // namespace

void begin_replay(const Context& context, const CallPointer& call) {
  replay::ReplayService& replays = *context->parts.replays;
  auto asked = read_call(call->request.body);
  if (!asked) return call->fail(asked.error());
  const std::string& into = asked->request.into;
  if (!into.empty()) {
    if (Status may = call->caller.require("replay:into", "table/" + into); !may)
      return call->fail(may.error());
  }
  if (!asked->dry_run)
    return answer(call, replays.begin(asked->request, allowed_to(call), call->caller.name()));
  auto estimate = replays.estimate(asked->request, allowed_to(call));
  if (!estimate) return call->fail(estimate.error());
  call->answer_json(fmt::format("{{\"api\":\"v1\",{}}}\n", members_of(asked->request, *estimate)));
}

void get_replay(const Context& context, const CallPointer& call) {
  answer(call, context->parts.replays->state(call->target.segments[2], call->caller.name()));
}

void stop_replay(const Context& context, const CallPointer& call) {
  answer(call, context->parts.replays->stop(call->target.segments[2], call->caller.name()));
}

}  // namespace freshet::console

// POST /v1/erasures {"camera", "from", "to"} or {"id"}: tells what would be erased, and with
// "confirm" erases it: the server starts anew. GET /v1/erasures and …/{number}: what was. GET and
// POST /v1/holds {"name", …}, DELETE /v1/holds/{name}?confirm={name}.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "common/time_text.h"
#include "server/console/calls.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

struct Body {
  EventSelection selection;
  std::string name, confirm;
};

Error bad_body(std::string message) {
  return Error(Code::kInvalid, 5103, std::move(message));
}

Result<std::int64_t> time_of(std::string_view member, std::string_view text) {
  if (auto us = parse_rfc3339_us(text)) return *us;
  return bad_body(
      fmt::format("\"{}\" takes a time with its zone, like 2026-11-28T14:00:00Z, not "
                  "{}",
                  member, json_text(text)));
}

Status check_selection(const EventSelection& selection, bool has_from, bool has_to) {
  if (!selection.id.empty()) {
    if (selection.camera_id.empty() && !has_from && !has_to) return ok();
    return bad_body("give either \"id\", or \"camera\", \"from\" and \"to\"");
  }
  if (selection.camera_id.empty() || !has_from || !has_to)
    return bad_body("give \"id\", or \"camera\", \"from\" and \"to\"");
  if (selection.from_us >= selection.to_us)
    return bad_body("\"to\" must be later than \"from\": it is the first moment outside");
  return ok();
}

Result<Body> body_of(const std::string& json, std::string_view extra) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json).get_object().get(object) != simdjson::SUCCESS)
    return bad_body("the body is not a JSON object");
  Body body;
  bool has_from = false, has_to = false;
  for (auto field : object) {
    std::string_view text;
    if (field.value.get_string().get(text) != simdjson::SUCCESS || text.empty())
      return bad_body(fmt::format("\"{}\" takes a text", field.key));
    if (field.key == "camera") {
      body.selection.camera_id = text;
    } else if (field.key == "id") {
      body.selection.id = text;
    } else if (field.key == "from") {
      FRESHET_TRY(body.selection.from_us, time_of("from", text));
      has_from = true;
    } else if (field.key == "to") {
      FRESHET_TRY(body.selection.to_us, time_of("to", text));
      has_to = true;
    } else if (field.key == extra) {
      (extra == "name" ? body.name : body.confirm) = text;
    } else {
      return Error(
          Code::kInvalid, 5104,
          fmt::format("the body has no member \"{}\": camera, from, to, id, {}", field.key, extra));
    }
  }
  FRESHET_TRY_STATUS(check_selection(body.selection, has_from, has_to));
  return body;
}

std::string time_text(std::int64_t us) {
  return us == 0 ? "null" : '"' + format_rfc3339_us(us) + '"';
}

std::string json_of(const ErasureInfo& info) {
  // While it is under way its report is in pieces.
  std::string report = info.report.starts_with('{') ? info.report : "null";
  return fmt::format(
      R"({{"erasure":{},"name":{},"camera":{},"from":{},"to":{},"state":"{}","asked":{},)"
      R"("asked_by":{},"changed":{},"report":{}}})",
      info.number, json_text(info.label),
      info.camera_id.empty() ? "null" : json_text(info.camera_id), time_text(info.from_us),
      time_text(info.to_us), info.state, time_text(info.asked_us), json_text(info.asked_by),
      time_text(info.changed_us), report);
}

std::string json_of(const HoldInfo& info) {
  return fmt::format(
      R"({{"hold":{},"camera":{},"from":{},"to":{},"by_id":{},"in_force":{},"placed":{},)"
      R"("placed_by":{},"lifted":{},"lifted_by":{}}})",
      json_text(info.name), json_text(info.camera_id), time_text(info.from_us),
      time_text(info.to_us), info.by_id, info.lifted_us == 0, time_text(info.placed_us),
      json_text(info.placed_by), time_text(info.lifted_us), json_text(info.lifted_by));
}

std::string json_of(const ErasurePlan& plan) {
  return fmt::format(R"("name":{},"rows":{},"log_bytes":{},"archive_files":{},"archive_bytes":{},)"
                     R"("seconds_away":{})",
                     json_text(plan.label), plan.rows, plan.log_bytes, plan.archive_files,
                     plan.archive_bytes, plan.seconds);
}

template <typename Info>
std::string json_of(std::string_view name, const std::vector<Info>& infos) {
  std::string json = fmt::format(R"({{"api":"v1","{}":[)", name);
  for (std::size_t i = 0; i < infos.size(); ++i) json += (i == 0 ? "" : ",") + json_of(infos[i]);
  return json + "]}\n";
}

// Null where it has answered already.
ErasureService* service_of(const Context& context, const CallPointer& call,
                           std::string_view action) {
  if (Status allowed = call->caller.require(action, "server"); !allowed) {
    call->fail(allowed.error());
    return nullptr;
  }
  return context->parts.erasures;
}

}  // namespace

void begin_erasure(const Context& context, const CallPointer& call) {
  ErasureService* erasures = service_of(context, call, "erasure:begin");
  if (erasures == nullptr) return;
  auto body = body_of(call->request.body, "confirm");
  if (!body) return call->fail(body.error());
  auto plan = erasures->plan(body->selection);
  if (!plan) return call->fail(plan.error());
  if (body->confirm.empty())
    return call->answer_json(fmt::format("{{\"api\":\"v1\",\"plan\":{{{}}}}}\n", json_of(*plan)));
  if (body->confirm != plan->label) {
    return call->fail(Error(Code::kInvalid, 5131,
                            fmt::format("\"confirm\" is {}, and what would be erased is {}: "
                                        "nothing was",
                                        json_text(body->confirm), json_text(plan->label))));
  }
  auto begun = erasures->begin(body->selection, call->caller.name());
  if (!begun) return call->fail(begun.error());
  http::Response response;
  response.status = 202;
  response.headers.push_back({"content-type", "application/json"});
  response.body = fmt::format("{{\"api\":\"v1\",\"plan\":{{{}}},\"begun\":{}}}\n", json_of(*plan),
                              json_of(*begun));
  call->answer(std::move(response));
}

void list_erasures(const Context& context, const CallPointer& call) {
  ErasureService* erasures = service_of(context, call, "erasure:read");
  if (erasures == nullptr) return;
  auto all = erasures->erasures();
  if (!all) return call->fail(all.error());
  call->answer_json(json_of("erasures", *all));
}

void get_erasure(const Context& context, const CallPointer& call) {
  ErasureService* erasures = service_of(context, call, "erasure:read");
  if (erasures == nullptr) return;
  auto all = erasures->erasures();
  if (!all) return call->fail(all.error());
  for (const ErasureInfo& info : *all) {
    if (std::to_string(info.number) == call->target.segments[2]) {
      return call->answer_json(fmt::format("{{\"api\":\"v1\",{}\n", json_of(info).substr(1)));
    }
  }
  call->fail(Error(Code::kNotFound, 3856,
                   fmt::format("there is no erasure {}: freshet erase ls lists them",
                               json_text(call->target.segments[2]))));
}

void list_holds(const Context& context, const CallPointer& call) {
  ErasureService* erasures = service_of(context, call, "hold:read");
  if (erasures == nullptr) return;
  auto all = erasures->holds();
  if (!all) return call->fail(all.error());
  call->answer_json(json_of("holds", *all));
}

void place_hold(const Context& context, const CallPointer& call) {
  ErasureService* erasures = service_of(context, call, "hold:place");
  if (erasures == nullptr) return;
  auto body = body_of(call->request.body, "name");
  if (!body) return call->fail(body.error());
  if (body->name.empty()) return call->fail(bad_body("a hold needs a \"name\""));
  auto placed = erasures->place_hold(body->name, body->selection, call->caller.name());
  if (!placed) return call->fail(placed.error());
  call->answer_json(fmt::format("{{\"api\":\"v1\",{}\n", json_of(*placed).substr(1)));
}

void lift_hold(const Context& context, const CallPointer& call) {
  ErasureService* erasures = service_of(context, call, "hold:lift");
  if (erasures == nullptr) return;
  const std::string& name = call->target.segments[2];
  if (call->parameter("confirm") != name) {
    return call->fail(
        Error(Code::kInvalid, 5131,
              fmt::format("the hold stays: to lift it give its name again, --confirm={0} (over "
                          "HTTP: ?confirm={0})",
                          name)));
  }
  if (Status lifted = erasures->lift_hold(name, call->caller.name()); !lifted)
    return call->fail(lifted.error());
  call->answer_json(fmt::format("{{\"api\":\"v1\",\"lifted\":{}}}\n", json_text(name)));
}

}  // namespace freshet::console

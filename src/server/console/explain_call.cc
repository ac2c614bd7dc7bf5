// GET /v1/explain/{id}: one event's fate in every pipeline that knows it.
#include <fmt/format.h>

#include "common/time_text.h"
#include "server/console/calls.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

std::string json_of(const FateStep& step) {
  std::string json = fmt::format(R"({{"outcome":{},"position":{},"sub_position":{})",
                                 json_text(step.outcome), step.position.value, step.sub_position);
  if (!step.partition.empty()) json += fmt::format(R"(,"partition":{})", json_text(step.partition));
  if (step.arrival_us != 0)
    json += fmt::format(R"(,"arrival":"{}")", format_rfc3339_us(step.arrival_us));
  if (!step.reason.empty()) json += fmt::format(R"(,"reason":{})", json_text(step.reason));
  if (!step.detail.empty()) json += fmt::format(R"(,"detail":{})", json_text(step.detail));
  return json + '}';
}

// The row that an accepted record became, as SQL shows it; "" where it has left the table.
std::string row_of(const Context& context, const CallPointer& call, const EventFate& fate) {
  for (const FateStep& step : fate.steps) {
    if (step.outcome != "accepted") continue;
    query::SqlRequest request;
    request.sql = fmt::format("SELECT * FROM \"{}\" WHERE position = {} AND sub_position = {}",
                              fate.table, step.position.value, step.sub_position);
    request.format = sql::AnswerFormat::kNdjson;
    request.allows = [call](std::string_view table) {
      return call->caller.allows("sql:read", "table/" + std::string(table));
    };
    auto answer = context->parts.engine.run(request);
    if (!answer || answer->answer.row_count != 1) return "";
    std::string row = std::move(answer->answer.text);
    row.pop_back();
    return row;
  }
  return "";
}

}  // namespace

void explain_event(const Context& context, const CallPointer& call) {
  const std::string& id = call->target.segments[2];
  auto fates = context->parts.explain.explain(id);
  if (!fates) return call->fail(fates.error());
  std::string json = fmt::format(R"({{"api":"v1","id":{},"fates":[)", json_text(id));
  std::size_t shown = 0;
  for (const EventFate& fate : *fates) {
    if (fate.steps.empty() || !call->caller.allows("sql:read", "table/" + fate.table)) continue;
    json += fmt::format(R"({}{{"table":{},"outcome":{},"steps":[)", shown++ == 0 ? "" : ",",
                        json_text(fate.table), json_text(fate.steps[0].outcome));
    for (std::size_t i = 0; i < fate.steps.size(); ++i)
      json += (i == 0 ? "" : ",") + json_of(fate.steps[i]);
    json += ']';
    if (std::string row = row_of(context, call, fate); !row.empty()) json += ",\"row\":" + row;
    json += '}';
  }
  if (shown == 0) {
    return call->fail(Error(Code::kNotFound, 5110,
                            fmt::format("no event with the id {} is known: it never came, or its "
                                        "row and its trace are past retention",
                                        json_text(id))));
  }
  call->answer_json(json + "]}\n");
}

}  // namespace freshet::console

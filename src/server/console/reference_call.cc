// GET /v1/reference, GET and PUT /v1/reference/{name}, GET …/versions, POST …/diff.
#include <fmt/format.h>

#include "common/time_text.h"
#include "server/console/calls.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

// A diff of millions of keys helps nobody: the counts are whole, the lists are cut.
constexpr std::size_t kKeysShown = 1'000;

const std::string& name_of(const CallPointer& call) {
  return call->target.segments[2];
}

std::string resource_of(std::string_view name) {
  return "reference/" + std::string(name);
}

std::string json_of(const ReferenceVersionInfo& version) {
  return fmt::format(
      R"({{"version":{},"active":{},"rows":{},"loaded":"{}","source":{},"content_hash":"{:016x}"}})",
      version.version, version.active, version.rows, format_rfc3339_us(version.loaded_us),
      json_text(version.source), version.content_hash);
}

std::string json_of(std::string_view what, const std::vector<std::string>& keys) {
  std::string json = fmt::format(R"(,"{}":{},"{}_keys":[)", what, keys.size(), what);
  for (std::size_t i = 0; i < std::min(keys.size(), kKeysShown); ++i)
    json += (i == 0 ? "" : ",") + json_text(keys[i]);
  return json + ']';
}

void change(const Context& context, const CallPointer& call, bool only_compare) {
  const std::string& name = name_of(call);
  std::string_view action = only_compare ? "reference:read" : "reference:put";
  if (Status allowed = call->caller.require(action, resource_of(name)); !allowed)
    return call->fail(allowed.error());
  if (Status known = call->check_parameters({"file"}); !known) return call->fail(known.error());
  std::string_view file = call->parameter("file");
  if (file.empty()) {
    return call->fail(
        Error(Code::kInvalid, 5106,
              "name the file, so that its ending says its format: ?file=cameras.csv"));
  }
  auto changed = context->parts.references.put(name, file, call->request.body, only_compare);
  if (!changed) return call->fail(changed.error());
  call->answer_json(
      fmt::format(R"({{"api":"v1","name":{},"version":{},"switched":{},"rows":{}{}{}{}}})"
                  "\n",
                  json_text(name), changed->version, changed->switched, changed->rows,
                  json_of("added", changed->diff.added), json_of("removed", changed->diff.removed),
                  json_of("changed", changed->diff.changed)));
}

}  // namespace

void list_references(const Context& context, const CallPointer& call) {
  std::string json = R"({"api":"v1","references":[)";
  bool first = true;
  for (const std::string& name : context->parts.references.names()) {
    if (!call->caller.allows("reference:read", resource_of(name))) continue;
    json += fmt::format(R"({}{{"name":{}}})", first ? "" : ",", json_text(name));
    first = false;
  }
  call->answer_json(json + "]}\n");
}

void list_reference_versions(const Context& context, const CallPointer& call) {
  const std::string& name = name_of(call);
  if (Status allowed = call->caller.require("reference:read", resource_of(name)); !allowed)
    return call->fail(allowed.error());
  auto versions = context->parts.references.versions(name);
  if (!versions) return call->fail(versions.error());
  std::string json = fmt::format(R"({{"api":"v1","name":{},"versions":[)", json_text(name));
  for (std::size_t i = 0; i < versions->size(); ++i)
    json += (i == 0 ? "" : ",") + json_of((*versions)[i]);
  call->answer_json(json + "]}\n");
}

void get_reference(const Context& context, const CallPointer& call) {
  const std::string& name = name_of(call);
  if (Status allowed = call->caller.require("reference:read", resource_of(name)); !allowed)
    return call->fail(allowed.error());
  if (Status known = call->check_parameters({"version"}); !known) return call->fail(known.error());
  auto accepted = acceptable_format(call->request);
  if (!accepted) return call->fail(accepted.error());
  auto version = call->number("version", 0, 1, 0xffff'ffff);
  if (!version) return call->fail(version.error());
  auto table = context->parts.references.load(name, static_cast<std::uint32_t>(*version));
  if (!table) return call->fail(table.error());
  auto rows = context->parts.engine.write_rows((*table)->schema(), (*table)->rows(), *table,
                                               accepted->format);
  if (!rows) return call->fail(rows.error());
  http::Response response;
  response.headers.push_back({"content-type", std::string(accepted->content_type)});
  response.body = std::move(rows->text);
  call->answer(std::move(response));
}

void put_reference(const Context& context, const CallPointer& call) {
  change(context, call, false);
}

void diff_reference(const Context& context, const CallPointer& call) {
  change(context, call, true);
}

}  // namespace freshet::console

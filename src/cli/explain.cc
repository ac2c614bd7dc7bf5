#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/server_client.h"
#include "cli/text_table.h"

namespace freshet::cli {
namespace {

// "name: value", what stands inside indented below.
void append_fields(std::string& out, const JsonValue& value, const std::string& indent) {
  for (const auto& [name, member] : value.members) {
    bool has_inside = member.is_object() || (member.is_array() && !member.items.empty() &&
                                             member.items.front().is_object());
    if (!has_inside) {
      out += fmt::format("{}{}: {}\n", indent, printable(name), printable(member.to_text()));
      continue;
    }
    out += fmt::format("{}{}:\n", indent, printable(name));
    if (member.is_object()) append_fields(out, member, indent + "  ");
    for (const JsonValue& item : member.items) {
      std::string inside;
      append_fields(inside, item, indent + "    ");
      if (inside.size() > indent.size() + 4) inside[indent.size() + 2] = '-';
      out += inside;
    }
  }
}

}  // namespace

Result<ExitCode> run_explain(const Invocation& invocation) {
  Output& output = invocation.output();
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(ServerAnswer answer,
              client.get("/v1/explain/" + url_encode(invocation.arguments().at(0))));
  if (output.json()) {
    output.write_line(answer.body);
    return ExitCode::kOk;
  }
  FRESHET_TRY(JsonValue fate, parse_json(answer.body));
  std::string text;
  append_fields(text, fate, "");
  output.write(text);
  return ExitCode::kOk;
}

}  // namespace freshet::cli

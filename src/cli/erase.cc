// freshet erase, erase ls, erase show; freshet hold add, ls, lift.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/server_client.h"
#include "cli/text_table.h"
#include "common/units.h"

namespace freshet::cli {
namespace {

constexpr std::int64_t kPollUs = 200'000;
constexpr std::size_t kWholeCells = 4'096;

// {"camera": …, "from": …, "to": …, "id": …} as far as flags give them, and `more`.
std::string selection_body(const Invocation& invocation, std::string_view more_name = "",
                           std::string_view more = "") {
  std::string body;
  auto add = [&](std::string_view name, std::string_view value) {
    body += fmt::format("{}{}:{}", body.empty() ? "{" : ",", json_string(name), json_string(value));
  };
  for (std::string_view flag : {"camera", "from", "to", "id"}) {
    if (auto value = invocation.value(flag)) add(flag, *value);
  }
  if (!more.empty()) add(more_name, more);
  return body.empty() ? "{}" : body + "}";
}

void print_plan(Output& output, const JsonValue& plan, bool confirmed) {
  output.note(fmt::format(
      "{} rows; the log's {} and the archive's {} files with {} are read, and rewritten where they "
      "hold some; the server is away for about {} s",
      plan["rows"].text, format_bytes(plan["log_bytes"].to_count()), plan["archive_files"].text,
      format_bytes(plan["archive_bytes"].to_count()), plan["seconds_away"].text));
  if (!confirmed) {
    output.note(fmt::format("nothing was erased: give --confirm={} to do it",
                            printable(plan["name"].to_text())));
  }
}

bool is_over(const JsonValue& erasure) {
  return erasure["state"].text == "done" || erasure["state"].text == "refused";
}

// The server is away meanwhile, and that is no error, unless it is so for much longer than it said.
Result<JsonValue> wait_until_over(const Invocation& invocation, Output& output,
                                  const std::string& number, std::uint64_t seconds_away) {
  FRESHET_TRY(std::int64_t patience_us, timeout_of(invocation));
  patience_us += static_cast<std::int64_t>(seconds_away) * 10'000'000;
  for (std::int64_t waited_us = 0;; waited_us += kPollUs) {
    if (wait_for_interrupt_us(kPollUs)) return parse_json("null");
    FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
    auto answer = client.get("/v1/erasures/" + number);
    if (!answer && answer.error().code() != Code::kUnavailable) return std::move(answer).error();
    if (!answer && waited_us > patience_us) {
      return Error(Code::kUnavailable, 3857,
                   fmt::format("the server has not come back; its log says why, and erasure {} "
                               "goes on when it starts",
                               number));
    }
    if (!answer) continue;
    FRESHET_TRY(JsonValue erasure, parse_json(answer->body));
    if (is_over(erasure)) return erasure;
    if (!output.quiet()) output.status_line("erasing");
  }
}

// Is anything left of it that could be found?
bool is_proven(const JsonValue& erasure) {
  const JsonValue& scan = erasure["report"]["scan"];
  return erasure["state"].text == "done" && scan["found_in"].items.empty() &&
         scan["log_events_left"].to_count() == 0 && scan["log_mentions"].to_count() == 0;
}

ExitCode print_result(Output& output, const JsonValue& erasure) {
  output.status_line("");
  const JsonValue& report = erasure["report"];
  if (output.json()) {
    output.write_line(erasure.to_json());
  } else if (erasure["state"].text == "refused") {
    output.warn(fmt::format("{} a hold covers events of it: nothing was erased",
                            report["refused"].to_text()));
  } else {
    const JsonValue& scan = report["scan"];
    output.write_line(fmt::format(
        "erasure {}: {} events of {} ids are gone from the log, {} rows from archive files; {} "
        "files with {} were looked through, and {} hold one of the ids",
        erasure["erasure"].text, report["log"]["events"].to_text(), report["ids"].to_text(),
        report["archive"]["rows"].to_count(), scan["files"].to_text(),
        format_bytes(scan["bytes"].to_count()), scan["found_in"].items.size()));
    for (const JsonValue& file : scan["found_in"].items)
      output.warn(fmt::format("an id stands in {} yet", printable(file.to_text())));
    if (scan["log_mentions"].to_count() > 0) {
      output.warn(fmt::format("{} events that stay name one of the ids in a field of their own",
                              scan["log_mentions"].text));
    }
  }
  if (erasure["state"].text == "refused") return ExitCode::kDenied;
  return is_proven(erasure) ? ExitCode::kOk : ExitCode::kFailed;
}

TextTable table_of_members(const JsonValue& array,
                           std::initializer_list<std::string_view> members) {
  TextTable table;
  table.names.assign(members.begin(), members.end());
  table.is_number.assign(members.size(), false);
  for (const JsonValue& item : array.items) {
    auto& row = table.rows.emplace_back();
    for (std::string_view member : members) row.push_back(printable(item[member].to_text()));
  }
  return table;
}

Result<ExitCode> list(const Invocation& invocation, const std::string& what,
                      std::initializer_list<std::string_view> members) {
  Output& output = invocation.output();
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(ServerAnswer answer, client.get("/v1/" + what));
  FRESHET_TRY(JsonValue json, parse_json(answer.body));
  TextTable table = table_of_members(json[what], members);
  if (output.json()) {
    output.write_line(json.to_json());
  } else if (output.plain()) {
    output.write(render_plain(table));
  } else if (table.rows.empty()) {
    output.note(fmt::format("there are no {}", what));
  } else {
    output.write(render_table(table, kWholeCells));
  }
  return ExitCode::kOk;
}

}  // namespace

Result<ExitCode> run_erase(const Invocation& invocation) {
  Output& output = invocation.output();
  std::string confirm = invocation.value_or("confirm", "");
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(ServerAnswer answer,
              client.send("POST", "/v1/erasures", selection_body(invocation, "confirm", confirm),
                          "application/json"));
  FRESHET_TRY(JsonValue json, parse_json(answer.body));
  print_plan(output, json["plan"], !confirm.empty());
  if (confirm.empty()) {
    if (output.json()) output.write_line(json.to_json());
    return ExitCode::kOk;
  }
  std::string number = json["begun"]["erasure"].to_text();
  FRESHET_TRY(JsonValue erasure,
              wait_until_over(invocation, output, number, json["plan"]["seconds_away"].to_count()));
  if (interrupted()) {
    output.note(
        fmt::format("erasure {} goes on at the server: freshet erase show {}", number, number));
    return ExitCode::kInterrupted;
  }
  return print_result(output, erasure);
}

Result<ExitCode> run_erase_ls(const Invocation& invocation) {
  return list(invocation, "erasures",
              {"erasure", "name", "from", "to", "state", "asked", "asked_by", "changed"});
}

Result<ExitCode> run_erase_show(const Invocation& invocation) {
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(ServerAnswer answer,
              client.get("/v1/erasures/" + url_encode(invocation.arguments()[0])));
  FRESHET_TRY(JsonValue erasure, parse_json(answer.body));
  invocation.output().write_line(erasure.to_json());
  return is_over(erasure) && !is_proven(erasure) ? ExitCode::kFailed : ExitCode::kOk;
}

Result<ExitCode> run_hold_add(const Invocation& invocation) {
  Output& output = invocation.output();
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(ServerAnswer answer,
              client.send("POST", "/v1/holds",
                          selection_body(invocation, "name", invocation.arguments()[0]),
                          "application/json"));
  FRESHET_TRY(JsonValue hold, parse_json(answer.body));
  if (output.json()) output.write_line(hold.to_json());
  output.note("in force: nothing that it covers expires or is erased");
  return ExitCode::kOk;
}

Result<ExitCode> run_hold_ls(const Invocation& invocation) {
  return list(
      invocation, "holds",
      {"hold", "camera", "from", "to", "in_force", "placed", "placed_by", "lifted", "lifted_by"});
}

Result<ExitCode> run_hold_lift(const Invocation& invocation) {
  Output& output = invocation.output();
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  std::string name = url_encode(invocation.arguments()[0]);
  FRESHET_TRY(ServerAnswer answer,
              client.send("DELETE",
                          fmt::format("/v1/holds/{}?confirm={}", name,
                                      url_encode(invocation.value_or("confirm", ""))),
                          "", "application/json"));
  FRESHET_TRY(JsonValue lifted, parse_json(answer.body));
  if (output.json()) output.write_line(lifted.to_json());
  output.note("lifted: what it kept may expire and be erased");
  return ExitCode::kOk;
}

}  // namespace freshet::cli

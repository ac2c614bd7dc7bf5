#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iostream>

#include "cli/archive_text.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/result_format.h"
#include "cli/server_client.h"
#include "cli/text_table.h"
#include "common/time_text.h"
#include "common/units.h"
#include "io/clock.h"

namespace freshet::cli {
namespace {

constexpr std::int64_t kPollFirstUs = 50'000;
constexpr std::int64_t kPollMostUs = 500'000;
constexpr std::uint64_t kTenths = 10;

// "2026-11-28T09:00:00Z", or "-2h": so long ago.
Result<std::int64_t> moment_of(std::string_view flag, const std::string& text,
                               std::int64_t now_us) {
  if (text == "now") return now_us;
  if (text.starts_with('-')) {
    auto ago = parse_duration_us(std::string_view(text).substr(1));
    if (ago) return now_us - *ago;
  } else if (auto moment = parse_rfc3339_us(text)) {
    return *moment;
  }
  return usage_error(
      fmt::format("--{} takes a moment like 2026-11-28T09:00:00Z, or -2h, not \"{}\"", flag, text));
}

// The request without "dry_run", open at its end.
Result<std::string> request_of(const Invocation& invocation) {
  auto from = invocation.value("from");
  if (!from) return usage_error("--from is missing: from when on?");
  std::int64_t now_us = io::system_clock().wall_us();
  FRESHET_TRY(std::int64_t from_us, moment_of("from", *from, now_us));
  FRESHET_TRY(std::int64_t to_us, moment_of("to", invocation.value_or("to", "now"), now_us));
  std::string body = fmt::format("{{\"from\":\"{}\",\"to\":\"{}\"", format_rfc3339_us(from_us),
                                 format_rfc3339_us(to_us));
  for (const char* name : {"pipeline", "camera", "into"}) {
    if (auto text = invocation.value(name))
      body += fmt::format(",\"{}\":{}", name, json_string(*text));
  }
  if (invocation.has("from-log-start")) body += ",\"from_log_start\":true";
  return body;
}

std::string amount_of(const JsonValue& estimate, std::string_view records, std::string_view bytes) {
  return fmt::format("about {} records, {}", estimate[records].text,
                     size_text(estimate[bytes].to_count()));
}

void show_estimate(Output& output, const JsonValue& estimate) {
  output.note(fmt::format(
      "pipeline {}, events that arrived from {} on and before {}{}",
      printable(estimate["pipeline"].text), estimate["from"].text, estimate["to"].text,
      estimate["camera"].text.empty() ? "" : ", of camera " + printable(estimate["camera"].text)));
  output.note(fmt::format("to replay: {}", amount_of(estimate, "records", "bytes")));
  if (estimate["id_records"].to_count() > 0) {
    output.note(fmt::format("before that, for the ids within the dedup horizon: {}",
                            amount_of(estimate, "id_records", "id_bytes")));
  }
  output.note(
      fmt::format("about {} on an idle machine",
                  format_duration_us(
                      std::max<std::int64_t>(
                          1, static_cast<std::int64_t>(estimate["duration_ms"].to_count()) / 1000) *
                      1'000'000)));
  if (!estimate["ids_from"].text.empty()) {
    output.warn(
        fmt::format("the log begins at {}, within the dedup horizon: an event whose id came "
                    "first before that counts as new",
                    estimate["ids_from"].text));
  }
  output.note(estimate["into"].text.empty()
                  ? "rows are compared with production's; nothing is kept"
                  : "rows become the table " + printable(estimate["into"].text));
}

bool agrees(Output& output) {
  if (isatty(STDIN_FILENO) != 1) return false;
  output.flush();
  std::cerr << "replay? [y/N] " << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

// A replay of the server's, from its begin to its end.
class Replay {
 public:
  Replay(Output& output, ServerClient& client) : output_(output), client_(client) {}

  // What the server says in the end, or after Ctrl-C.
  Result<JsonValue> run(const std::string& body) {
    FRESHET_TRY(ServerAnswer begun, client_.send("POST", "/v1/replay", body, "application/json"));
    FRESHET_TRY(JsonValue state, parse_json(begun.body));
    std::string target = "/v1/replay/" + url_encode(state["replay"].to_text());
    begun_ns_ = io::system_clock().monotonic_ns();
    for (std::int64_t wait_us = kPollFirstUs; state["state"].text == "running";
         wait_us = std::min(wait_us * 2, kPollMostUs)) {
      show_progress(state);
      if (wait_for_interrupt_us(wait_us)) return stop(target);
      auto answer = client_.get(target);
      if (!answer && answer.error().code() == Code::kThrottled) continue;
      if (!answer) return lost(std::move(answer).error());
      FRESHET_TRY(state, parse_json(answer->body));
    }
    output_.status_line("");
    return state;
  }

 private:
  // A replay ends with its server.
  Error lost(Error error) {
    output_.status_line("");
    bool is_gone = error.code() == Code::kUnavailable || error.code() == Code::kNotFound;
    if (!is_gone) return error;
    return std::move(error).with_context(
        "the server went away, and the replay with it: nothing was kept, begin it again");
  }

  Result<JsonValue> stop(const std::string& target) {
    output_.status_line("");
    FRESHET_TRY(ServerAnswer stopped, client_.send("DELETE", target, "", "application/json"));
    return parse_json(stopped.body);
  }

  void show_progress(const JsonValue& state) {
    std::uint64_t ids = state["id_records"].to_count(), all = ids + state["records"].to_count();
    std::uint64_t done = state["id_records_done"].to_count() + state["records_done"].to_count();
    done = std::min(done, all);
    if (all == 0) return;
    double seconds = static_cast<double>(io::system_clock().monotonic_ns() - begun_ns_) / 1e9;
    double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
    std::string left =
        rate > 0 ? fmt::format("{:.0f} s left", static_cast<double>(all - done) / rate) : "";
    std::string line = fmt::format("{} of {} records, {:.0f}/s, {} rows, {}", done, all, rate,
                                   state["rows"].text, left);
    if (output_.stderr_is_terminal()) {
      if (!output_.quiet()) output_.status_line(line);
    } else if (done * kTenths / all > tenths_shown_) {
      tenths_shown_ = done * kTenths / all;
      output_.note(line);
    }
  }

  Output& output_;
  ServerClient& client_;
  std::int64_t begun_ns_ = 0;
  std::uint64_t tenths_shown_ = 0;
};

TextTable counts_table(const JsonValue& state) {
  TextTable table;
  table.names = {"what", "count"};
  table.is_number = {false, true};
  for (const char* name : {"received", "accepted", "duplicate", "refused", "filtered", "erased"})
    table.rows.push_back({name, state["outcomes"][name].text});
  const JsonValue& comparison = state["comparison"];
  if (!comparison.is_object()) return table;
  table.rows.push_back({"rows equal", comparison["equal"].text});
  table.rows.push_back({"rows different", comparison["different"].text});
  for (const auto& [column, rows] : comparison["columns"].members)
    table.rows.push_back({"  in " + printable(column), rows.text});
  table.rows.push_back({"rows only replayed", comparison["only_replayed"].text});
  table.rows.push_back({"rows only in production", comparison["only_production"].text});
  return table;
}

void print_result(Output& output, const JsonValue& state) {
  TextTable table = counts_table(state);
  output.write(output.plain() ? render_plain(table) : render_table(table));
  for (const JsonValue& example : state["comparison"]["examples"].items) {
    output.write_line(fmt::format("{} {}.{} {}", example["kind"].text, example["position"].text,
                                  example["sub_position"].text,
                                  printable(example["changes"].to_text())));
  }
  for (const JsonValue& gap : state["gaps"].items)
    output.warn("not replayed: " + printable(gap.text));
}

// With the server's own code: "FRS-5127".
Error failure_of(const JsonValue& error) {
  int number = 0;
  std::string_view digits = std::string_view(error["code"].text)
                                .substr(std::min<std::size_t>(4, error["code"].text.size()));
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return {Code::kInternal, number, error["message"].text};
}

ExitCode exit_code_of(const JsonValue& state) {
  if (interrupted()) return ExitCode::kInterrupted;
  if (state["state"].text != "done") return ExitCode::kFailed;
  const JsonValue& comparison = state["comparison"];
  std::uint64_t unequal = comparison["different"].to_count() +
                          comparison["only_replayed"].to_count() +
                          comparison["only_production"].to_count();
  return unequal == 0 ? ExitCode::kOk : ExitCode::kUsage;
}

}  // namespace

Result<ExitCode> run_replay(const Invocation& invocation) {
  Output& output = invocation.output();
  FRESHET_TRY(std::string body, request_of(invocation));
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(ServerAnswer dry,
              client.send("POST", "/v1/replay", body + ",\"dry_run\":true}", "application/json"));
  FRESHET_TRY(JsonValue estimate, parse_json(dry.body));
  show_estimate(output, estimate);
  if (!invocation.has("yes") && !agrees(output))
    return Error(Code::kInvalid, "not replayed; say y, or give --yes");
  FRESHET_TRY(JsonValue state, Replay(output, client).run(body + "}"));
  if (state["state"].text == "failed") return failure_of(state["error"]);
  if (output.json()) {
    output.write_line(state.to_json());
  } else if (state["state"].text == "done") {
    print_result(output, state);
  }
  if (state["state"].text != "done") output.warn("ended early: nothing was kept");
  return exit_code_of(state);
}

}  // namespace freshet::cli

// freshet archive ls, verify, compact, flush: the tables in the archive.
#include <fmt/format.h>

#include <algorithm>

#include "cli/archive_text.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/result_format.h"
#include "cli/server_client.h"
#include "cli/text_table.h"

namespace freshet::cli {
namespace {

constexpr std::int64_t kPollFirstUs = 50'000;
constexpr std::int64_t kPollMostUs = 1'000'000;
// A URL that is cut can be pasted nowhere.
constexpr std::size_t kWholeCells = 4'096;

std::string render_ndjson(const JsonValue& array) {
  std::string out;
  for (const JsonValue& one : array.items) out += one.to_json() + '\n';
  return out;
}

void print_tables(Output& output, RowFormat format, const JsonValue& answer) {
  const JsonValue& tables = answer["tables"];
  switch (format) {
    case RowFormat::kVersionedJson:
      return output.write_line(answer.to_json());
    case RowFormat::kJson:
      return output.write_line(tables.to_json());
    case RowFormat::kNdjson:
      return output.write(render_ndjson(tables));
    case RowFormat::kCsv:
      return output.write(render_csv(table_of(tables)));
    case RowFormat::kPlain:
      return output.write(render_plain(archived_tables(tables, SizeForm::kBytes)));
    case RowFormat::kTable:
      if (tables.items.empty()) return output.note("no table is archived yet");
      return output.write(render_table(archived_tables(tables, SizeForm::kUnits), kWholeCells));
  }
}

// A job of the server's, from its begin to its end.
class Job {
 public:
  Job(Output& output, ServerClient& client) : output_(output), client_(client) {}

  // What the server says in the end, or after Ctrl-C.
  Result<JsonValue> run(std::string_view work, const Invocation& invocation) {
    std::string body = "{}";
    if (!invocation.arguments().empty())
      body = fmt::format("{{\"table\":{}}}", json_string(invocation.arguments()[0]));
    FRESHET_TRY(ServerAnswer begun, client_.send("POST", fmt::format("/v1/archive/{}", work),
                                                 std::move(body), "application/json"));
    FRESHET_TRY(JsonValue job, parse_json(begun.body));
    std::string target = "/v1/archive/jobs/" + url_encode(job["job"].to_text());
    for (std::int64_t wait_us = kPollFirstUs; job["state"].text == "running";
         wait_us = std::min(wait_us * 2, kPollMostUs)) {
      show_progress(job);
      if (wait_for_interrupt_us(wait_us)) return stop(target);
      FRESHET_TRY_STATUS(ask(target, job));
    }
    output_.status_line("");
    return job;
  }

 private:
  // Leaves `job` as it was where the server is too busy to say.
  Status ask(const std::string& target, JsonValue& job) {
    auto answer = client_.get(target);
    if (!answer && answer.error().code() == Code::kThrottled) return ok();
    if (!answer) return std::move(answer).error();
    FRESHET_TRY(job, parse_json(answer->body));
    return ok();
  }

  Result<JsonValue> stop(const std::string& target) {
    output_.status_line("");
    FRESHET_TRY(ServerAnswer stopped, client_.send("DELETE", target, "", "application/json"));
    return parse_json(stopped.body);
  }

  void show_progress(const JsonValue& job) {
    std::string table = printable(job["table"].to_text());
    if (table.empty()) return;
    std::string line = fmt::format("{} {}", job["work"].text, table);
    if (!output_.stderr_is_terminal() && table != shown_table_) output_.note(line);
    shown_table_ = table;
    if (job["files"].to_count() > 0)
      line += fmt::format(": {} of {} files", job["files_done"].text, job["files"].text);
    if (!output_.quiet()) output_.status_line(line);
  }

  Output& output_;
  ServerClient& client_;
  std::string shown_table_;
};

using ShownTable = TextTable (*)(const JsonValue& reports, SizeForm form);

void print_job(Output& output, const JsonValue& job, ShownTable shown) {
  const JsonValue& reports = job["reports"];
  if (output.plain()) {
    output.write(render_plain(shown(reports, SizeForm::kBytes)));
  } else if (TextTable table = shown(reports, SizeForm::kUnits); !table.rows.empty()) {
    output.write(render_table(table, kWholeCells));
  }
  output.write(faults_text(reports));
  if (job["tables"].to_count() == 0) output.note("no table is archived yet");
  if (job["state"].text != "done") output.warn("ended early: what is not listed was not reached");
}

ExitCode exit_code_of(const JsonValue& job) {
  if (interrupted()) return ExitCode::kInterrupted;
  bool is_well = job["state"].text == "done" && faults_text(job["reports"]).empty();
  return is_well ? ExitCode::kOk : ExitCode::kFailed;
}

Result<ExitCode> run_job(const Invocation& invocation, std::string_view work, ShownTable shown) {
  Output& output = invocation.output();
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(JsonValue job, Job(output, client).run(work, invocation));
  if (output.json()) {
    output.write_line(job.to_json());
  } else {
    print_job(output, job, shown);
  }
  return exit_code_of(job);
}

}  // namespace

Result<ExitCode> run_archive_ls(const Invocation& invocation) {
  FRESHET_TRY(RowFormat format, row_format_of(invocation));
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(ServerAnswer answer, client.get("/v1/archive"));
  FRESHET_TRY(JsonValue tables, parse_json(answer.body));
  print_tables(invocation.output(), format, tables);
  return ExitCode::kOk;
}

Result<ExitCode> run_archive_verify(const Invocation& invocation) {
  return run_job(invocation, "verify", verified_tables);
}

Result<ExitCode> run_archive_compact(const Invocation& invocation) {
  return run_job(invocation, "compact", compacted_tables);
}

Result<ExitCode> run_archive_flush(const Invocation& invocation) {
  Output& output = invocation.output();
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(ServerAnswer answer,
              client.send("POST", "/v1/archive/flush", "", "application/json"));
  FRESHET_TRY(JsonValue flushed, parse_json(answer.body));
  if (output.json()) output.write_line(flushed.to_json());
  output.note("committed: every row that was visible is in the archive now");
  return ExitCode::kOk;
}

}  // namespace freshet::cli

// freshet archive ls, verify, compact, flush: the tables in the archive.
#include <fmt/format.h>

#include "cli/archive_job.h"
#include "cli/archive_text.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/result_format.h"
#include "cli/server_client.h"
#include "cli/text_table.h"

namespace freshet::cli {
namespace {

// A URL that is cut can be pasted nowhere.
constexpr std::size_t kWholeCells = 4'096;

std::string render_ndjson(const JsonValue& array) {
  std::string out;
  for (const JsonValue& one : array.items) out += one.to_json() + '\n';
  return out;
}

using ShownTable = TextTable (*)(const JsonValue& array, SizeForm form);

// The array that the server's answer holds under `member`; `none` is said where it is empty.
void print_list(Output& output, RowFormat format, const JsonValue& answer, std::string_view member,
                ShownTable shown, std::string_view none) {
  const JsonValue& list = answer[member];
  switch (format) {
    case RowFormat::kVersionedJson:
      return output.write_line(answer.to_json());
    case RowFormat::kJson:
      return output.write_line(list.to_json());
    case RowFormat::kNdjson:
      return output.write(render_ndjson(list));
    case RowFormat::kCsv:
      return output.write(render_csv(table_of(list)));
    case RowFormat::kPlain:
      return output.write(render_plain(shown(list, SizeForm::kBytes)));
    case RowFormat::kTable:
      if (list.items.empty()) return output.note(none);
      return output.write(render_table(shown(list, SizeForm::kUnits), kWholeCells));
  }
}

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
  std::string_view table =
      invocation.arguments().empty() ? std::string_view() : invocation.arguments()[0];
  FRESHET_TRY(JsonValue job, ArchiveJob(output, client).run(work, table));
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
  bool is_of_table = !invocation.arguments().empty();
  FRESHET_TRY(ServerAnswer answer,
              client.get(is_of_table ? fmt::format("/v1/archive/tables/{}/files",
                                                   url_encode(invocation.arguments()[0]))
                                     : "/v1/archive"));
  FRESHET_TRY(JsonValue list, parse_json(answer.body));
  if (is_of_table) {
    print_list(invocation.output(), format, list, "files", archived_files,
               "the table has no file yet");
  } else {
    print_list(invocation.output(), format, list, "tables", archived_tables,
               "no table is archived yet");
  }
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

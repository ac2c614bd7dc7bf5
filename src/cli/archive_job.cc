#include "cli/archive_job.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/interrupt.h"
#include "cli/text_table.h"

namespace freshet::cli {
namespace {

constexpr std::int64_t kPollFirstUs = 50'000;
constexpr std::int64_t kPollMostUs = 1'000'000;

}  // namespace

Result<JsonValue> ArchiveJob::run(std::string_view work, std::string_view table) {
  std::string body = "{}";
  if (!table.empty()) body = fmt::format("{{\"table\":{}}}", json_string(table));
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

// Leaves `job` as it was where the server is too busy to say.
Status ArchiveJob::ask(const std::string& target, JsonValue& job) {
  auto answer = client_.get(target);
  if (!answer && answer.error().code() == Code::kThrottled) return ok();
  if (!answer) return std::move(answer).error();
  FRESHET_TRY(job, parse_json(answer->body));
  return ok();
}

Result<JsonValue> ArchiveJob::stop(const std::string& target) {
  output_.status_line("");
  FRESHET_TRY(ServerAnswer stopped, client_.send("DELETE", target, "", "application/json"));
  return parse_json(stopped.body);
}

void ArchiveJob::show_progress(const JsonValue& job) {
  std::string table = printable(job["table"].to_text());
  if (table.empty()) return;
  std::string line = fmt::format("{} {}", job["work"].text, table);
  if (!output_.stderr_is_terminal() && table != shown_table_) output_.note(line);
  shown_table_ = table;
  if (job["files"].to_count() > 0)
    line += fmt::format(": {} of {} files", job["files_done"].text, job["files"].text);
  if (!output_.quiet()) output_.status_line(line);
}

}  // namespace freshet::cli

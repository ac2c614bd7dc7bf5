#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/server_client.h"
#include "cli/text_table.h"

namespace freshet::cli {
namespace {

// The server itself waits a second for rows; this is for when too many wait there already.
constexpr std::int64_t kPollUs = 20'000;
constexpr std::uint64_t kPageRows = 1000;

class Tail {
 public:
  Tail(const Invocation& invocation, ServerClient client, std::uint64_t limit)
      : output_(invocation.output()),
        client_(std::move(client)),
        table_(invocation.value_or("table", "detections")),
        after_(invocation.value_or("from", "")),
        left_(limit) {
    if (!invocation.arguments().empty()) filter_ = invocation.arguments()[0];
  }

  Status run() {
    while (!interrupted() && left_ > 0) {
      FRESHET_TRY(std::size_t count, page());
      if (!output_.flush()) return ok();  // the reader has gone, as with `| head`
      if (count == 0) wait_for_interrupt_us(kPollUs);
    }
    return ok();
  }

 private:
  Result<std::size_t> page() {
    std::string target =
        fmt::format("/v1/tail?table={}&limit={}", url_encode(table_), std::min(left_, kPageRows));
    if (!after_.empty()) target += "&after=" + url_encode(after_);
    if (!filter_.empty()) target += "&filter=" + url_encode(filter_);
    FRESHET_TRY(ServerAnswer answer, client_.get(target));
    FRESHET_TRY(JsonValue parsed, parse_json(answer.body));
    const JsonValue& rows = parsed["rows"];
    after_ = parsed["next"].to_text();
    for (const JsonValue& row : rows.items) print(row);
    left_ -= std::min<std::uint64_t>(left_, rows.items.size());
    return rows.items.size();
  }

  void print(const JsonValue& row) {
    if (output_.json()) return output_.write_line(row.to_json());
    std::string line;
    for (const auto& [name, value] : row.members) {
      if (output_.plain()) {
        line += fmt::format("{}{}", line.empty() ? "" : "\t", printable(value.to_text()));
      } else if (value.kind != JsonValue::Kind::kNull) {
        line += fmt::format("{}{}={}", line.empty() ? "" : " ", name, printable(value.to_text()));
      }
    }
    output_.write_line(line);
  }

  Output& output_;
  ServerClient client_;
  std::string table_, after_, filter_;
  std::uint64_t left_;
};

}  // namespace

Result<ExitCode> run_tail(const Invocation& invocation) {
  FRESHET_TRY(std::uint64_t limit, count_of(invocation, "limit", UINT64_MAX));
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY_STATUS(Tail(invocation, std::move(client), limit).run());
  return interrupted() ? ExitCode::kInterrupted : ExitCode::kOk;
}

}  // namespace freshet::cli

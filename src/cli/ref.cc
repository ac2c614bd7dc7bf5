#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/result_format.h"
#include "cli/server_client.h"
#include "cli/text_table.h"

namespace freshet::cli {
namespace {

constexpr std::uintmax_t kFileBytesMax = 1ull << 30;
constexpr std::size_t kKeysShown = 20;

Result<std::string> read_file(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) {
    return Error(Code::kNotFound, fmt::format("{} is not a file", path));
  }
  if (std::filesystem::file_size(path, failed) > kFileBytesMax) {
    return Error(Code::kInvalid,
                 fmt::format("{} is larger than 1 GiB; place it at the server and name it in "
                             "[reference.NAME] from",
                             path));
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return Error(Code::kDenied, fmt::format("{} cannot be read", path));
  return bytes;
}

Result<std::string_view> content_type_of(const std::string& path) {
  auto ending = std::filesystem::path(path).extension();
  if (ending == ".csv") return std::string_view("text/csv");
  if (ending == ".json") return std::string_view("application/json");
  if (ending == ".ndjson" || ending == ".jsonl") return std::string_view("application/x-ndjson");
  if (ending == ".parquet") return std::string_view("application/vnd.apache.parquet");
  return Error(Code::kInvalid,
               fmt::format("{}: a reference file ends in .csv, .json, .ndjson or .parquet", path));
}

std::string target_of(const std::string& table) {
  return "/v1/reference/" + url_encode(table);
}

// A file on its way to the server.
struct Upload {
  std::string table, path, bytes;
  std::string_view content_type;

  static Result<Upload> read(const Invocation& invocation) {
    Upload upload;
    upload.table = invocation.arguments().at(0);
    upload.path = invocation.arguments().at(1);
    FRESHET_TRY(upload.content_type, content_type_of(upload.path));
    FRESHET_TRY(upload.bytes, read_file(upload.path));
    return upload;
  }

  // The server checks the file whole and tells the difference; it switches unless `only_compare`.
  Result<JsonValue> send(ServerClient& client, bool only_compare) const {
    std::string target = fmt::format("{}{}?file={}", target_of(table), only_compare ? "/diff" : "",
                                     url_encode(path));
    auto answer = client.send(only_compare ? "POST" : "PUT", target, bytes, content_type);
    if (!answer) return std::move(answer).error();
    return parse_json(answer->body);
  }
};

std::uint64_t count_changes(const JsonValue& diff) {
  return diff["added"].to_count() + diff["removed"].to_count() + diff["changed"].to_count();
}

void print_keys(Output& output, char mark, const JsonValue& keys, std::uint64_t count) {
  std::size_t shown = 0;
  for (const JsonValue& key : keys.items) {
    if (shown >= kKeysShown && !output.verbose() && !output.plain()) break;
    output.write_line(fmt::format("{} {}", mark, printable(key.to_text())));
    ++shown;
  }
  if (shown < count) output.write_line(fmt::format("{} … {} more", mark, count - shown));
}

void print_diff(Output& output, const Upload& upload, const JsonValue& diff) {
  if (output.json()) return output.write_line(diff.to_json());
  print_keys(output, '+', diff["added_keys"], diff["added"].to_count());
  print_keys(output, '-', diff["removed_keys"], diff["removed"].to_count());
  print_keys(output, '~', diff["changed_keys"], diff["changed"].to_count());
  output.note(fmt::format("{}: {} added, {} removed, {} changed by {}", upload.table,
                          diff["added"].text, diff["removed"].text, diff["changed"].text,
                          upload.path));
}

bool agrees(Output& output) {
  if (isatty(STDIN_FILENO) != 1) return false;
  output.flush();
  std::cerr << "switch to this version? [y/N] " << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

}  // namespace

Result<ExitCode> run_ref_put(const Invocation& invocation) {
  Output& output = invocation.output();
  FRESHET_TRY(Upload upload, Upload::read(invocation));
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(JsonValue diff, upload.send(client, true));
  if (!output.json()) print_diff(output, upload, diff);
  if (count_changes(diff) == 0) {
    if (output.json()) output.write_line(diff.to_json());
    output.note("nothing changes");
    return ExitCode::kOk;
  }
  if (!invocation.has("yes") && !agrees(output)) {
    return Error(Code::kInvalid, "not switched; say y, or give --yes");
  }
  FRESHET_TRY(JsonValue switched, upload.send(client, false));
  if (output.json()) output.write_line(switched.to_json());
  output.note(fmt::format("{} is at version {} now", upload.table, switched["version"].to_text()));
  return ExitCode::kOk;
}

Result<ExitCode> run_ref_diff(const Invocation& invocation) {
  FRESHET_TRY(Upload upload, Upload::read(invocation));
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(JsonValue diff, upload.send(client, true));
  print_diff(invocation.output(), upload, diff);
  return count_changes(diff) == 0 ? ExitCode::kOk : ExitCode::kUsage;
}

Result<ExitCode> run_ref_get(const Invocation& invocation) {
  FRESHET_TRY(RowFormat format, row_format_of(invocation));
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  FRESHET_TRY(ServerAnswer answer,
              client.get(target_of(invocation.arguments().at(0)), accept_of(format)));
  FRESHET_TRY_STATUS(print_rows(invocation.output(), format, answer));
  return ExitCode::kOk;
}

Result<ExitCode> run_ref_history(const Invocation& invocation) {
  Output& output = invocation.output();
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  std::vector<std::string> tables = invocation.arguments();
  if (tables.empty()) {
    FRESHET_TRY(ServerAnswer answer, client.get("/v1/reference"));
    FRESHET_TRY(JsonValue names, parse_json(answer.body));
    for (const JsonValue& one : names["references"].items) tables.push_back(one["name"].to_text());
  }
  JsonValue all;
  all.kind = JsonValue::Kind::kArray;
  for (const std::string& table : tables) {
    FRESHET_TRY(ServerAnswer answer, client.get(target_of(table) + "/versions"));
    FRESHET_TRY(JsonValue versions, parse_json(answer.body));
    for (JsonValue version : versions["versions"].items) {
      JsonValue name;
      name.kind = JsonValue::Kind::kText;
      name.text = table;
      version.members.insert(version.members.begin(), {"table", std::move(name)});
      all.items.push_back(std::move(version));
    }
  }
  ServerAnswer rows;
  rows.body = all.to_json();
  RowFormat format = output.json() ? RowFormat::kVersionedJson
                                   : (output.plain() ? RowFormat::kPlain : RowFormat::kTable);
  FRESHET_TRY_STATUS(print_rows(output, format, rows));
  return ExitCode::kOk;
}

}  // namespace freshet::cli

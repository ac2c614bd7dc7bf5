#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iostream>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/result_format.h"
#include "cli/server_client.h"
#include "cli/statement_splitter.h"

namespace freshet::cli {
namespace {

class SqlSession {
 public:
  SqlSession(Output& output, ServerClient client, RowFormat format,
             std::vector<std::pair<const char*, std::string>> moment, bool partial)
      : output_(output),
        client_(std::move(client)),
        format_(format),
        moment_(std::move(moment)),
        partial_(partial) {}

  Status run(const std::string& statement) {
    std::string body = fmt::format("{{\"sql\":{}", json_string(statement));
    for (const auto& [name, text] : moment_)
      body += fmt::format(",\"{}\":{}", name, json_string(text));
    if (partial_) body += ",\"partial\":true";
    body += "}";
    FRESHET_TRY(ServerAnswer answer, client_.send("POST", "/v1/sql", std::move(body),
                                                  "application/json", accept_of(format_)));
    output_.detail(fmt::format("cut {}", answer.cut));
    if (!partial_) return print_rows(output_, format_, answer);
    if (!answer.partial.empty()) FRESHET_TRY_STATUS(warn_of(answer.partial));
    return print_partial_rows(output_, format_, std::move(answer));
  }

  // Did an answer lack rows?
  bool was_partial() const { return was_partial_; }

  // One statement after another; the first error ends it.
  Status run_all(const std::string& text) {
    StatementSplitter splitter;
    splitter.add(text);
    while (auto statement = splitter.next()) FRESHET_TRY_STATUS(run(*statement));
    if (std::string last = splitter.rest(); !last.empty()) return run(last);
    return ok();
  }

  // From the terminal, which edits the line itself; an error does not end it.
  void prompt() {
    output_.note("One statement, ended by a semicolon. Ctrl-D ends.");
    StatementSplitter splitter;
    std::string line;
    bool is_begun = false;
    while (!interrupted()) {
      output_.write(is_begun ? "      -> " : "freshet> ");
      output_.flush();
      if (!std::getline(std::cin, line)) break;
      if (!is_begun && (line == "exit" || line == "quit" || line == "\\q")) return;
      splitter.add(line + "\n");
      while (auto statement = splitter.next()) {
        if (auto done = run(*statement); !done) output_.report(done.error());
      }
      is_begun = !splitter.rest().empty();
    }
    output_.write("\n");
  }

 private:
  Status warn_of(const std::string& partial) {
    was_partial_ = true;
    FRESHET_TRY(JsonValue missing, parse_json(partial));
    for (const JsonValue& part : missing.items) {
      if (std::uint64_t more = part["more"].to_count(); more > 0) {
        output_.warn(fmt::format("and {} more files are missing", more));
        continue;
      }
      std::string rows = part["rows"].to_text();
      output_.warn(fmt::format("the answer lacks rows of {} ({}): {}", part["table"].to_text(),
                               rows.empty() ? "nobody knows how many" : "at most " + rows,
                               part["reason"].to_text()));
    }
    return ok();
  }

  Output& output_;
  ServerClient client_;
  RowFormat format_;
  std::vector<std::pair<const char*, std::string>> moment_;  // members of the request
  bool partial_ = false;
  bool was_partial_ = false;
};

Result<std::string> read_all(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path);
  std::istream& from = path == "-" ? std::cin : file;
  if (path != "-" && !file) {
    return Error(Code::kNotFound, fmt::format("{} cannot be read", path));
  }
  return std::string((std::istreambuf_iterator<char>(from)), std::istreambuf_iterator<char>());
}

}  // namespace

Result<ExitCode> run_sql(const Invocation& invocation) {
  const auto& words = invocation.arguments();
  auto file = invocation.value("file");
  if (file && !words.empty()) return usage_error("give a statement or --file, not both");
  FRESHET_TRY(RowFormat format, row_format_of(invocation));
  FRESHET_TRY(ServerClient client, ServerClient::open(invocation));
  std::vector<std::pair<const char*, std::string>> moment;
  for (auto [flag, member] : {std::pair{"after", "after"}, {"cut", "cut"}, {"as-of", "as_of"}}) {
    if (auto text = invocation.value(flag)) moment.emplace_back(member, *text);
  }
  SqlSession session(invocation.output(), std::move(client), format, std::move(moment),
                     invocation.has("partial"));
  if (!words.empty()) {
    FRESHET_TRY_STATUS(session.run_all(words[0]));
  } else if (!file && isatty(STDIN_FILENO) == 1) {
    session.prompt();
  } else {
    FRESHET_TRY(std::string text, read_all(file.value_or("-")));
    FRESHET_TRY_STATUS(session.run_all(text));
  }
  return session.was_partial() ? ExitCode::kPartly : ExitCode::kOk;
}

}  // namespace freshet::cli

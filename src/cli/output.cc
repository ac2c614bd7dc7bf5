#include "cli/output.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "cli/json.h"

namespace freshet::cli {
namespace {

bool shows_color(OutputOptions::Color color, bool is_terminal) {
  if (color == OutputOptions::Color::kAlways) return true;
  if (color == OutputOptions::Color::kNever || !is_terminal) return false;
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* terminal = std::getenv("TERM");
  return terminal != nullptr && std::string_view(terminal) != "dumb";
}

void put(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
}

}  // namespace

std::string error_json(const Error& error) {
  std::string code = error.number() == 0 ? "" : fmt::format("FRS-{:04d}", error.number());
  return fmt::format("{{\"code\":{},\"kind\":{},\"message\":{}}}", json_string(code),
                     json_string(code_name(error.code())), json_string(error.message()));
}

Output::Output(OutputOptions options)
    : options_(options),
      stdout_is_terminal_(isatty(STDOUT_FILENO) == 1),
      stderr_is_terminal_(isatty(STDERR_FILENO) == 1),
      color_stdout_(shows_color(options.color, stdout_is_terminal_)),
      color_stderr_(shows_color(options.color, stderr_is_terminal_)) {}

int Output::columns() const {
  winsize size{};
  for (int file : {STDOUT_FILENO, STDERR_FILENO}) {
    if (ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return 80;
}

void Output::write(std::string_view text) {
  put(stdout, text);
}

void Output::write_line(std::string_view text) {
  put(stdout, text);
  put(stdout, "\n");
}

bool Output::flush() {
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

void Output::message(std::string_view mark, const char* style, std::string_view line) {
  status_line("");
  std::string text;
  if (!mark.empty()) {
    text =
        color_stderr_ ? fmt::format("\x1b[{}m{}\x1b[0m ", style, mark) : fmt::format("{} ", mark);
  }
  put(stderr, text.append(line).append("\n"));
}

void Output::note(std::string_view line) {
  if (!options_.quiet) message("", "", line);
}

void Output::detail(std::string_view line) {
  if (options_.verbose) message("", "", line);
}

void Output::warn(std::string_view line) {
  message("warning:", "33", line);
}

void Output::report(const Error& error) {
  if (options_.json) {
    status_line("");
    put(stderr, fmt::format("{{\"api\":\"v1\",\"error\":{}}}\n", error_json(error)));
    return;
  }
  message("freshet:", "31", error.to_string());
}

void Output::status_line(std::string_view line) {
  if (!stderr_is_terminal_ || (line.empty() && !has_status_line_)) return;
  put(stderr, fmt::format("\r\x1b[K{}", line.substr(0, static_cast<std::size_t>(columns()) - 1)));
  std::fflush(stderr);
  has_status_line_ = !line.empty();
}

std::string Output::bold(std::string_view text, bool for_stdout) const {
  bool shows = for_stdout ? color_stdout_ : color_stderr_;
  return shows ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text);
}

}  // namespace freshet::cli

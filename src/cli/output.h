// Where results and messages go: results to stdout, all else to stderr.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace freshet::cli {

struct OutputOptions {
  bool json = false;
  bool plain = false;
  bool quiet = false;
  bool verbose = false;
  enum class Color { kAuto, kAlways, kNever } color = Color::kAuto;
};

// One per process; one thread.
class Output {
 public:
  explicit Output(OutputOptions options);

  bool json() const { return options_.json; }
  bool plain() const { return options_.plain; }
  bool quiet() const { return options_.quiet; }
  bool verbose() const { return options_.verbose; }
  bool stdout_is_terminal() const { return stdout_is_terminal_; }
  bool stderr_is_terminal() const { return stderr_is_terminal_; }
  int columns() const;  // width of the terminal; 80 where nobody knows

  // The result.
  void write(std::string_view text);
  void write_line(std::string_view text);
  // False once stdout took no more (a closed pipe, a full disk).
  bool flush();
  // For people, while it runs; not with --quiet.
  void note(std::string_view line);
  // Only with --verbose.
  void detail(std::string_view line);
  void warn(std::string_view line);
  // "freshet: FRS-1104 …", or {"api":"v1","error":{…}} on stderr with --json.
  void report(const Error& error);
  // Replaces the line shown last, on a terminal; "" removes it.
  void status_line(std::string_view line);

  // The text in that style where stderr (or stdout) shows colours.
  std::string bold(std::string_view text, bool for_stdout = true) const;

 private:
  void message(std::string_view mark, const char* style, std::string_view line);
  OutputOptions options_;
  bool stdout_is_terminal_;
  bool stderr_is_terminal_;
  bool color_stdout_;
  bool color_stderr_;
  bool has_status_line_ = false;
};

// {"error":{"code","message"}}'s text of an error of ours.
std::string error_json(const Error& error);

}  // namespace freshet::cli

// The one table of commands. Parsing, help, completions and man pages all read it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_code.h"
#include "cli/output.h"

namespace freshet::cli {

struct Flag {
  std::string_view name;   // without dashes
  char letter = 0;         // 0: no short form
  std::string_view value;  // what it takes, for help: "FILE"; "" for a switch
  std::string_view doc;
  bool repeats = false;
};

struct Argument {
  std::string_view name;  // "FILE"
  bool required = true;
  bool repeats = false;
};

// The words of one call, checked against its command.
class Invocation {
 public:
  Invocation(Output& output, std::vector<std::string> arguments,
             std::map<std::string, std::vector<std::string>, std::less<>> flags)
      : output_(output), arguments_(std::move(arguments)), flags_(std::move(flags)) {}

  Output& output() const { return output_; }
  const std::vector<std::string>& arguments() const { return arguments_; }
  bool has(std::string_view flag) const { return flags_.find(flag) != flags_.end(); }
  // The last one given.
  std::optional<std::string> value(std::string_view flag) const;
  std::string value_or(std::string_view flag, std::string_view otherwise) const;
  std::vector<std::string> values(std::string_view flag) const;

 private:
  Output& output_;
  std::vector<std::string> arguments_;
  std::map<std::string, std::vector<std::string>, std::less<>> flags_;
};

// An error of the caller's words, told with the way to the help: exit code 2.
inline constexpr int kErrorUsage = 1001;
Error usage_error(std::string message);

struct Command {
  std::string_view name;   // "config show"
  std::string_view group;  // "run", "data", "operate", "files"
  std::string_view summary;
  std::string_view description;
  std::vector<Argument> arguments;
  std::vector<Flag> flags;
  std::vector<std::string_view> examples;
  // An error is printed and becomes an exit code.
  Result<ExitCode> (*run)(const Invocation& invocation);
};

std::span<const Command> commands();
// Every command takes these, before or behind its name.
std::span<const Flag> common_flags();

// The command whose name begins `words`, the longest; null where there is none.
const Command* find_command(std::span<const std::string> words);
// "freshet config show [--origin]"
std::string usage_line(const Command& command);

// main(): parses, runs, reports.
int run(int argc, const char* const* argv);

}  // namespace freshet::cli

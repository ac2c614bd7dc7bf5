// Words to a command and its Invocation. CLI11 is known here alone.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/command.h"

namespace freshet::cli {

struct ParsedCommand {
  const Command* command = nullptr;  // null: only common flags were given
  OutputOptions output;
  bool help = false;
  bool version = false;
  std::vector<std::string> arguments;
  std::map<std::string, std::vector<std::string>, std::less<>> flags;
};

// FRS-1001 for what is not in the table; names the nearest command or flag.
Result<ParsedCommand> parse_command(std::span<const std::string> words);

}  // namespace freshet::cli

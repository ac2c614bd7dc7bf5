// Text for people, made from the table of commands.
#pragma once

#include <string>
#include <string_view>

#include "cli/command.h"

namespace freshet::cli {

std::string overview_text(const Output& output);
std::string help_text(const Command& command, const Output& output);
// man(7) source of one command, or of the program.
std::string man_page(const Command* command);
// For bash, zsh or fish; kNotFound for another shell.
Result<std::string> completion_script(std::string_view shell);

// A page that is not about a command: "exit-codes", "environment", …
struct Topic {
  std::string_view name;
  std::string_view summary;
  std::string_view text;
};
std::span<const Topic> topics();
// What FRS-1104 means and what to do. kNotFound where no such number is given out.
Result<std::string> error_code_text(std::string_view code);

}  // namespace freshet::cli

#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/parse_command.h"

namespace freshet::cli {
namespace {

ExitCode exit_code_of(const Error& error) {
  return error.number() == kErrorUsage ? ExitCode::kUsage : cli::exit_code_of(error.code());
}

Result<ExitCode> run_parsed(const ParsedCommand& parsed, Output& output) {
  Invocation invocation(output, parsed.arguments, parsed.flags);
  if (parsed.version) return run_version(invocation);
  if (parsed.command == nullptr) {
    output.write(overview_text(output));
    return parsed.help ? ExitCode::kOk : ExitCode::kUsage;
  }
  if (parsed.help) {
    output.write(help_text(*parsed.command, output));
    return ExitCode::kOk;
  }
  return parsed.command->run(invocation);
}

}  // namespace

std::optional<std::string> Invocation::value(std::string_view flag) const {
  auto found = flags_.find(flag);
  if (found == flags_.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::string Invocation::value_or(std::string_view flag, std::string_view otherwise) const {
  return value(flag).value_or(std::string(otherwise));
}

std::vector<std::string> Invocation::values(std::string_view flag) const {
  auto found = flags_.find(flag);
  return found == flags_.end() ? std::vector<std::string>() : found->second;
}

Error usage_error(std::string message) {
  return {Code::kInvalid, kErrorUsage, std::move(message)};
}

const Command* find_command(std::span<const std::string> words) {
  const Command* best = nullptr;
  for (const Command& command : commands()) {
    std::string name;
    auto parts =
        static_cast<std::size_t>(std::count(command.name.begin(), command.name.end(), ' ') + 1);
    if (parts > words.size()) continue;
    for (std::size_t i = 0; i < parts; ++i) name += (i > 0 ? " " : "") + words[i];
    bool is_longer = best == nullptr || best->name.size() < command.name.size();
    if (name == command.name && is_longer) best = &command;
  }
  return best;
}

std::string usage_line(const Command& command) {
  std::string line = fmt::format("freshet {}", command.name);
  if (!command.flags.empty()) line += " [flags]";
  for (const Argument& argument : command.arguments) {
    std::string name = fmt::format("{}{}", argument.name, argument.repeats ? "…" : "");
    line += argument.required ? fmt::format(" {}", name) : fmt::format(" [{}]", name);
  }
  return line;
}

int run(int argc, const char* const* argv) {
  handle_interrupts();
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  auto parsed = parse_command(words);
  if (!parsed) {
    OutputOptions options;
    options.json = std::find(words.begin(), words.end(), "--json") != words.end();
    Output(options).report(parsed.error());
    return static_cast<int>(exit_code_of(parsed.error()));
  }
  Output output(parsed->output);
  auto result = run_parsed(*parsed, output);
  bool is_written = output.flush();
  if (!result) {
    output.report(result.error());
    return static_cast<int>(interrupted() ? ExitCode::kInterrupted : exit_code_of(result.error()));
  }
  // A full disk behind `freshet … > FILE` must not look like success.
  return static_cast<int>(*result == ExitCode::kOk && !is_written ? ExitCode::kFailed : *result);
}

}  // namespace freshet::cli

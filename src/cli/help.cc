#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "common/units.h"

namespace freshet::cli {
namespace {

constexpr std::pair<std::string_view, std::string_view> kGroups[] = {
    {"run", "Run"}, {"data", "Data"}, {"operate", "Operate"}, {"files", "Help and files"}};

std::string wrap(std::string_view text, std::size_t width, std::string_view indent) {
  std::string out(indent);
  std::size_t column = indent.size();
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find(' ', at), text.size());
    std::string_view word = text.substr(at, end - at);
    if (column + word.size() > width && column > indent.size()) {
      out.back() = '\n';
      out += indent;
      column = indent.size();
    }
    out += word;
    out += ' ';
    column += word.size() + 1;
    at = end + 1;
  }
  out.back() = '\n';
  return out;
}

std::string flag_left(const Flag& flag) {
  std::string left = flag.letter != 0 ? fmt::format("-{}, ", flag.letter) : "    ";
  left += fmt::format("--{}", flag.name);
  if (!flag.value.empty()) left += fmt::format(" {}", flag.value);
  return left;
}

std::string flags_text(std::span<const Flag> flags) {
  std::size_t width = 0;
  for (const Flag& flag : flags) width = std::max(width, flag_left(flag).size());
  std::string out;
  for (const Flag& flag : flags) {
    out += fmt::format("  {:<{}}  {}{}\n", flag_left(flag), width, flag.doc,
                       flag.repeats ? " (repeats)" : "");
  }
  return out;
}

}  // namespace

std::string overview_text(const Output& output) {
  std::string out =
      "Freshet takes the events of a fleet, counts each once, joins it with what is known about\n"
      "its camera and its place, and lets it be read by key and by SQL before the put is "
      "answered.\n"
      "\nusage: freshet COMMAND [flags] [arguments]\n";
  for (auto [group, title] : kGroups) {
    out += fmt::format("\n{}\n", output.bold(title));
    for (const Command& command : commands()) {
      if (command.group == group)
        out += fmt::format("  {:<15} {}\n", command.name, command.summary);
    }
  }
  out += fmt::format("\n{}\n{}", output.bold("Every command takes"), flags_text(common_flags()));
  out += "\nfreshet COMMAND --help tells more; freshet help lists further topics.\n";
  return out;
}

std::string help_text(const Command& command, const Output& output) {
  std::string out = fmt::format("freshet {}: {}\n\nusage: {}\n", command.name, command.summary,
                                usage_line(command));
  if (!command.description.empty()) out += "\n" + wrap(command.description, 90, "");
  if (!command.flags.empty()) {
    out += fmt::format("\n{}\n{}", output.bold("Flags"), flags_text(command.flags));
  }
  out += fmt::format("\n{}\n{}", output.bold("Common flags"), flags_text(common_flags()));
  if (!command.examples.empty()) {
    out += fmt::format("\n{}\n", output.bold("Examples"));
    for (std::string_view example : command.examples) out += fmt::format("  {}\n", example);
  }
  return out;
}

namespace {

std::string topics_text(const Output& output) {
  std::string out = overview_text(output);
  out += fmt::format("\n{}\n", output.bold("Topics (freshet help TOPIC)"));
  for (const Topic& topic : topics()) {
    out += fmt::format("  {:<15} {}\n", topic.name, topic.summary);
  }
  out += "  FRS-nnnn        what an error code means\n";
  return out;
}

bool is_error_code(std::string_view word) {
  if (word.starts_with("FRS-") || word.starts_with("frs-")) word.remove_prefix(4);
  return word.size() == 4 &&
         std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Error no_such_topic(const std::string& word) {
  std::vector<std::string_view> names;
  for (const Topic& topic : topics()) names.push_back(topic.name);
  for (const Command& command : commands()) names.push_back(command.name);
  auto nearest = nearest_word(word, names.data(), names.size());
  std::string hint = nearest.empty() ? "; freshet help lists them"
                                     : fmt::format(", did you mean \"{}\"?", nearest);
  return {Code::kNotFound, fmt::format("there is no help on \"{}\"{}", word, hint)};
}

}  // namespace

Result<ExitCode> run_help(const Invocation& invocation) {
  Output& output = invocation.output();
  const auto& words = invocation.arguments();
  const Command* command = words.empty() ? nullptr : find_command(words);
  if (invocation.has("man")) {
    if (!words.empty() && command == nullptr) return no_such_topic(words[0]);
    output.write(man_page(command));
    return ExitCode::kOk;
  }
  if (words.empty()) {
    output.write(topics_text(output));
    return ExitCode::kOk;
  }
  if (command != nullptr) {
    output.write(help_text(*command, output));
    return ExitCode::kOk;
  }
  if (is_error_code(words[0])) {
    FRESHET_TRY(std::string text, error_code_text(words[0]));
    output.write(text);
    return ExitCode::kOk;
  }
  for (const Topic& topic : topics()) {
    if (topic.name != words[0]) continue;
    output.write(topic.text);
    return ExitCode::kOk;
  }
  bool is_noun = false;  // "ref": all that begins with it
  for (const Command& each : commands()) {
    if (!each.name.starts_with(words[0] + " ")) continue;
    if (is_noun) output.write("\n");
    output.write(help_text(each, output));
    is_noun = true;
  }
  if (is_noun) return ExitCode::kOk;
  return no_such_topic(words[0]);
}

}  // namespace freshet::cli

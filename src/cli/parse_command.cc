#include "cli/parse_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "common/units.h"

namespace freshet::cli {
namespace {

// "-2h" is a value: so long ago.
bool is_flag_word(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9');
}

std::string flag_names(const Flag& flag) {
  std::string names = fmt::format("--{}", flag.name);
  if (flag.letter != 0) names = fmt::format("-{},", flag.letter) + names;
  return names;
}

template <typename Names>
std::string hint(std::string_view word, const Names& names, std::string_view lead) {
  std::vector<std::string_view> candidates(names.begin(), names.end());
  auto nearest = nearest_word(word, candidates.data(), candidates.size());
  return nearest.empty() ? "" : fmt::format(", did you mean \"{}{}\"?", lead, nearest);
}

// "archive", of "archive ls".
bool is_noun(std::string_view word) {
  return std::any_of(commands().begin(), commands().end(), [&](const Command& command) {
    return command.name.size() > word.size() && command.name.starts_with(word) &&
           command.name[word.size()] == ' ';
  });
}

Error unknown_command(std::span<const std::string> words) {
  std::vector<std::string_view> names;
  if (!is_noun(words[0])) {
    for (const Command& command : commands())
      names.push_back(command.name.substr(0, command.name.find(' ')));
    std::string help = hint(words[0], names, "");
    if (help.empty()) help = "; see freshet --help";
    return usage_error(fmt::format("there is no command \"{}\"{}", words[0], help));
  }
  std::string all;
  for (const Command& command : commands()) {
    if (!command.name.starts_with(words[0] + " ")) continue;
    names.push_back(command.name.substr(words[0].size() + 1));
    all += fmt::format("{}{}", all.empty() ? "" : ", ", names.back());
  }
  if (words.size() < 2) return usage_error(fmt::format("freshet {} what? {}", words[0], all));
  std::string help = hint(words[1], names, words[0] + " ");
  if (help.empty()) help = fmt::format("; there is {}", all);
  return usage_error(fmt::format("there is no command \"{} {}\"{}", words[0], words[1], help));
}

// How many of the first words are common flags (and their values).
std::size_t count_leading_flags(std::span<const std::string> words) {
  std::size_t count = 0;
  while (count < words.size() && is_flag_word(words[count])) {
    for (const Flag& flag : common_flags()) {
      if (!flag.value.empty() && words[count] == fmt::format("--{}", flag.name)) ++count;
    }
    ++count;
  }
  return std::min(count, words.size());
}

// One call of CLI11, with the flags and arguments of one command.
class Parser {
 public:
  explicit Parser(const Command* command) : command_(command), app_("", "freshet") {
    app_.set_help_flag();  // ours
    for (const Flag& flag : common_flags()) add(flag);
    if (command == nullptr) return;
    for (const Flag& flag : command->flags) add(flag);
    app_.add_option("arguments", arguments_)->expected(-1);
  }

  Result<ParsedCommand> parse(std::vector<std::string> words) {
    for (const std::string& word : words) {
      if (word == "--") break;
      // CLI11 would take what follows an unknown flag for an argument, and complain of that.
      if (is_flag_word(word) && !is_known(word)) return unknown_flag(word);
    }
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
      app_.parse(std::move(words));
    } catch (const CLI::ParseError& error) {
      return wrong(error.what());
    }
    return take();
  }

 private:
  void add(const Flag& flag) {
    std::string name(flag.name);
    CLI::Option* option = nullptr;
    if (flag.value.empty()) {
      option = app_.add_flag(flag_names(flag));
    } else {
      option = app_.add_option(flag_names(flag), values_[name])->expected(1);
      option->allow_extra_args(false);  // what follows the value is an argument
      option->multi_option_policy(flag.repeats ? CLI::MultiOptionPolicy::TakeAll
                                               : CLI::MultiOptionPolicy::TakeLast);
    }
    options_.emplace_back(name, option);
  }

  Result<ParsedCommand> take() {
    ParsedCommand parsed;
    parsed.command = command_;
    for (auto& [name, option] : options_) {
      if (option->count() > 0) parsed.flags[name] = values_[name];
    }
    parsed.arguments = arguments_;
    FRESHET_TRY_STATUS(take_common(parsed));
    if (!parsed.help && !parsed.version) FRESHET_TRY_STATUS(check_arguments());
    return parsed;
  }

  Status check_arguments() const {
    std::size_t given = arguments_.size(), most = 0;
    if (command_ != nullptr) {
      for (const Argument& argument : command_->arguments) {
        if (argument.required && given <= most) {
          return wrong(fmt::format("{} lacks {}", command_->name, argument.name));
        }
        most = argument.repeats ? given : most + 1;
      }
    }
    if (given <= most) return ok();
    return wrong(
        fmt::format("\"{}\" is one word too many; quote what has blanks", arguments_.at(most)));
  }

  static Status take_common(ParsedCommand& parsed) {
    auto has = [&](const char* name) { return parsed.flags.contains(name); };
    parsed.help = has("help");
    parsed.version = has("version");
    parsed.output.json = has("json");
    parsed.output.plain = has("plain");
    parsed.output.quiet = has("quiet");
    parsed.output.verbose = has("verbose");
    if (!has("color")) return ok();
    const std::string& color = parsed.flags["color"].back();
    if (color == "always") {
      parsed.output.color = OutputOptions::Color::kAlways;
    } else if (color == "never") {
      parsed.output.color = OutputOptions::Color::kNever;
    } else if (color != "auto") {
      return usage_error(fmt::format("--color takes auto, always or never, not \"{}\"", color));
    }
    return ok();
  }

  Error wrong(std::string_view what) const {
    std::string message(what);
    if (command_ != nullptr) message += fmt::format("\nusage: {}", usage_line(*command_));
    return usage_error(std::move(message));
  }

  static std::string flag_name(const std::string& word) {
    std::string name = word.substr(std::min(word.find_first_not_of('-'), word.size()));
    return name.substr(0, name.find('='));
  }

  bool is_known(const std::string& word) const {
    std::string name = flag_name(word);
    bool is_long = word.starts_with("--");
    return std::any_of(options_.begin(), options_.end(), [&](const auto& item) {
      return is_long ? item.first == name : item.second->check_sname(name.substr(0, 1));
    });
  }

  Error unknown_flag(const std::string& word) const {
    std::vector<std::string_view> names;
    for (const auto& [name, option] : options_) names.push_back(name);
    return wrong(
        fmt::format("there is no flag \"{}\"{}", word, hint(flag_name(word), names, "--")));
  }

  const Command* command_;
  CLI::App app_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> arguments_;
  std::vector<std::pair<std::string, CLI::Option*>> options_;
};

}  // namespace

Result<ParsedCommand> parse_command(std::span<const std::string> words) {
  std::size_t leading = count_leading_flags(words);
  auto rest = words.subspan(leading);
  const Command* command = rest.empty() ? nullptr : find_command(rest);
  std::vector<std::string> given(words.begin(),
                                 words.begin() + static_cast<std::ptrdiff_t>(leading));
  if (command != nullptr) {
    auto blanks = std::count(command->name.begin(), command->name.end(), ' ');
    given.insert(given.end(), rest.begin() + blanks + 1, rest.end());
  } else if (rest.size() == 2 && is_noun(rest[0]) && (rest[1] == "--help" || rest[1] == "-h")) {
    return parse_command(std::vector<std::string>{"help", rest[0]});
  } else if (!rest.empty()) {
    return unknown_command(rest);
  }
  try {
    return Parser(command).parse(std::move(given));
  } catch (const CLI::Error& error) {  // of building the parser: the table is wrong
    return Error(Code::kInternal, 9101, fmt::format("the table of commands: {}", error.what()));
  }
}

}  // namespace freshet::cli

#include <fmt/format.h>

#include <map>

#include "cli/commands.h"
#include "cli/help.h"

namespace freshet::cli {
namespace {

// "ref" to "put diff get history"; "sql" to "".
std::map<std::string, std::string> first_words() {
  std::map<std::string, std::string> words;
  for (const Command& command : commands()) {
    std::string name(command.name);
    std::size_t blank = name.find(' ');
    std::string& seconds = words[name.substr(0, blank)];
    if (blank != std::string::npos)
      seconds += (seconds.empty() ? "" : " ") + name.substr(blank + 1);
  }
  return words;
}

std::string flag_words(const Command& command) {
  std::string words;
  for (const Flag& flag : command.flags) words += fmt::format("--{} ", flag.name);
  for (const Flag& flag : common_flags()) words += fmt::format("--{} ", flag.name);
  words.pop_back();
  return words;
}

std::string bash_script() {
  std::string first, cases;
  for (const auto& [word, seconds] : first_words()) {
    first += (first.empty() ? "" : " ") + word;
    if (!seconds.empty()) cases += fmt::format("    {}) words=\"{}\" ;;\n", word, seconds);
  }
  std::string flags;
  for (const Command& command : commands()) {
    flags += fmt::format("    \"{}\") words=\"{}\" ;;\n", command.name, flag_words(command));
  }
  return fmt::format(R"(# bash completion of freshet
_freshet() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" words=""
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "{}" -- "$current"))
    return
  fi
  local noun="${{COMP_WORDS[1]}}" command
  if [[ $COMP_CWORD -eq 2 ]]; then
    case "$noun" in
{}    esac
    if [[ -n $words ]]; then
      COMPREPLY=($(compgen -W "$words" -- "$current"))
      return
    fi
  fi
  for command in "$noun ${{COMP_WORDS[2]}}" "$noun"; do
    case "$command" in
{}    esac
    [[ -n $words ]] && break
  done
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -F _freshet freshet
)",
                     first, cases, flags);
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string zsh_script() {
  std::string list, cases;
  for (const auto& [word, seconds] : first_words()) {
    std::string summary;
    for (const Command& command : commands()) {
      if (command.name == word) summary = command.summary;
    }
    if (summary.empty()) summary = seconds;
    list += fmt::format("    {}\n", quoted(fmt::format("{}:{}", word, summary)));
    if (!seconds.empty()) cases += fmt::format("      {}) compadd {}; return ;;\n", word, seconds);
  }
  std::string flags;
  for (const Command& command : commands()) {
    flags += fmt::format("    {}) flags=({}) ;;\n", quoted(command.name), flag_words(command));
  }
  return fmt::format(R"(#compdef freshet
# zsh completion of freshet
_freshet() {{
  local -a list flags
  list=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command list
    return
  fi
  if (( CURRENT == 3 )); then
    case "$words[2]" in
{}    esac
  fi
  case "$words[2]" in
{}  esac
  case "$words[2] $words[3]" in
{}  esac
  if [[ "$PREFIX" == -* ]]; then
    compadd -- $flags
  else
    _files
  fi
}}
compdef _freshet freshet
)",
                     list, cases, flags, flags);
}

std::string fish_script() {
  std::string out = "# fish completion of freshet\n";
  for (const Command& command : commands()) {
    std::string name(command.name);
    std::size_t blank = name.find(' ');
    std::string noun = name.substr(0, blank);
    if (blank == std::string::npos) {
      out += fmt::format("complete -c freshet -n __fish_use_subcommand -a {} -d {}\n", noun,
                         quoted(command.summary));
    } else {
      out += fmt::format("complete -c freshet -n __fish_use_subcommand -a {}\n", noun);
      out += fmt::format("complete -c freshet -n '__fish_seen_subcommand_from {}' -a {} -d {}\n",
                         noun, name.substr(blank + 1), quoted(command.summary));
    }
    for (const Flag& flag : command.flags) {
      out +=
          fmt::format("complete -c freshet -n '__fish_seen_subcommand_from {}' -l {}{}{} -d {}\n",
                      noun, flag.name, flag.letter != 0 ? fmt::format(" -s {}", flag.letter) : "",
                      flag.value.empty() ? "" : " -r", quoted(flag.doc));
    }
  }
  for (const Flag& flag : common_flags()) {
    out += fmt::format("complete -c freshet -l {}{}{} -d {}\n", flag.name,
                       flag.letter != 0 ? fmt::format(" -s {}", flag.letter) : "",
                       flag.value.empty() ? "" : " -r", quoted(flag.doc));
  }
  return out;
}

}  // namespace

Result<std::string> completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script();
  if (shell == "zsh") return zsh_script();
  if (shell == "fish") return fish_script();
  return usage_error(fmt::format("no completion for \"{}\"; there is bash, zsh and fish", shell));
}

Result<ExitCode> run_completion(const Invocation& invocation) {
  FRESHET_TRY(std::string script, completion_script(invocation.arguments().at(0)));
  invocation.output().write(script);
  return ExitCode::kOk;
}

}  // namespace freshet::cli

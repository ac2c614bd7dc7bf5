#include <fmt/format.h>

#include <algorithm>

#include "cli/help.h"
#include "cli/version.h"

namespace freshet::cli {
namespace {

// A dash is a hyphen in roff, and a leading dot or quote is a request.
std::string roff(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool is_line_start = out.empty() || out.back() == '\n';
    if (is_line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '-') {
      out += "\\-";
    } else if (c == '\\') {
      out += "\\e";
    } else {
      out += c;
    }
  }
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

std::string roff_flags(std::span<const Flag> flags) {
  std::string out;
  for (const Flag& flag : flags) {
    std::string names = flag.letter != 0 ? fmt::format("-{}, ", flag.letter) : "";
    names += fmt::format("--{}", flag.name);
    out += fmt::format(".TP\n\\fB{}\\fR", roff(names));
    if (!flag.value.empty()) out += fmt::format(" \\fI{}\\fR", roff(flag.value));
    out += fmt::format("\n{}\n", roff(flag.doc));
  }
  return out;
}

std::string roff_examples(const Command& command) {
  std::string out;
  for (std::string_view example : command.examples) {
    out += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(example));
  }
  return out;
}

std::string header(std::string_view title) {
  return fmt::format(".TH {} 1 \"\" \"Freshet {}\" \"Freshet\"\n", roff(upper(title)),
                     roff(version_number()));
}

std::string man_page_of_command(const Command& command) {
  std::string name = fmt::format("freshet-{}", command.name);
  std::replace(name.begin(), name.end(), ' ', '-');
  std::string out = header(name);
  out += fmt::format(".SH NAME\n{} \\- {}\n", roff(name), roff(command.summary));
  out += fmt::format(".SH SYNOPSIS\n.B {}\n", roff(usage_line(command)));
  if (!command.description.empty()) {
    out += fmt::format(".SH DESCRIPTION\n{}\n", roff(command.description));
  }
  out += fmt::format(".SH OPTIONS\n{}{}", roff_flags(command.flags), roff_flags(common_flags()));
  if (!command.examples.empty()) out += fmt::format(".SH EXAMPLES\n{}", roff_examples(command));
  return out + ".SH SEE ALSO\n.BR freshet (1)\n";
}

std::string man_page_of_program() {
  std::string out = header("freshet");
  out += ".SH NAME\nfreshet \\- one server for the events of a fleet, readable by key and by SQL\n";
  out += ".SH SYNOPSIS\n.B freshet\n.I COMMAND\n[flags] [arguments]\n.SH COMMANDS\n";
  for (const Command& command : commands()) {
    out +=
        fmt::format(".SS {}\n{}.\n{}\n{}{}", roff(usage_line(command)), roff(command.summary),
                    roff(command.description), roff_flags(command.flags), roff_examples(command));
  }
  out += fmt::format(".SH OPTIONS\nEvery command takes these.\n{}", roff_flags(common_flags()));
  for (const Topic& topic : topics()) {
    out += fmt::format(".SH {}\n.nf\n{}.fi\n", roff(upper(topic.name)), roff(topic.text));
  }
  return out;
}

}  // namespace

std::string man_page(const Command* command) {
  return command == nullptr ? man_page_of_program() : man_page_of_command(*command);
}

}  // namespace freshet::cli

#include "cli/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

namespace freshet::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

Output plain_output() {
  OutputOptions options;
  options.color = OutputOptions::Color::kNever;
  return Output(options);
}

TEST(HelpTest, EveryCommandStandsInOverviewManPageAndCompletions) {
  Output output = plain_output();
  std::string overview = overview_text(output), man = man_page(nullptr);
  for (const Command& command : commands()) {
    std::string name(command.name);
    EXPECT_THAT(overview, HasSubstr("  " + name + " ")) << "is its group known?";
    EXPECT_THAT(man, HasSubstr(".SS freshet " + name));
    EXPECT_NE(command.run, nullptr) << name;
    EXPECT_FALSE(command.summary.empty()) << name;
    EXPECT_THAT(help_text(command, output), HasSubstr("usage: freshet " + name));
    EXPECT_THAT(man_page(&command), HasSubstr(".SH SYNOPSIS"));
    for (const char* shell : {"bash", "zsh", "fish"}) {
      auto script = completion_script(shell);
      ASSERT_TRUE(script);
      std::string first = name.substr(0, name.find(' '));
      EXPECT_THAT(*script, HasSubstr(first)) << shell;
      for (const Flag& flag : command.flags) EXPECT_THAT(*script, HasSubstr(flag.name)) << shell;
    }
  }
}

TEST(HelpTest, NoFlagStandsTwiceInACommand) {
  for (const Command& command : commands()) {
    std::set<std::string_view> names;
    std::set<char> letters;
    auto add = [&](const Flag& flag) {
      EXPECT_TRUE(names.insert(flag.name).second) << command.name << " --" << flag.name;
      if (flag.letter != 0) {
        EXPECT_TRUE(letters.insert(flag.letter).second) << command.name << " -" << flag.letter;
      }
    };
    for (const Flag& flag : command.flags) add(flag);
    for (const Flag& flag : common_flags()) add(flag);
  }
}

TEST(HelpTest, TheBashScriptIsBash) {
  auto script = completion_script("bash");
  ASSERT_TRUE(script);
  std::FILE* shell = popen("bash -n", "w");
  ASSERT_NE(shell, nullptr);
  std::fwrite(script->data(), 1, script->size(), shell);
  EXPECT_EQ(pclose(shell), 0);
}

TEST(HelpTest, ManPagesEscapeWhatRoffWouldTake) {
  for (const Command& command : commands()) {
    std::string page = man_page(&command);
    EXPECT_THAT(page, Not(HasSubstr(" --"))) << "a bare dash";
  }
}

TEST(HelpTest, ErrorCodesAreExplained) {
  EXPECT_THAT(*error_code_text("FRS-1104"), HasSubstr("config schema"));
  EXPECT_THAT(*error_code_text("1104"), HasSubstr("FRS-1104"));
  EXPECT_THAT(*error_code_text("FRS-5999"), HasSubstr("query"));
  EXPECT_FALSE(error_code_text("FRS-0001").has_value());
}

TEST(HelpTest, NoOtherShellIsKnown) {
  EXPECT_FALSE(completion_script("csh").has_value());
}

}  // namespace
}  // namespace freshet::cli

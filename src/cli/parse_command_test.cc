#include "cli/parse_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<ParsedCommand> parse(std::vector<std::string> words) {
  return parse_command(words);
}

std::string refused(std::vector<std::string> words) {
  auto parsed = parse_command(words);
  if (parsed) return "accepted";
  EXPECT_EQ(parsed.error().number(), kErrorUsage);
  return parsed.error().message();
}

TEST(ParseCommandTest, FindsCommandArgumentsAndFlags) {
  auto parsed = parse({"sql", "SELECT 1", "--format=csv", "-s", "http://a:1"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->command->name, "sql");
  EXPECT_THAT(parsed->arguments, ElementsAre("SELECT 1"));
  EXPECT_THAT(parsed->flags["format"], ElementsAre("csv"));
  EXPECT_THAT(parsed->flags["server"], ElementsAre("http://a:1"));
}

TEST(ParseCommandTest, AFlagTakesOneWord) {
  auto parsed = parse({"explain", "--server", "http://a:1", "id"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_THAT(parsed->arguments, ElementsAre("id"));
  EXPECT_THAT(parsed->flags["server"], ElementsAre("http://a:1"));
}

TEST(ParseCommandTest, AValueMayBeATimeAgo) {
  auto parsed = parse({"replay", "--from", "-2h", "--to", "-30m", "-y"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_THAT(parsed->flags["from"], ElementsAre("-2h"));
  EXPECT_THAT(parsed->flags["to"], ElementsAre("-30m"));
  EXPECT_TRUE(parsed->flags.contains("yes"));
}

TEST(ParseCommandTest, TheLongestNameWins) {
  auto parsed = parse({"config", "show", "--origin"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->command->name, "config show");
  EXPECT_TRUE(parsed->flags.contains("origin"));
}

TEST(ParseCommandTest, CommonFlagsStandBeforeOrBehindTheName) {
  for (auto words : {std::vector<std::string>{"--json", "--color", "never", "version", "-q"},
                     std::vector<std::string>{"version", "-q", "--color=never", "--json"}}) {
    auto parsed = parse(words);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->command->name, "version");
    EXPECT_TRUE(parsed->output.json && parsed->output.quiet);
    EXPECT_EQ(parsed->output.color, OutputOptions::Color::kNever);
  }
}

TEST(ParseCommandTest, RepeatedFlagsKeepAllOrTheLast) {
  auto parsed = parse({"serve", "--set", "a=1", "--set", "b=2", "--data", "x", "--data", "y"});
  ASSERT_TRUE(parsed);
  EXPECT_THAT(parsed->flags["set"], ElementsAre("a=1", "b=2"));
  EXPECT_EQ(parsed->flags["data"].back(), "y");
}

TEST(ParseCommandTest, ADashIsAnArgumentAndTwoEndTheFlags) {
  auto parsed = parse({"ingest", "-", "--batch", "5"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_THAT(parsed->arguments, ElementsAre("-"));
  parsed = parse({"sql", "--", "--comment\nSELECT 1"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_THAT(parsed->arguments, ElementsAre("--comment\nSELECT 1"));
}

TEST(ParseCommandTest, SeveralFiles) {
  auto parsed = parse({"ingest", "a.ndjson", "b.csv", "--restart", "c.json"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_THAT(parsed->arguments, ElementsAre("a.ndjson", "b.csv", "c.json"));
}

TEST(ParseCommandTest, HelpNeedsNothingElse) {
  auto parsed = parse({"explain", "--help"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_TRUE(parsed->help);
  parsed = parse({"--version", "--json"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_TRUE(parsed->version && parsed->output.json);
  EXPECT_EQ(parsed->command, nullptr);
}

TEST(ParseCommandTest, HelpOnANounIsThatOfItsCommands) {
  for (const char* flag : {"--help", "-h"}) {
    auto parsed = parse_command(std::vector<std::string>{"bench", flag});
    ASSERT_TRUE(parsed.has_value()) << parsed.error().to_string();
    EXPECT_EQ(parsed->command->name, "help");
    EXPECT_EQ(parsed->arguments, std::vector<std::string>{"bench"});
  }
  EXPECT_FALSE(parse_command(std::vector<std::string>{"benchmark", "--help"}).has_value());
}

TEST(ParseCommandTest, UnknownWordsNameTheNearest) {
  EXPECT_THAT(refused({"sevre"}), HasSubstr("did you mean \"serve\"?"));
  EXPECT_THAT(refused({"xyzzyx"}), HasSubstr("freshet --help"));
  EXPECT_THAT(refused({"ref"}), HasSubstr("put, diff, get, history"));
  EXPECT_THAT(refused({"ref", "pt", "x"}), HasSubstr("did you mean \"ref put\"?"));
  EXPECT_THAT(refused({"sql", "--fromat", "csv", "x"}), HasSubstr("did you mean \"--format\"?"));
  EXPECT_THAT(refused({"sql", "a", "b"}), HasSubstr("\"b\" is one word too many"));
  EXPECT_THAT(refused({"sql", "-z", "b"}), HasSubstr("there is no flag \"-z\""));
  EXPECT_THAT(refused({"explain"}), HasSubstr("explain lacks ID"));
  EXPECT_THAT(refused({"ref", "put", "cameras"}), HasSubstr("ref put lacks FILE"));
  EXPECT_THAT(refused({"version", "now"}), HasSubstr("\"now\" is one word too many"));
  EXPECT_THAT(refused({"sql", "--format"}), HasSubstr("format"));
  EXPECT_THAT(refused({"version", "--color", "green"}), HasSubstr("auto, always or never"));
}

TEST(ExitCodeTest, FollowsTheKindOfError) {
  EXPECT_EQ(exit_code_of(Code::kInvalid), ExitCode::kFailed);
  EXPECT_EQ(exit_code_of(Code::kNotFound), ExitCode::kNotFound);
  EXPECT_EQ(exit_code_of(Code::kDenied), ExitCode::kDenied);
  EXPECT_EQ(exit_code_of(Code::kUnavailable), ExitCode::kUnavailable);
  EXPECT_EQ(exit_code_of(Code::kTimeout), ExitCode::kUnavailable);
  EXPECT_EQ(exit_code_of(Code::kThrottled), ExitCode::kUnavailable);
  EXPECT_EQ(exit_code_of(Code::kInternal), ExitCode::kFailed);
}

}  // namespace
}  // namespace freshet::cli

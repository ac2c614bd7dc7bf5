// Runs every statement of cases/*.sql and compares its answer with the one written below it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fixed_tables.h"
#include "query/engine.h"

namespace freshet::query {
namespace {

constexpr std::string_view kQuery = "-- query: ";

struct Case {
  std::string title;
  std::string sql;
  std::string expected;  // "-- answer\n…" or "-- error\nFRS-nnnn\n"
};

std::vector<Case> read_cases(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Case> cases;
  bool in_answer = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kQuery)) {
      cases.push_back({line.substr(kQuery.size()), "", ""});
      in_answer = false;
      continue;
    }
    if (cases.empty()) continue;  // words at the top
    in_answer = in_answer || line == "-- answer" || line == "-- error";
    // An empty line ends an answer: cases stand apart.
    if (line.empty() && in_answer) continue;
    (in_answer ? cases.back().expected : cases.back().sql) += line + '\n';
  }
  return cases;
}

std::string run_case(Engine& engine, const Case& one) {
  SqlRequest request;
  request.sql = one.sql;
  request.format = sql::AnswerFormat::kCsv;
  request.allows = [](std::string_view) { return true; };
  auto answer = engine.run(request);
  if (answer) return "-- answer\n" + answer->answer.text;
  std::string text = answer.error().to_string();
  return "-- error\n" + text.substr(0, text.find(' ')) + '\n';
}

void write_cases(const std::filesystem::path& path, const std::vector<Case>& cases) {
  std::ofstream file(path);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    file << (i == 0 ? "" : "\n") << kQuery << cases[i].title << '\n'
         << cases[i].sql << cases[i].expected;
  }
}

class SqlCases : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(SqlCases, AnswerAsWritten) {
  auto tables = make_fixed_tables();
  auto engine = Engine::open({.threads = 2}, *tables, io::system_clock());
  ASSERT_TRUE(engine.has_value()) << engine.error().to_string();
  std::vector<Case> cases = read_cases(GetParam());
  ASSERT_FALSE(cases.empty());
  bool update = std::getenv("FRESHET_SQL_UPDATE") != nullptr;
  for (Case& one : cases) {
    SCOPED_TRACE(one.title);
    std::string given = run_case(**engine, one);
    if (update)
      one.expected = given;
    else
      EXPECT_EQ(given, one.expected) << one.sql;
  }
  if (update) write_cases(GetParam(), cases);
}

std::vector<std::filesystem::path> case_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(FRESHET_SQL_CASES))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, SqlCases, testing::ValuesIn(case_files()),
                         [](const auto& file) { return file.param.stem().string(); });

}  // namespace
}  // namespace freshet::query

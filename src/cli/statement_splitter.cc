#include "cli/statement_splitter.h"

#include <algorithm>

namespace freshet::cli {
namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// "$$" or "$tag$" at `at`, as PostgreSQL and DuckDB quote; "" where there is none.
std::string_view dollar_tag(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && is_name_character(text[end])) ++end;
  bool is_tag =
      end < text.size() && text[end] == '$' && (at == 0 || !is_name_character(text[at - 1]));
  return is_tag ? text.substr(at, end + 1 - at) : std::string_view();
}

// One past the quote, comment or single character that begins at `at`; npos where it is not closed.
std::size_t skip_token(std::string_view text, std::size_t at) {
  auto behind = [&](std::string_view closing, std::size_t from) {
    std::size_t found = text.find(closing, from);
    return found == std::string_view::npos ? found : found + closing.size();
  };
  char c = text[at];
  if (c == '\'' || c == '"') return behind(text.substr(at, 1), at + 1);
  std::string_view pair = text.substr(at, 2);
  if (pair == "--") return behind("\n", at);
  if (pair == "/*") return behind("*/", at + 2);
  if (c == '$') {
    if (auto tag = dollar_tag(text, at); !tag.empty()) return behind(tag, at + tag.size());
  }
  return at + 1;
}

// Without what blanks stand before it: errors count lines from the statement's own first.
std::string from_first_word(const std::string& text) {
  std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string::npos ? "" : text.substr(begin);
}

}  // namespace

std::optional<std::string> StatementSplitter::next() {
  for (std::size_t at = 0; at < pending_.size();) {
    if (pending_[at] == ';') {
      std::string statement = from_first_word(pending_.substr(0, at));
      pending_.erase(0, at + 1);
      if (!statement.empty()) return statement;
      at = 0;
      continue;
    }
    at = skip_token(pending_, at);
    if (at == std::string::npos) return std::nullopt;
  }
  return std::nullopt;
}

std::string StatementSplitter::rest() const {
  return from_first_word(pending_);
}

}  // namespace freshet::cli

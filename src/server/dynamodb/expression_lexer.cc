#include "server/dynamodb/expression_lexer.h"

#include <fmt/format.h>

#include <algorithm>

namespace freshet::dynamodb {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_word(char c) {
  return is_word_start(c) || is_digit(c);
}

// The length of the token at the start of `rest`, which does not begin with a blank; 0 where none
// does.
std::size_t token_length(std::string_view rest, Token::Kind* kind) {
  auto run = [&](std::size_t from, bool (*wanted)(char)) {
    return static_cast<std::size_t>(
        std::find_if_not(rest.begin() + static_cast<std::ptrdiff_t>(from), rest.end(), wanted) -
        rest.begin());
  };
  char first = rest.front();
  if (is_word_start(first)) {
    *kind = Token::Kind::kName;
    return run(0, is_word);
  }
  if (is_digit(first)) {
    *kind = Token::Kind::kInteger;
    return run(0, is_digit);
  }
  if (first == '#' || first == ':') {
    *kind = first == '#' ? Token::Kind::kNamePlaceholder : Token::Kind::kValue;
    std::size_t length = run(1, is_word);
    return length > 1 ? length : 0;
  }
  *kind = Token::Kind::kSymbol;
  for (std::string_view symbol : {"<>", "<=", ">="}) {
    if (rest.starts_with(symbol)) return 2;
  }
  return std::string_view("()[],.=<>").find(first) != std::string_view::npos ? 1 : 0;
}

}  // namespace

Error syntax_error(std::string_view expression, const Token& token) {
  constexpr std::size_t kContext = 12;
  std::size_t from = token.at > kContext ? token.at - kContext : 0;
  std::size_t to = std::min(expression.size(), token.at + token.text.size() + kContext);
  std::string_view shown = token.kind == Token::Kind::kEnd ? "<EOF>" : token.text;
  return Error(Code::kInvalid, fmt::format("Syntax error; token: \"{}\", near: \"{}\"", shown,
                                           expression.substr(from, to - from)));
}

Result<std::vector<Token>> tokenize(std::string_view expression) {
  std::vector<Token> tokens;
  std::size_t at = 0;
  while (true) {
    at = std::min(expression.find_first_not_of(" \t\r\n", at), expression.size());
    if (at == expression.size()) break;
    Token token;
    token.at = at;
    std::size_t length = token_length(expression.substr(at), &token.kind);
    token.text = expression.substr(at, std::max<std::size_t>(length, 1));
    if (length == 0) return syntax_error(expression, token);
    tokens.push_back(token);
    at += length;
  }
  tokens.push_back({Token::Kind::kEnd, {}, expression.size()});
  return tokens;
}

}  // namespace freshet::dynamodb

// Recursive descent, loosest binding first: OR, AND, NOT, then a comparison, function or
// parenthesis.
#include "server/dynamodb/expression_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/time_text.h"
#include "server/dynamodb/expression_lexer.h"
#include "server/dynamodb/reserved_words.h"

namespace freshet::dynamodb {
namespace {

using Kind = Condition::Kind;

bool equals_ignoring_case(std::string_view text, std::string_view upper) {
  return std::equal(text.begin(), text.end(), upper.begin(), upper.end(), [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
  });
}

bool is_keyword(std::string_view text) {
  for (std::string_view keyword : {"AND", "OR", "NOT", "BETWEEN", "IN"}) {
    if (equals_ignoring_case(text, keyword)) return true;
  }
  return false;
}

struct Function {
  std::string_view name;
  Kind kind;
  std::size_t operands;
};
constexpr Function kFunctions[] = {
    {"attribute_exists", Kind::kAttributeExists, 1},
    {"attribute_not_exists", Kind::kAttributeNotExists, 1},
    {"attribute_type", Kind::kAttributeType, 2},
    {"begins_with", Kind::kBeginsWith, 2},
    {"contains", Kind::kContains, 2},
};

Error wrong_operand(std::string_view name, Value::Kind kind) {
  return Error(Code::kInvalid,
               fmt::format("Incorrect operand type for operator or function; operator or function: "
                           "{}, operand type: {}",
                           name, kind_name(kind)));
}

// Times in any RFC 3339 form are compared as times, as they are with the attribute.
bool is_above(const Value& low, const Value& high) {
  if (low.kind == Value::Kind::kString && high.kind == Value::Kind::kString) {
    auto low_us = parse_rfc3339_us(low.bytes), high_us = parse_rfc3339_us(high.bytes);
    if (low_us && high_us) return *low_us > *high_us;
  }
  return compare(low, high) == std::strong_ordering::greater;
}

// What is wrong with the constants of a comparison or function, whatever the item.
Status check_between(const Condition& condition) {
  const Operand& low = condition.operands[1];
  const Operand& high = condition.operands[2];
  if (low.kind != Operand::Kind::kValue || high.kind != Operand::Kind::kValue) return ok();
  std::string bounds = fmt::format(
      "lower bound operand: AttributeValue: {}, upper bound operand: AttributeValue: {}",
      describe(low.value), describe(high.value));
  if (low.value.kind != high.value.kind)
    return Error(Code::kInvalid,
                 "The BETWEEN operator requires same data type for lower and upper "
                 "bounds; " +
                     bounds);
  if (is_above(low.value, high.value))
    return Error(Code::kInvalid,
                 "The BETWEEN operator requires upper bound to be greater than or "
                 "equal to lower bound; " +
                     bounds);
  return ok();
}

Status check_operands(const Condition& condition) {
  std::string_view name = condition_name(condition.kind);
  auto check_kinds = [&](std::size_t first, auto allowed) -> Status {
    for (std::size_t i = first; i < condition.operands.size(); ++i) {
      const Operand& operand = condition.operands[i];
      if (operand.kind == Operand::Kind::kValue && !allowed(operand.value.kind))
        return wrong_operand(name, operand.value.kind);
    }
    return ok();
  };
  switch (condition.kind) {
    case Kind::kLess:
    case Kind::kLessOrEqual:
    case Kind::kGreater:
    case Kind::kGreaterOrEqual:
      return check_kinds(0, is_ordered);
    case Kind::kBetween:
      FRESHET_TRY_STATUS(check_kinds(0, is_ordered));
      return check_between(condition);
    case Kind::kBeginsWith:
      return check_kinds(0, [](Value::Kind kind) {
        return kind == Value::Kind::kString || kind == Value::Kind::kBinary;
      });
    case Kind::kAttributeType: {
      const Operand& type = condition.operands[1];
      if (type.kind != Operand::Kind::kValue || type.value.kind != Value::Kind::kString)
        return wrong_operand(name, type.value.kind);
      if (!kind_of_name(type.value.bytes))
        return Error(Code::kInvalid, fmt::format("Invalid attribute type name found; type: {}, "
                                                 "valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}",
                                                 type.value.bytes));
      return ok();
    }
    default:
      return ok();
  }
}

Status check_distinct(const Condition& condition) {
  const Operand& first = condition.operands[0];
  if (first.kind != Operand::Kind::kPath) return ok();
  for (std::size_t i = 1; i < condition.operands.size(); ++i) {
    const Operand& other = condition.operands[i];
    if (other.kind == Operand::Kind::kPath && other.path == first.path)
      return Error(Code::kInvalid,
                   fmt::format("The first operand must be distinct from the remaining operands for "
                               "this operator or function; operator: {}, first operand: {}",
                               condition_name(condition.kind), first.path.text()));
  }
  return ok();
}

// One pass over the tokens of one expression. Every parse_ function starts at the token it is for.
class Parser {
 public:
  Parser(std::string_view expression, std::vector<Token> tokens, Placeholders& placeholders)
      : expression_(expression), tokens_(std::move(tokens)), placeholders_(placeholders) {}

  Result<Condition> parse_whole_condition() {
    FRESHET_TRY(Condition condition, parse_or(0));
    if (peek().kind != Token::Kind::kEnd) return unexpected();
    return condition;
  }
  Result<std::vector<Path>> parse_whole_projection() {
    std::vector<Path> paths;
    do {
      FRESHET_TRY(Path path, parse_path());
      paths.push_back(std::move(path));
    } while (take_symbol(","));
    if (peek().kind != Token::Kind::kEnd) return unexpected();
    return paths;
  }

 private:
  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() { return tokens_[next_++]; }
  bool take_symbol(std::string_view symbol) {
    if (peek().kind != Token::Kind::kSymbol || peek().text != symbol) return false;
    ++next_;
    return true;
  }
  bool take_keyword(std::string_view keyword) {
    if (peek().kind != Token::Kind::kName || !equals_ignoring_case(peek().text, keyword))
      return false;
    ++next_;
    return true;
  }
  Error unexpected() const { return syntax_error(expression_, peek()); }
  Status count_operator() {
    if (++operators_ <= kOperatorsMax) return ok();
    return Error(Code::kInvalid,
                 fmt::format("The expression contains too many operators; at most {} are allowed",
                             kOperatorsMax));
  }
  Status check_nesting(int depth) const {
    if (depth <= kNestingMax) return ok();
    return Error(Code::kInvalid,
                 fmt::format("The expression is nested deeper than {} levels", kNestingMax));
  }

  Result<Condition> parse_or(int depth) { return parse_chain(Kind::kOr, depth); }
  Result<Condition> parse_chain(Kind kind, int depth) {
    FRESHET_TRY(Condition first, parse_link(kind, depth));
    Condition chain;
    chain.kind = kind;
    while (take_keyword(condition_name(kind))) {
      FRESHET_TRY_STATUS(count_operator());
      FRESHET_TRY(Condition other, parse_link(kind, depth));
      if (chain.conditions.empty()) chain.conditions.push_back(std::move(first));
      chain.conditions.push_back(std::move(other));
    }
    return chain.conditions.empty() ? std::move(first) : std::move(chain);
  }
  Result<Condition> parse_link(Kind chain, int depth) {
    return chain == Kind::kOr ? parse_chain(Kind::kAnd, depth) : parse_not(depth);
  }
  Result<Condition> parse_not(int depth) {
    if (!take_keyword("NOT")) return parse_primary(depth);
    FRESHET_TRY_STATUS(count_operator());
    FRESHET_TRY_STATUS(check_nesting(depth + 1));
    FRESHET_TRY(Condition inner, parse_not(depth + 1));
    Condition negation;
    negation.kind = Kind::kNot;
    negation.conditions.push_back(std::move(inner));
    return negation;
  }
  Result<Condition> parse_primary(int depth) {
    if (take_symbol("(")) return parse_parenthesis(depth + 1);
    if (peek().kind == Token::Kind::kName && peek(1).text == "(" && peek().text != "size")
      return parse_function();
    return parse_comparison();
  }
  Result<Condition> parse_parenthesis(int depth) {
    FRESHET_TRY_STATUS(check_nesting(depth));
    FRESHET_TRY(Condition inner, parse_or(depth));
    if (!take_symbol(")")) return unexpected();
    if (inner.parenthesized)
      return Error(Code::kInvalid, "The expression has redundant parentheses;");
    inner.parenthesized = true;
    return inner;
  }

  Result<Condition> parse_function() {
    std::string_view name = peek().text;
    if (is_keyword(name)) return unexpected();
    auto function = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                 [&](const Function& f) { return f.name == name; });
    if (function == std::end(kFunctions))
      return Error(Code::kInvalid, fmt::format("Invalid function name; function: {}", name));
    next_ += 2;
    FRESHET_TRY_STATUS(count_operator());
    Condition condition;
    condition.kind = function->kind;
    FRESHET_TRY_STATUS(parse_operands(condition));
    if (condition.operands.size() != function->operands)
      return Error(Code::kInvalid,
                   fmt::format("Incorrect number of operands for operator or function; operator or "
                               "function: {}, number of operands: {}",
                               name, condition.operands.size()));
    bool needs_path = function->kind != Kind::kContains && function->kind != Kind::kBeginsWith;
    if (needs_path && condition.operands[0].kind != Operand::Kind::kPath)
      return Error(Code::kInvalid,
                   fmt::format("Operator or function requires a document path; operator or "
                               "function: {}",
                               name));
    return checked(std::move(condition));
  }
  // operand {"," operand} ")"
  Status parse_operands(Condition& condition) {
    do {
      FRESHET_TRY(Operand operand, parse_operand());
      condition.operands.push_back(std::move(operand));
    } while (take_symbol(","));
    if (!take_symbol(")")) return unexpected();
    return ok();
  }

  Result<Condition> parse_comparison() {
    Condition condition;
    FRESHET_TRY(Operand left, parse_operand());
    condition.operands.push_back(std::move(left));
    FRESHET_TRY_STATUS(count_operator());
    if (take_keyword("BETWEEN")) {
      condition.kind = Kind::kBetween;
      FRESHET_TRY(Operand low, parse_operand());
      if (!take_keyword("AND")) return unexpected();
      FRESHET_TRY(Operand high, parse_operand());
      condition.operands.push_back(std::move(low));
      condition.operands.push_back(std::move(high));
    } else if (take_keyword("IN")) {
      condition.kind = Kind::kIn;
      if (!take_symbol("(")) return unexpected();
      FRESHET_TRY_STATUS(parse_operands(condition));
      if (condition.operands.size() - 1 > kInMax)
        return Error(Code::kInvalid,
                     fmt::format("The IN operator is provided with too many operands; number of "
                                 "operands: {}",
                                 condition.operands.size() - 1));
    } else {
      FRESHET_TRY(condition.kind, parse_comparator());
      FRESHET_TRY(Operand right, parse_operand());
      condition.operands.push_back(std::move(right));
    }
    return checked(std::move(condition));
  }
  Result<Kind> parse_comparator() {
    for (Kind kind : {Kind::kEqual, Kind::kNotEqual, Kind::kLess, Kind::kLessOrEqual,
                      Kind::kGreater, Kind::kGreaterOrEqual}) {
      if (take_symbol(condition_name(kind))) return kind;
    }
    return unexpected();
  }
  static Result<Condition> checked(Condition condition) {
    FRESHET_TRY_STATUS(check_operands(condition));
    FRESHET_TRY_STATUS(check_distinct(condition));
    return condition;
  }

  Result<Operand> parse_operand() {
    Operand operand;
    if (peek().kind == Token::Kind::kValue) {
      FRESHET_TRY(operand.value, placeholders_.value(take().text));
      return operand;
    }
    if (peek().kind == Token::Kind::kName && peek().text == "size" && peek(1).text == "(") {
      next_ += 2;
      FRESHET_TRY_STATUS(count_operator());
      operand.kind = Operand::Kind::kSizeOfPath;
      FRESHET_TRY(operand.path, parse_path());
      if (!take_symbol(")")) return unexpected();
      return operand;
    }
    operand.kind = Operand::Kind::kPath;
    FRESHET_TRY(operand.path, parse_path());
    return operand;
  }
  Result<Path> parse_path() {
    Path path;
    FRESHET_TRY(std::string first, parse_name());
    path.elements.emplace_back(std::move(first));
    while (true) {
      if (take_symbol(".")) {
        FRESHET_TRY(std::string name, parse_name());
        path.elements.emplace_back(std::move(name));
      } else if (take_symbol("[")) {
        FRESHET_TRY(std::size_t index, parse_index());
        path.elements.emplace_back(index);
      } else {
        break;
      }
    }
    constexpr std::size_t kPathMax = 32;
    if (path.elements.size() > kPathMax)
      return Error(Code::kInvalid, fmt::format("The document path has too many nesting elements; "
                                               "nesting levels: {}",
                                               path.elements.size()));
    return path;
  }
  Result<std::string> parse_name() {
    if (peek().kind == Token::Kind::kNamePlaceholder) return placeholders_.name(take().text);
    if (peek().kind != Token::Kind::kName || is_keyword(peek().text)) return unexpected();
    if (is_reserved_word(peek().text))
      return Error(
          Code::kInvalid,
          fmt::format("Attribute name is a reserved keyword; reserved keyword: {}", peek().text));
    return std::string(take().text);
  }
  Result<std::size_t> parse_index() {
    std::size_t index = 0;
    std::string_view text = peek().text;
    if (peek().kind != Token::Kind::kInteger || text.size() > 9) return unexpected();
    std::from_chars(text.data(), text.data() + text.size(), index);
    ++next_;
    if (!take_symbol("]")) return unexpected();
    return index;
  }

  std::string_view expression_;
  std::vector<Token> tokens_;
  Placeholders& placeholders_;
  std::size_t next_ = 0;
  int operators_ = 0;
};

Result<Parser> make_parser(std::string_view expression, Placeholders& placeholders) {
  if (expression.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return Error(Code::kInvalid, "The expression can not be empty;");
  if (expression.size() > kExpressionBytesMax)
    return Error(Code::kInvalid, fmt::format("Expression size has exceeded the maximum allowed "
                                             "size; expression size: {}",
                                             expression.size()));
  FRESHET_TRY(auto tokens, tokenize(expression));
  return Parser(expression, std::move(tokens), placeholders);
}

bool leads_into(const Path& outer, const Path& inner) {
  return outer.elements.size() <= inner.elements.size() &&
         std::equal(outer.elements.begin(), outer.elements.end(), inner.elements.begin());
}

}  // namespace

Result<Condition> parse_condition(std::string_view parameter, std::string_view expression,
                                  Placeholders& placeholders) {
  auto parse = [&]() -> Result<Condition> {
    FRESHET_TRY(Parser parser, make_parser(expression, placeholders));
    return parser.parse_whole_condition();
  };
  auto condition = parse();
  if (!condition)
    return std::move(condition).error().with_context("Invalid " + std::string(parameter));
  return condition;
}

Result<std::vector<Path>> parse_projection(std::string_view expression,
                                           Placeholders& placeholders) {
  auto parse = [&]() -> Result<std::vector<Path>> {
    FRESHET_TRY(Parser parser, make_parser(expression, placeholders));
    FRESHET_TRY(auto paths, parser.parse_whole_projection());
    FRESHET_TRY_STATUS(check_overlaps(paths));
    return paths;
  };
  auto paths = parse();
  if (!paths) return std::move(paths).error().with_context("Invalid ProjectionExpression");
  return paths;
}

Status check_overlaps(const std::vector<Path>& paths) {
  for (std::size_t i = 0; i < paths.size(); ++i) {
    for (std::size_t j = i + 1; j < paths.size(); ++j) {
      if (!leads_into(paths[i], paths[j]) && !leads_into(paths[j], paths[i])) continue;
      return Error(Code::kInvalid,
                   fmt::format("Two document paths overlap with each other; must remove or rewrite "
                               "one of these paths; path one: {}, path two: {}",
                               paths[i].text(), paths[j].text()));
    }
  }
  return ok();
}

}  // namespace freshet::dynamodb

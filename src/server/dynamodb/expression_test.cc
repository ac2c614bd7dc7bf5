#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "server/dynamodb/expression_evaluator.h"
#include "server/dynamodb/expression_parser.h"

namespace freshet::dynamodb {
namespace {

aws::Document json(const std::string& text) {
  auto document = aws::parse_json(text);
  EXPECT_TRUE(document.has_value()) << text;
  return document ? *document : aws::Document();
}

// An item as a map of AttributeValues.
AttributeSource source_of(const std::string& text) {
  std::map<std::string, Value, std::less<>> values;
  aws::Document item = json(text);
  for (const aws::Document::Member& member : *item.members())
    values[member.name] = *parse_value(member.value);
  return [values](std::string_view name) -> std::optional<Value> {
    auto at = values.find(name);
    if (at == values.end()) return std::nullopt;
    return at->second;
  };
}

const char kNames[] = R"({"#n":"label","#d":"a.b","#m":"mapping"})";
const char kValues[] =
    R"({":one":{"N":"1"},":two":{"N":"2"},":ten":{"N":"10"},":s":{"S":"front door"},":f":{"S":"front"},
        ":o":{"S":"o"},":t":{"BOOL":true},":null":{"NULL":true},":ss":{"SS":["x","y"]},":x":{"S":"x"},
        ":ns":{"NS":["1","2"]},":ns2":{"NS":["2.0","1"]},":l":{"L":[{"N":"1"},{"S":"q"}]},
        ":b":{"B":"AQID"},":b2":{"B":"AQ=="},":S":{"S":"S"},":M":{"S":"M"},":bad":{"S":"X"},":e":{"S":""}})";
const char kItem[] =
    R"({"n1":{"N":"1"},"n2":{"N":"2.0"},"n10":{"N":"1e1"},"label":{"S":"front door"},"t":{"BOOL":true},
        "nul":{"NULL":true},"ss":{"SS":["y","x"]},"ns":{"NS":["1","2"]},"bin":{"B":"AQID"},"a.b":{"N":"1"},
        "umlaut":{"S":"größe"},
        "mapping":{"M":{"x":{"N":"1"},"deep":{"M":{"y":{"S":"z"}}}}},"things":{"L":[{"N":"1"},{"S":"q"}]}})";

Result<Condition> parse(std::string_view expression) {
  aws::Document names = json(kNames), values = json(kValues);
  auto placeholders = Placeholders::parse(&names, &values);
  EXPECT_TRUE(placeholders.has_value());
  return parse_condition("FilterExpression", expression, *placeholders);
}

void expect_meets(bool wanted, std::string_view expression) {
  auto condition = parse(expression);
  ASSERT_TRUE(condition.has_value()) << expression << ": " << condition.error().message();
  EXPECT_EQ(meets(*condition, source_of(kItem)), wanted) << expression;
}

void expect_error(std::string_view expression, std::string_view message) {
  auto condition = parse(expression);
  ASSERT_FALSE(condition.has_value()) << expression;
  EXPECT_EQ(condition.error().message(), "Invalid FilterExpression: " + std::string(message));
}

TEST(ConditionTest, ComparesByValueAndOnlyWithinOneType) {
  expect_meets(true, "n1 = :one");
  expect_meets(true, "n2 = :two");
  expect_meets(true, "n2 < :ten");
  expect_meets(true, "n10 > n2");
  expect_meets(true, "label >= :f");
  expect_meets(false, "label < :f");
  expect_meets(false, "n1 = :x");
  expect_meets(true, "n1 <> :x");
  expect_meets(false, "n1 < :x");
  expect_meets(false, "n1 > :x");
  expect_meets(true, "t = :t");
  expect_meets(true, "nul = :null");
  expect_meets(true, "ss = :ss");
  expect_meets(true, "ns = :ns2");
  expect_meets(true, "things = :l");
  expect_meets(true, "bin = :b");
  expect_meets(true, "bin > :b2");
  expect_meets(true, ":one <= n1");
}

TEST(ConditionTest, WhatIsMissingEqualsNothing) {
  expect_meets(false, "nothing = :one");
  expect_meets(true, "nothing <> :one");
  expect_meets(false, "nothing < :one");
  expect_meets(false, "nothing BETWEEN :one AND :two");
  expect_meets(false, "nothing IN (:one)");
  expect_meets(true, "attribute_not_exists(nothing)");
  expect_meets(false, "attribute_exists(nothing)");
  expect_meets(true, "attribute_exists(n1)");
  expect_meets(false, "begins_with(nothing, :f)");
  expect_meets(false, "size(nothing) < :ten");
}

TEST(ConditionTest, FollowsPaths) {
  expect_meets(true, "mapping.x = :one");
  expect_meets(true, "#m.deep.y <> :x");
  expect_meets(true, "things[0] = :one");
  expect_meets(false, "things[5] = :one");
  expect_meets(true, "attribute_not_exists(things[5])");
  expect_meets(true, "#d = :one");
  expect_meets(true, "attribute_not_exists(n1.x)");
  expect_meets(true, "attribute_not_exists(mapping[0])");
}

TEST(ConditionTest, KnowsBetweenAndIn) {
  expect_meets(true, "n2 BETWEEN :one AND :two");
  expect_meets(true, "n2 between n1 and n10");
  expect_meets(false, "n10 BETWEEN :one AND :two");
  expect_meets(true, "n2 IN (:x, :ten, :two)");
  expect_meets(false, "n2 IN (:x)");
  expect_meets(true, "NOT n2 IN (:x)");
}

TEST(ConditionTest, KnowsTheFunctions) {
  expect_meets(true, "begins_with(#n, :f)");
  expect_meets(false, "begins_with(#n, :o)");
  expect_meets(true, "begins_with(bin, :b2)");
  expect_meets(true, "contains(#n, :o)");
  expect_meets(true, "contains(ss, :x)");
  expect_meets(false, "contains(ss, :f)");
  expect_meets(true, "contains(ns, :two)");
  expect_meets(true, "contains(things, :one)");
  expect_meets(true, "contains(:ss, :x)");
  expect_meets(true, "attribute_type(#n, :S)");
  expect_meets(true, "attribute_type(mapping, :M)");
  expect_meets(false, "attribute_type(mapping, :S)");
  expect_meets(true, "size(#n) = :ten");
  expect_meets(true, "size(umlaut) < :ten AND size(umlaut) > :two");
  expect_meets(true, "size(ss) = :two");
  expect_meets(true, "size(mapping) = :two");
  expect_meets(false, "size(n1) = :one");
}

TEST(ConditionTest, BindsNotBeforeAndBeforeOr) {
  expect_meets(true, "n1 = :one OR n1 = :two AND n1 = :ten");
  expect_meets(false, "(n1 = :one OR n1 = :two) AND n1 = :ten");
  expect_meets(true, "NOT n1 = :two AND n1 = :one");
  expect_meets(true, "NOT (n1 = :two AND n1 = :one)");
  expect_meets(true, "not not n1 = :one");
  expect_meets(true, "((n1 = :one) and (n2 = :two))Or n1=:ten");
}

TEST(ConditionTest, SaysWhatIsWrong) {
  expect_error("", "The expression can not be empty;");
  expect_error("  ", "The expression can not be empty;");
  expect_error("n1 =", "Syntax error; token: \"<EOF>\", near: \"n1 =\"");
  expect_error("n1 ! :one", "Syntax error; token: \"!\", near: \"n1 ! :one\"");
  expect_error("n1 = :one)", "Syntax error; token: \")\", near: \"n1 = :one)\"");
  expect_error("n1", "Syntax error; token: \"<EOF>\", near: \"n1\"");
  expect_error("AND = :one", "Syntax error; token: \"AND\", near: \"AND = :one\"");
  expect_error("n1 = :missing",
               "An expression attribute value used in expression is not defined; attribute value: "
               ":missing");
  expect_error("#missing = :one",
               "An expression attribute name used in the document path is not defined; attribute "
               "name: #missing");
  expect_error("n1 < :t",
               "Incorrect operand type for operator or function; operator or function: <, operand "
               "type: BOOL");
  expect_error("begins_with(n1, :one)",
               "Incorrect operand type for operator or function; operator or function: "
               "begins_with, operand type: N");
  expect_error("begins_with(n1)",
               "Incorrect number of operands for operator or function; operator or function: "
               "begins_with, number of operands: 1");
  expect_error("starts(n1, :s)", "Invalid function name; function: starts");
  expect_error("attribute_exists(:one)",
               "Operator or function requires a document path; operator or function: "
               "attribute_exists");
  expect_error("attribute_type(n1, :bad)",
               "Invalid attribute type name found; type: X, valid types: "
               "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}");
  expect_error("n1 BETWEEN :two AND :one",
               "The BETWEEN operator requires upper bound to be greater than or equal to lower "
               "bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: "
               "AttributeValue: {N:1}");
  expect_error("n1 BETWEEN :one AND :x",
               "The BETWEEN operator requires same data type for lower and upper bounds; lower "
               "bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:x}");
  expect_error("n1 = n1",
               "The first operand must be distinct from the remaining operands for this operator "
               "or function; operator: =, first operand: [n1]");
  expect_error("zone = :one", "Attribute name is a reserved keyword; reserved keyword: zone");
  expect_error("a.Position = :one",
               "Attribute name is a reserved keyword; reserved keyword: Position");
  expect_error("((n1 = :one))", "The expression has redundant parentheses;");
  expect_error("things[99999999999] = :one",
               "Syntax error; token: \"99999999999\", near: \"things[99999999999] = :one\"");
}

TEST(ConditionTest, IsBoundedInSizeOperatorsAndDepth) {
  expect_error("n1 = :one" + std::string(4096, ' '),
               "Expression size has exceeded the maximum allowed size; expression size: 4105");
  std::string many = "n1=:one";
  for (int i = 0; i < 149; ++i) many += " OR n1=:one";
  expect_meets(true, many);  // 299 operators
  expect_error(many + " OR n1=:one",
               "The expression contains too many operators; at most 300 are allowed");
  expect_error(std::string(2000, '(') + "n1 = :one" + std::string(2000, ')'),
               "The expression is nested deeper than 150 levels");
  std::string nots;
  for (int i = 0; i < 200; ++i) nots += "NOT ";
  expect_error(nots + "n1 = :one", "The expression is nested deeper than 150 levels");
  std::string in = "n1 IN (:two";
  for (int i = 0; i < 99; ++i) in += ",:two";
  expect_meets(false, in + ")");
  expect_error(in + ",:two)",
               "The IN operator is provided with too many operands; number of operands: 101");
}

// Random expressions over small numbers, written as text together with the truth that plain C++
// gives.
class RandomExpression {
 public:
  explicit RandomExpression(unsigned seed) : random_(seed) {}

  struct Made {
    std::string text;
    bool truth;
  };
  Made make(int depth) {
    unsigned choice = pick(depth > 0 ? 8 : 5);
    if (choice == 5) {
      Made inner = make(depth - 1);
      return {"NOT (" + inner.text + ")", !inner.truth};
    }
    if (choice > 5) {
      bool all = choice == 6;
      Made left = make(depth - 1), right = make(depth - 1);
      return {"(" + left.text + (all ? ") AND (" : ") or (") + right.text + ")",
              all ? left.truth && right.truth : left.truth || right.truth};
    }
    return make_leaf(choice);
  }
  const std::map<std::string, int>& item() const { return item_; }

 private:
  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }
  struct Term {
    std::string text;
    std::optional<int> value;
  };
  Term attribute() {
    std::string name = std::string("a") + std::to_string(pick(5));
    auto at = item_.find(name);
    return {name, at == item_.end() ? std::nullopt : std::optional(at->second)};
  }
  Term constant() {
    int value = static_cast<int>(pick(5));
    return {":v" + std::to_string(value), value};
  }
  Made make_leaf(unsigned choice) {
    Term a = attribute();
    if (choice == 0) return {"attribute_exists(" + a.text + ")", a.value.has_value()};
    if (choice == 1) {
      Term low = constant(), high = constant();
      if (*low.value > *high.value) std::swap(low, high);
      return {a.text + " BETWEEN " + low.text + " AND " + high.text,
              a.value && *a.value >= *low.value && *a.value <= *high.value};
    }
    if (choice == 2) {
      Term one = constant(), two = constant();
      return {a.text + " IN (" + one.text + "," + two.text + ")",
              a.value == one.value || a.value == two.value};
    }
    Term b = constant();
    static constexpr const char* kOperators[] = {"=", "<>", "<", "<=", ">", ">="};
    unsigned op = pick(6);
    bool there = a.value.has_value();
    bool truths[] = {there && *a.value == *b.value, !(there && *a.value == *b.value),
                     there && *a.value < *b.value,  there && *a.value <= *b.value,
                     there && *a.value > *b.value,  there && *a.value >= *b.value};
    if (choice == 3) return {a.text + " " + kOperators[op] + " " + b.text, truths[op]};
    // The same the other way round.
    static constexpr const char* kMirrored[] = {"=", "<>", ">", ">=", "<", "<="};
    return {b.text + kMirrored[op] + a.text, truths[op]};
  }

  std::mt19937 random_;
  std::map<std::string, int> item_ = {{"a0", 0}, {"a1", 1}, {"a2", 2}, {"a3", 4}};
};

TEST(ConditionTest, AgreesWithPlainLogicOnRandomExpressions) {
  std::string values = "{";
  for (int i = 0; i < 5; ++i)
    values +=
        (i ? ",\":v" : "\":v") + std::to_string(i) + "\":{\"N\":\"" + std::to_string(i) + "\"}";
  aws::Document all = json(values + "}");
  int met = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    RandomExpression random(seed);
    RandomExpression::Made made = random.make(static_cast<int>(seed % 6));
    auto placeholders = Placeholders::parse(nullptr, &all);
    auto condition = parse_condition("FilterExpression", made.text, *placeholders);
    ASSERT_TRUE(condition.has_value()) << made.text << ": " << condition.error().message();
    AttributeSource item = [&](std::string_view name) -> std::optional<Value> {
      auto at = random.item().find(std::string(name));
      if (at == random.item().end()) return std::nullopt;
      return Value::of(Number::from(std::int64_t{at->second}));
    };
    ASSERT_EQ(meets(*condition, item), made.truth) << "seed " << seed << ": " << made.text;
    met += made.truth;
  }
  EXPECT_GT(met, 500);
  EXPECT_LT(met, 2500);
}

// No text, however broken, may do more than be refused.
TEST(ConditionTest, TakesAnyTokensInAnyOrder) {
  const char* tokens[] = {"a",       "#n", ":one", "(",        ")",           "[",   "]",  "3",
                          ",",       ".",  "=",    "<>",       "<",           "AND", "OR", "NOT",
                          "BETWEEN", "IN", "size", "contains", "begins_with", " "};
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 14; n > 0; --n)
      text += std::string(tokens[random() % std::size(tokens)]) + (random() % 2 ? " " : "");
    auto condition = parse(text);
    if (condition) meets(*condition, source_of(R"({"a":{"N":"1"}})"));
  }
}

TEST(ProjectionTest, ReadsPathsAndRefusesOverlaps) {
  aws::Document names = json(kNames);
  auto placeholders = *Placeholders::parse(&names, nullptr);
  auto paths = parse_projection("a, #m.x ,things[2].y", placeholders);
  ASSERT_TRUE(paths.has_value());
  ASSERT_EQ(paths->size(), 3u);
  EXPECT_EQ((*paths)[1].text(), "[mapping, x]");
  EXPECT_EQ((*paths)[2].text(), "[things, [2], y]");
  auto error_of = [&](std::string_view text) {
    return parse_projection(text, placeholders).error().message();
  };
  EXPECT_EQ(error_of("a, a"),
            "Invalid ProjectionExpression: Two document paths overlap with each other; must remove "
            "or rewrite one of these paths; path one: [a], path two: [a]");
  EXPECT_NE(error_of("mapping.x, mapping").find("path one: [mapping, x], path two: [mapping]"),
            std::string::npos);
  EXPECT_EQ(error_of("a,"),
            "Invalid ProjectionExpression: Syntax error; token: \"<EOF>\", near: \"a,\"");
  EXPECT_NE(error_of(":v").find("Syntax error"), std::string::npos);
}

TEST(PlaceholdersTest, AreCheckedAndAllUsed) {
  auto error_of = [](const char* names, const char* values) {
    aws::Document n = json(names ? names : "{}"), v = json(values ? values : "{}");
    auto placeholders = Placeholders::parse(names ? &n : nullptr, values ? &v : nullptr);
    return placeholders ? placeholders->all_used().error().message()
                        : placeholders.error().message();
  };
  EXPECT_EQ(error_of("{}", nullptr), "ExpressionAttributeNames must not be empty");
  EXPECT_EQ(error_of(nullptr, "{}"), "ExpressionAttributeValues must not be empty");
  EXPECT_EQ(error_of(R"({"n":"x"})", nullptr),
            "ExpressionAttributeNames contains invalid key: Syntax error; key: \"n\"");
  EXPECT_EQ(error_of(nullptr, R"({":":{"S":"x"}})"),
            "ExpressionAttributeValues contains invalid key: Syntax error; key: \":\"");
  EXPECT_EQ(error_of(nullptr, R"({":v":{}})"),
            "ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, "
            "must contain exactly one of the supported datatypes for key :v");
  EXPECT_EQ(error_of(R"({"#n":"x"})", nullptr),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}");
  EXPECT_EQ(error_of(nullptr, R"({":a":{"S":"x"},":b":{"N":"1"}})"),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:a, :b}");
}

TEST(ValueTest, IsExactlyOneKnownType) {
  auto error_of = [](const std::string& text) {
    auto value = parse_value(json(text));
    return value ? std::string() : value.error().message();
  };
  EXPECT_EQ(error_of(R"({"S":"x"})"), "");
  EXPECT_NE(error_of(R"({"S":"x","N":"1"})").find("more than one datatypes"), std::string::npos);
  EXPECT_NE(error_of(R"({"Q":"x"})").find("exactly one of the supported"), std::string::npos);
  EXPECT_NE(error_of(R"({"NULL":false})").find("must have the value of true"), std::string::npos);
  EXPECT_NE(error_of(R"({"SS":[]})").find("may not be empty"), std::string::npos);
  EXPECT_NE(error_of(R"({"NS":["1","1.0"]})").find("duplicates"), std::string::npos);
  EXPECT_EQ(parse_value(json(R"({"S":1})")).error().code(), Code::kCorruption);
  EXPECT_EQ(parse_value(json(R"({"N":1})")).error().code(), Code::kCorruption);
  EXPECT_EQ(parse_value(json(R"({"B":"!"})")).error().code(), Code::kCorruption);
  std::string deep = R"({"S":"x"})";
  for (int i = 0; i < 20; ++i) deep = R"({"L":[)" + deep + "]}";
  EXPECT_EQ(error_of(deep), "");
}

}  // namespace
}  // namespace freshet::dynamodb

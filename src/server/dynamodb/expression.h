// What condition and projection expressions are made of. The grammar is that of the DynamoDB
// Developer Guide, "Comparison operator and function reference".
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "server/dynamodb/value.h"

namespace freshet::dynamodb {

// a.b[3]: names and list indexes, from the item inwards. The first is a name.
struct Path {
  using Element = std::variant<std::string, std::size_t>;
  std::vector<Element> elements;

  const std::string& attribute() const { return std::get<std::string>(elements.front()); }
  std::string text() const;  // "[a, b, [3]]", as error messages show it
  bool operator==(const Path&) const = default;
};

struct Operand {
  enum class Kind { kPath, kSizeOfPath, kValue };
  Kind kind = Kind::kValue;
  Path path;
  Value value;
};

struct Condition {
  enum class Kind {
    kAnd,  // of `conditions`, two or more
    kOr,
    kNot,    // of conditions[0]
    kEqual,  // operands[0] and [1]
    kNotEqual,
    kLess,
    kLessOrEqual,
    kGreater,
    kGreaterOrEqual,
    kBetween,  // [0] from [1] to [2]
    kIn,       // [0] is one of the rest
    kAttributeExists,
    kAttributeNotExists,
    kAttributeType,
    kBeginsWith,
    kContains,
  };
  Kind kind = Kind::kAnd;
  std::vector<Condition> conditions;
  std::vector<Operand> operands;
  bool parenthesized = false;
};

// "=", "BETWEEN", "begins_with", …
std::string_view condition_name(Condition::Kind kind);

}  // namespace freshet::dynamodb

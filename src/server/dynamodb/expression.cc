#include "server/dynamodb/expression.h"

namespace freshet::dynamodb {

std::string Path::text() const {
  std::string to = "[";
  for (const Element& element : elements) {
    if (to.size() > 1) to += ", ";
    if (const auto* name = std::get_if<std::string>(&element)) {
      to += *name;
    } else {
      to += "[" + std::to_string(std::get<std::size_t>(element)) + "]";
    }
  }
  return to + "]";
}

std::string_view condition_name(Condition::Kind kind) {
  switch (kind) {
    case Condition::Kind::kAnd:
      return "AND";
    case Condition::Kind::kOr:
      return "OR";
    case Condition::Kind::kNot:
      return "NOT";
    case Condition::Kind::kEqual:
      return "=";
    case Condition::Kind::kNotEqual:
      return "<>";
    case Condition::Kind::kLess:
      return "<";
    case Condition::Kind::kLessOrEqual:
      return "<=";
    case Condition::Kind::kGreater:
      return ">";
    case Condition::Kind::kGreaterOrEqual:
      return ">=";
    case Condition::Kind::kBetween:
      return "BETWEEN";
    case Condition::Kind::kIn:
      return "IN";
    case Condition::Kind::kAttributeExists:
      return "attribute_exists";
    case Condition::Kind::kAttributeNotExists:
      return "attribute_not_exists";
    case Condition::Kind::kAttributeType:
      return "attribute_type";
    case Condition::Kind::kBeginsWith:
      return "begins_with";
    case Condition::Kind::kContains:
      return "contains";
  }
  return "";
}

}  // namespace freshet::dynamodb

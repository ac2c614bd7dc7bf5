#include "server/dynamodb/expression_evaluator.h"

#include <algorithm>

namespace freshet::dynamodb {
namespace {

using Kind = Condition::Kind;

std::optional<Value> evaluate(const Operand& operand, const AttributeSource& item) {
  if (operand.kind == Operand::Kind::kValue) return operand.value;
  std::optional<Value> attribute = item(operand.path.attribute());
  if (!attribute) return std::nullopt;
  const Value* found = follow(*attribute, operand.path);
  if (!found) return std::nullopt;
  if (operand.kind == Operand::Kind::kPath) return *found;
  std::optional<std::uint64_t> size = size_of(*found);
  if (!size) return std::nullopt;
  return Value::of(Number::from(*size));
}

// What is not there equals nothing, and so differs from everything; it is neither less nor greater.
bool meets_comparison(Kind kind, const std::optional<Value>& left,
                      const std::optional<Value>& right) {
  bool both = left && right;
  if (kind == Kind::kEqual) return both && equal(*left, *right);
  if (kind == Kind::kNotEqual) return !(both && equal(*left, *right));
  if (!both) return false;
  auto order = compare(*left, *right);
  if (!order) return false;
  switch (kind) {
    case Kind::kLess:
      return *order < 0;
    case Kind::kLessOrEqual:
      return *order <= 0;
    case Kind::kGreater:
      return *order > 0;
    default:
      return *order >= 0;
  }
}

bool begins_with(const Value& whole, const Value& start) {
  if (whole.kind != start.kind) return false;
  bool bytes = whole.kind == Value::Kind::kString || whole.kind == Value::Kind::kBinary;
  return bytes && whole.bytes.starts_with(start.bytes);
}

bool contains(const Value& whole, const Value& part) {
  if (whole.kind == Value::Kind::kString || whole.kind == Value::Kind::kBinary)
    return part.kind == whole.kind && whole.bytes.find(part.bytes) != std::string::npos;
  if (!is_set(whole.kind) && whole.kind != Value::Kind::kList) return false;
  return std::any_of(whole.items.begin(), whole.items.end(),
                     [&](const Value& item) { return equal(item, part); });
}

bool meets_operands(const Condition& condition, const AttributeSource& item) {
  std::vector<std::optional<Value>> values;
  for (const Operand& operand : condition.operands) values.push_back(evaluate(operand, item));
  switch (condition.kind) {
    case Kind::kBetween:
      return meets_comparison(Kind::kGreaterOrEqual, values[0], values[1]) &&
             meets_comparison(Kind::kLessOrEqual, values[0], values[2]);
    case Kind::kIn:
      return std::any_of(values.begin() + 1, values.end(), [&](const auto& other) {
        return meets_comparison(Kind::kEqual, values[0], other);
      });
    case Kind::kAttributeExists:
      return values[0].has_value();
    case Kind::kAttributeNotExists:
      return !values[0].has_value();
    case Kind::kAttributeType:
      return values[0] && kind_name(values[0]->kind) == values[1]->bytes;
    case Kind::kBeginsWith:
      return values[0] && values[1] && begins_with(*values[0], *values[1]);
    case Kind::kContains:
      return values[0] && values[1] && contains(*values[0], *values[1]);
    default:
      return meets_comparison(condition.kind, values[0], values[1]);
  }
}

}  // namespace

const Value* follow(const Value& attribute, const Path& path) {
  const Value* at = &attribute;
  for (std::size_t i = 1; i < path.elements.size() && at; ++i) {
    if (const auto* name = std::get_if<std::string>(&path.elements[i])) {
      at = at->member(*name);
    } else {
      std::size_t index = std::get<std::size_t>(path.elements[i]);
      at = at->kind == Value::Kind::kList && index < at->items.size() ? &at->items[index] : nullptr;
    }
  }
  return at;
}

std::optional<std::uint64_t> size_of(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kString:
      // Bytes that continue a UTF-8 character begin with the bits 10.
      return static_cast<std::uint64_t>(std::count_if(value.bytes.begin(), value.bytes.end(),
                                                      [](char c) { return (c & 0xC0) != 0x80; }));
    case Value::Kind::kBinary:
      return value.bytes.size();
    case Value::Kind::kNumber:
    case Value::Kind::kBool:
    case Value::Kind::kNull:
      return std::nullopt;
    default:
      return value.items.size();
  }
}

bool meets(const Condition& condition, const AttributeSource& item) {
  auto meets_item = [&](const Condition& inner) { return meets(inner, item); };
  const auto& inner = condition.conditions;
  switch (condition.kind) {
    case Kind::kAnd:
      return std::all_of(inner.begin(), inner.end(), meets_item);
    case Kind::kOr:
      return std::any_of(inner.begin(), inner.end(), meets_item);
    case Kind::kNot:
      return !meets_item(inner.front());
    default:
      return meets_operands(condition, item);
  }
}

}  // namespace freshet::dynamodb

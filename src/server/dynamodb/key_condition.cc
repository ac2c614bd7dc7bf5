#include "server/dynamodb/key_condition.h"

#include <fmt/format.h>

namespace freshet::dynamodb {
namespace {

using Kind = Condition::Kind;

Error not_supported() {
  return Error(Code::kInvalid, "Query key condition not supported");
}

Status flatten(const Condition& condition, std::vector<const Condition*>& parts) {
  switch (condition.kind) {
    case Kind::kAnd:
      for (const Condition& inner : condition.conditions) FRESHET_TRY_STATUS(flatten(inner, parts));
      return ok();
    case Kind::kEqual:
    case Kind::kLess:
    case Kind::kLessOrEqual:
    case Kind::kGreater:
    case Kind::kGreaterOrEqual:
    case Kind::kBetween:
    case Kind::kBeginsWith:
      parts.push_back(&condition);
      return ok();
    default:
      return Error(Code::kInvalid,
                   fmt::format("Invalid operator used in KeyConditionExpression: {}",
                               condition_name(condition.kind)));
  }
}

// The name on the left; everything on the right must be a string.
Result<const std::string*> attribute_of(const Condition& part) {
  const Operand& left = part.operands[0];
  if (left.kind != Operand::Kind::kPath) return not_supported();
  if (left.path.elements.size() != 1)
    return Error(
        Code::kInvalid,
        "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on "
        "nested attributes");
  for (std::size_t i = 1; i < part.operands.size(); ++i) {
    if (part.operands[i].kind != Operand::Kind::kValue) return not_supported();
  }
  return &left.path.attribute();
}

Status check_values(const Condition& part, const std::string& name) {
  for (std::size_t i = 1; i < part.operands.size(); ++i) {
    const Value& value = part.operands[i].value;
    if (value.kind != Value::Kind::kString)
      return Error(Code::kInvalid,
                   "One or more parameter values were invalid: Condition parameter "
                   "type does not match schema type");
    if (value.bytes.empty())
      return Error(Code::kInvalid,
                   fmt::format("One or more parameter values are not valid. The AttributeValue for "
                               "a key attribute cannot contain an empty string value. Key: {}",
                               name));
  }
  return ok();
}

TimeRange times_of(const Condition& part) {
  const std::string& bound = part.operands[1].value.bytes;
  switch (part.kind) {
    case Kind::kLess:
      return times_below(bound);
    case Kind::kLessOrEqual:
      return times_to(bound);
    case Kind::kGreater:
      return times_above(bound);
    case Kind::kGreaterOrEqual:
      return times_from(bound);
    case Kind::kBetween:
      return intersect(times_from(bound), times_to(part.operands[2].value.bytes));
    case Kind::kBeginsWith:
      return times_with_prefix(bound);
    default:
      return intersect(times_from(bound), times_to(bound));
  }
}

}  // namespace

Result<KeyCondition> interpret_key_condition(const Condition& condition, const TableShape& shape,
                                             const TableIndex* index) {
  std::vector<const Condition*> parts;
  FRESHET_TRY_STATUS(flatten(condition, parts));
  const std::string& hash_name = shape.name_of(index ? index->hash_column : shape.key_column);
  const std::string* range_name = index ? &shape.name_of(shape.time_column()) : nullptr;
  KeyCondition to;
  bool has_hash = false, has_range = false;
  for (const Condition* part : parts) {
    FRESHET_TRY(const std::string* name, attribute_of(*part));
    bool is_hash = *name == hash_name;
    bool is_range = range_name && *name == *range_name;
    if (!is_hash && !is_range) {
      if (parts.size() == 1) break;  // the missing key is named below
      return not_supported();
    }
    if (is_hash ? has_hash : has_range)
      return Error(Code::kInvalid,
                   "KeyConditionExpressions must only contain one condition per key");
    FRESHET_TRY_STATUS(check_values(*part, *name));
    if (is_hash && part->kind != Kind::kEqual) return not_supported();
    if (is_hash) to.hash = part->operands[1].value.bytes;
    if (is_range) to.times = times_of(*part);
    (is_hash ? has_hash : has_range) = true;
  }
  if (!has_hash)
    return Error(Code::kInvalid,
                 fmt::format("Query condition missed key schema element: {}", hash_name));
  return to;
}

}  // namespace freshet::dynamodb

#include "server/dynamodb/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace freshet::dynamodb {
namespace {

using Kind = Value::Kind;

constexpr std::array<std::string_view, 10> kKindNames = {"S",  "N",  "B",  "BOOL", "NULL",
                                                         "SS", "NS", "BS", "L",    "M"};
constexpr int kDepthMax = 32;

Error wrong_json(std::string_view type, std::string_view wanted) {
  return Error(Code::kCorruption, fmt::format("the value of {} must be {}", type, wanted));
}

Result<Value> parse_nested(const aws::Document& document, int depth);

Result<Value> parse_scalar(Kind kind, const aws::Document& document) {
  Value value;
  value.kind = kind;
  if (kind == Kind::kBool || kind == Kind::kNull) {
    auto given = document.boolean();
    if (!given) return wrong_json(kind_name(kind), "true or false");
    if (kind == Kind::kNull && !*given)
      return Error(Code::kInvalid,
                   "One or more parameter values were invalid: Null attribute value types must "
                   "have the value of true");
    value.boolean = *given;
    return value;
  }
  if (kind == Kind::kBinary) {
    auto bytes = document.blob_bytes();
    if (!bytes) return wrong_json("B", "base64 text");
    value.bytes = std::move(*bytes);
    return value;
  }
  const std::string* text = document.text();
  if (!text) return wrong_json(kind_name(kind), "a string");
  if (kind == Kind::kNumber) {
    FRESHET_TRY(value.number, Number::parse(*text));
  } else {
    value.bytes = *text;
  }
  return value;
}

Result<Value> parse_set(Kind kind, const aws::Document::List& list) {
  if (list.empty())
    return Error(Code::kInvalid,
                 fmt::format("One or more parameter values were invalid: An {} set  may not be "
                             "empty",
                             kind == Kind::kStringSet   ? "string"
                             : kind == Kind::kNumberSet ? "number"
                                                        : "binary"));
  Value value;
  value.kind = kind;
  for (const aws::Document& item : list) {
    FRESHET_TRY(Value element, parse_scalar(element_kind(kind), item));
    for (const Value& other : value.items) {
      if (equal(element, other))
        return Error(Code::kInvalid,
                     "One or more parameter values were invalid: Input collection contains "
                     "duplicates.");
    }
    value.items.push_back(std::move(element));
  }
  return value;
}

Result<Value> parse_collection(Kind kind, const aws::Document& document, int depth) {
  Value value;
  value.kind = kind;
  if (kind == Kind::kMap) {
    const auto* members = document.members();
    if (!members) return wrong_json("M", "an object");
    for (const aws::Document::Member& member : *members) {
      FRESHET_TRY(Value item, parse_nested(member.value, depth + 1));
      value.names.push_back(member.name);
      value.items.push_back(std::move(item));
    }
    return value;
  }
  const auto* list = document.items();
  if (!list) return wrong_json(kind_name(kind), "an array");
  if (is_set(kind)) return parse_set(kind, *list);
  for (const aws::Document& item : *list) {
    FRESHET_TRY(Value element, parse_nested(item, depth + 1));
    value.items.push_back(std::move(element));
  }
  return value;
}

Result<Value> parse_nested(const aws::Document& document, int depth) {
  if (depth > kDepthMax)
    return Error(Code::kInvalid, "Nesting Levels have exceeded supported limits");
  const auto* members = document.members();
  if (!members) return Error(Code::kCorruption, "an AttributeValue must be an object");
  if (members->empty())
    return Error(Code::kInvalid,
                 "Supplied AttributeValue is empty, must contain exactly one of the supported "
                 "datatypes");
  if (members->size() > 1)
    return Error(Code::kInvalid,
                 "Supplied AttributeValue has more than one datatypes set, must contain exactly "
                 "one of the supported datatypes");
  auto kind = kind_of_name(members->front().name);
  if (!kind)
    return Error(Code::kInvalid,
                 "Supplied AttributeValue is empty, must contain exactly one of the supported "
                 "datatypes");
  const aws::Document& inner = members->front().value;
  if (*kind <= Kind::kNull) return parse_scalar(*kind, inner);
  return parse_collection(*kind, inner, depth);
}

bool equal_sets(const Value& left, const Value& right) {
  return std::is_permutation(left.items.begin(), left.items.end(), right.items.begin(),
                             right.items.end(), equal);
}

bool equal_maps(const Value& left, const Value& right) {
  if (left.items.size() != right.items.size()) return false;
  for (std::size_t i = 0; i < left.items.size(); ++i) {
    const Value* other = right.member(left.names[i]);
    if (!other || !equal(left.items[i], *other)) return false;
  }
  return true;
}

}  // namespace

Value Value::string(std::string text) {
  Value value;
  value.kind = Kind::kString;
  value.bytes = std::move(text);
  return value;
}

Value Value::of(Number number) {
  Value value;
  value.kind = Kind::kNumber;
  value.number = number;
  return value;
}

const Value* Value::member(std::string_view name) const {
  if (kind != Kind::kMap) return nullptr;
  auto at = std::find(names.begin(), names.end(), name);
  return at == names.end() ? nullptr : &items[static_cast<std::size_t>(at - names.begin())];
}

std::string_view kind_name(Kind kind) {
  return kKindNames[static_cast<std::size_t>(kind)];
}

std::optional<Kind> kind_of_name(std::string_view name) {
  auto at = std::find(kKindNames.begin(), kKindNames.end(), name);
  if (at == kKindNames.end()) return std::nullopt;
  return static_cast<Kind>(at - kKindNames.begin());
}

Kind element_kind(Kind set) {
  if (set == Kind::kStringSet) return Kind::kString;
  if (set == Kind::kNumberSet) return Kind::kNumber;
  return Kind::kBinary;
}

Result<Value> parse_value(const aws::Document& document) {
  return parse_nested(document, 0);
}

bool equal(const Value& left, const Value& right) {
  if (left.kind != right.kind) return false;
  switch (left.kind) {
    case Kind::kString:
    case Kind::kBinary:
      return left.bytes == right.bytes;
    case Kind::kNumber:
      return left.number == right.number;
    case Kind::kBool:
      return left.boolean == right.boolean;
    case Kind::kNull:
      return true;
    case Kind::kList:
      return std::equal(left.items.begin(), left.items.end(), right.items.begin(),
                        right.items.end(), equal);
    case Kind::kMap:
      return equal_maps(left, right);
    default:
      return equal_sets(left, right);
  }
}

std::optional<std::strong_ordering> compare(const Value& left, const Value& right) {
  if (left.kind != right.kind || !is_ordered(left.kind)) return std::nullopt;
  if (left.kind == Kind::kNumber) return left.number <=> right.number;
  return left.bytes.compare(right.bytes) <=> 0;  // char_traits compares as unsigned bytes
}

std::string describe(const Value& value) {
  std::string_view name = kind_name(value.kind);
  if (value.kind == Kind::kNumber) return fmt::format("{{{}:{}}}", name, value.number.text());
  if (value.kind == Kind::kString) return fmt::format("{{{}:{}}}", name, value.bytes);
  return fmt::format("{{{}}}", name);
}

}  // namespace freshet::dynamodb

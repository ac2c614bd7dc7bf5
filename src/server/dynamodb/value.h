// DynamoDB's AttributeValue: what a request compares with, and what an item's attribute holds.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/document.h"
#include "common/result.h"
#include "server/dynamodb/number.h"

namespace freshet::dynamodb {

struct Value {
  enum class Kind {
    kString,
    kNumber,
    kBinary,
    kBool,
    kNull,
    kStringSet,
    kNumberSet,
    kBinarySet,
    kList,
    kMap
  };
  Kind kind = Kind::kNull;
  std::string bytes;  // of a string or binary
  Number number;
  bool boolean = false;
  std::vector<Value> items;        // of a set, list or map
  std::vector<std::string> names;  // of a map: one per item

  static Value string(std::string text);
  static Value of(Number number);

  const Value* member(std::string_view name) const;  // of a map
};

// The service's names: "S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M".
std::string_view kind_name(Value::Kind kind);
std::optional<Value::Kind> kind_of_name(std::string_view name);
constexpr bool is_set(Value::Kind kind) {
  return kind == Value::Kind::kStringSet || kind == Value::Kind::kNumberSet ||
         kind == Value::Kind::kBinarySet;
}
// The kind of a set's elements.
Value::Kind element_kind(Value::Kind set);
// Strings, numbers and binaries have an order; the rest can only be equal.
constexpr bool is_ordered(Value::Kind kind) {
  return kind == Value::Kind::kString || kind == Value::Kind::kNumber ||
         kind == Value::Kind::kBinary;
}

// {"S": "text"}. kCorruption where a member has the wrong JSON type (a SerializationException),
// kInvalid for what is well formed but no value.
Result<Value> parse_value(const aws::Document& document);

bool equal(const Value& left, const Value& right);
// Nothing where the kinds differ or have no order.
std::optional<std::strong_ordering> compare(const Value& left, const Value& right);
// "{S:text}", as error messages show a value.
std::string describe(const Value& value);

}  // namespace freshet::dynamodb

// Whether an item meets a condition.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "server/dynamodb/expression.h"

namespace freshet::dynamodb {

// The item's attribute of that name, or nothing where it has none.
using AttributeSource = std::function<std::optional<Value>(std::string_view name)>;

bool meets(const Condition& condition, const AttributeSource& item);

// What `path` leads to from the attribute it begins with.
const Value* follow(const Value& attribute, const Path& path);
// What size() says: characters of a string, bytes of a binary, elements of the rest. Numbers,
// booleans and null have none.
std::optional<std::uint64_t> size_of(const Value& value);

}  // namespace freshet::dynamodb

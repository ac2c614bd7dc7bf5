// JSON as the command line needs it: whole answers as a tree, texts for our own.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"

namespace freshet::cli {

struct JsonValue {
  enum class Kind { kNull, kBoolean, kNumber, kText, kArray, kObject };
  Kind kind = Kind::kNull;
  std::string text;  // a text's value; else as written: 18446744073709551616 stays what it is
  std::vector<JsonValue> items;
  std::vector<std::pair<std::string, JsonValue>> members;  // in order

  bool is_object() const { return kind == Kind::kObject; }
  bool is_array() const { return kind == Kind::kArray; }
  // The member of that name; a null value where there is none.
  const JsonValue& operator[](std::string_view name) const;
  // A scalar as people read it, an array or object as JSON; "" for null.
  std::string to_text() const;
  std::string to_json() const;
  std::uint64_t to_count() const;  // 0 where it is no number
};

Result<JsonValue> parse_json(std::string_view text);
std::string json_string(std::string_view text);

}  // namespace freshet::cli

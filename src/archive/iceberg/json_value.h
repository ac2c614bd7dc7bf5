// A JSON value that keeps what it does not know: table metadata written by other engines has
// members that are not ours to drop.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/result.h"

namespace freshet::archive::iceberg {

// A plain value: copy it, move it, keep it.
class JsonValue {
 public:
  struct Member;
  using List = std::vector<JsonValue>;
  using Map = std::vector<Member>;  // keeps the order of its members; names are unique

  JsonValue() = default;
  JsonValue(std::same_as<bool> auto value) : state_(value) {}  // NOLINT: implicit by design
  JsonValue(double value);                                     // NOLINT: implicit by design
  JsonValue(std::string text);                                 // NOLINT: implicit by design
  JsonValue(std::string_view text);                            // NOLINT: implicit by design
  JsonValue(const char* text);                                 // NOLINT: implicit by design
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  JsonValue(T value);  // NOLINT: implicit by design
  static JsonValue list();
  static JsonValue map();

  // Building. set() is for a map and a name it does not hold yet; push() is for a list.
  JsonValue& set(std::string name, JsonValue value) &;
  JsonValue&& set(std::string name, JsonValue value) &&;
  JsonValue& push(JsonValue value) &;

  // Reading. Each gives nothing where this is a value of another kind.
  bool is_null() const { return state_.index() == 0; }
  const JsonValue* find(std::string_view name) const;  // a map's member that is not null
  const List* items() const { return std::get_if<List>(&state_); }
  const Map* members() const { return std::get_if<Map>(&state_); }
  const std::string* text() const { return std::get_if<std::string>(&state_); }
  std::optional<bool> boolean() const;
  std::optional<std::int64_t> integer() const;

  bool operator==(const JsonValue& other) const;

 private:
  friend void append_json(std::string& to, const JsonValue& value);
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, List, Map>
      state_;
};

struct JsonValue::Member {
  std::string name;
  JsonValue value;
  bool operator==(const Member&) const = default;
};

// Here, not in the class: they need Member whole, as clang insists.
inline JsonValue::JsonValue(double value) : state_(value) {}
inline JsonValue::JsonValue(std::string text) : state_(std::move(text)) {}
inline JsonValue::JsonValue(std::string_view text) : state_(std::string(text)) {}
inline JsonValue::JsonValue(const char* text) : state_(std::string(text)) {}
template <std::integral T>
  requires(!std::same_as<T, bool>)
JsonValue::JsonValue(T value) {
  if (std::in_range<std::int64_t>(value)) {
    state_ = static_cast<std::int64_t>(value);
  } else {
    state_ = static_cast<std::uint64_t>(value);
  }
}

// Refuses (kInvalid, without a number: the caller knows whose text it is) what is not exactly one
// value, is nested deeper than 64, or names a member twice.
Result<JsonValue> parse_json(std::string_view text);

void append_json(std::string& to, const JsonValue& value);
std::string write_json(const JsonValue& value);

}  // namespace freshet::archive::iceberg

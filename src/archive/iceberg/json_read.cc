#include "archive/iceberg/json_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace freshet::archive::iceberg {
namespace {

Error missing(std::string_view name, std::string_view kind) {
  return bad_metadata(fmt::format("\"{}\" is not there, or is not {}", name, kind));
}

Result<std::int32_t> narrow(std::int64_t value, std::string_view name) {
  if (!std::in_range<std::int32_t>(value)) {
    return bad_metadata(fmt::format("\"{}\" is {}, beyond 32 bits", name, value));
  }
  return static_cast<std::int32_t>(value);
}

}  // namespace

Error bad_metadata(std::string message) {
  return Error(Code::kCorruption, 3600, "table metadata: " + std::move(message));
}

Result<std::int64_t> read_long(const JsonValue& from, std::string_view name) {
  const JsonValue* value = from.find(name);
  if (value == nullptr || !value->integer()) return missing(name, "a whole number");
  return *value->integer();
}

Result<std::int32_t> read_int(const JsonValue& from, std::string_view name) {
  FRESHET_TRY(std::int64_t value, read_long(from, name));
  return narrow(value, name);
}

Result<std::string> read_text(const JsonValue& from, std::string_view name) {
  const JsonValue* value = from.find(name);
  if (value == nullptr || value->text() == nullptr) return missing(name, "a text");
  return *value->text();
}

Result<JsonValue::List> read_list(const JsonValue& from, std::string_view name) {
  const JsonValue* value = from.find(name);
  if (value == nullptr || value->items() == nullptr) return missing(name, "a list");
  return *value->items();
}

Result<std::optional<std::int64_t>> read_optional_long(const JsonValue& from,
                                                       std::string_view name) {
  if (from.find(name) == nullptr) return std::optional<std::int64_t>();
  FRESHET_TRY(std::int64_t value, read_long(from, name));
  return std::optional(value);
}

Result<std::optional<std::int32_t>> read_optional_int(const JsonValue& from,
                                                      std::string_view name) {
  if (from.find(name) == nullptr) return std::optional<std::int32_t>();
  FRESHET_TRY(std::int32_t value, read_int(from, name));
  return std::optional(value);
}

JsonValue::Map unknown_members(const JsonValue& from,
                               std::initializer_list<std::string_view> known) {
  JsonValue::Map unknown;
  for (const JsonValue::Member& member : *from.members()) {
    bool is_known = std::find(known.begin(), known.end(), member.name) != known.end();
    if (!is_known) unknown.push_back(member);
  }
  return unknown;
}

void set_members(JsonValue& to, const JsonValue::Map& members) {
  for (const JsonValue::Member& member : members) to.set(member.name, member.value);
}

}  // namespace freshet::archive::iceberg

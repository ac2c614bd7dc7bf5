// Members of table metadata, taken from a JSON object by name; what is missing or of another kind
// is FRS-3600, with the member's name.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "archive/iceberg/json_value.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

Error bad_metadata(std::string message);

Result<std::int64_t> read_long(const JsonValue& from, std::string_view name);
Result<std::int32_t> read_int(const JsonValue& from, std::string_view name);
Result<std::string> read_text(const JsonValue& from, std::string_view name);
Result<JsonValue::List> read_list(const JsonValue& from, std::string_view name);
// Nothing where there is no such member; a member of another kind is still an error.
Result<std::optional<std::int64_t>> read_optional_long(const JsonValue& from,
                                                       std::string_view name);
Result<std::optional<std::int32_t>> read_optional_int(const JsonValue& from, std::string_view name);

// The members that are not among `known`.
JsonValue::Map unknown_members(const JsonValue& from,
                               std::initializer_list<std::string_view> known);
// Puts them at the end of `to`.
void set_members(JsonValue& to, const JsonValue::Map& members);

}  // namespace freshet::archive::iceberg

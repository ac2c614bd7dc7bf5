// Strict reading of a JSON or NDJSON file's shape, before DuckDB reads its values: every value an
// object, no name twice in one, nothing cut. Errors name the line or the number of the object.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/result.h"

namespace freshet::sql {

// Number of objects in an array of them. kInvalid, FRS-1325.
Result<std::size_t> check_json_array(std::string_view path, std::string_view text);
// Number of lines, each an object. kInvalid, FRS-1325.
Result<std::size_t> check_ndjson(std::string_view path, std::string_view text);

}  // namespace freshet::sql

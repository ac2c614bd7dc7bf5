// DuckDB's values as text: of any type, for JSON and for CSV.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {

// A type, read once per answer.
struct ValueType {
  duckdb_type id = DUCKDB_TYPE_INVALID;
  duckdb_type storage = DUCKDB_TYPE_INVALID;  // of DECIMAL and ENUM
  std::uint8_t scale = 0;                     // of DECIMAL
  std::uint64_t array_size = 0;               // of ARRAY
  bool is_json = false;                       // a text that is JSON already
  std::vector<std::string> names;             // fields of STRUCT, words of ENUM
  std::vector<ValueType> children;            // fields, element, or key and value
};

// kInvalid for the few types that have no plain text (UNION, VARIANT, …).
Result<ValueType> value_type_of(duckdb_logical_type type);

// One vector of a chunk with its children. Valid as long as the chunk.
struct ValueView {
  const ValueType* type = nullptr;
  const void* data = nullptr;
  const std::uint64_t* validity = nullptr;
  std::vector<ValueView> children;

  ValueView(const ValueType& value_type, duckdb_vector vector);
  bool is_null(std::uint64_t row) const {
    return type->id == DUCKDB_TYPE_SQLNULL ||
           (validity != nullptr && (validity[row / 64] >> (row % 64) & 1) == 0);
  }
  template <typename T>
  const T& at(std::uint64_t row) const {
    return static_cast<const T*>(data)[row];
  }
};

// Numbers with all their digits; times in RFC 3339, UTC where the type has a zone; durations in ISO
// 8601; BLOB in base64; MAP with text keys as an object. NaN and infinities are texts.
void append_json(std::string& to, const ValueView& view, std::uint64_t row);
// A field of a CSV line, quoted where needed. Null is nothing, the empty text "".
void append_csv(std::string& to, const ValueView& view, std::uint64_t row);
void append_json_text(std::string& to, std::string_view text);
void append_csv_text(std::string& to, std::string_view text);

}  // namespace freshet::sql

// Single values: partition tuples, and the lower and upper bounds of columns as raw bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "archive/iceberg/schema.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

// Null; boolean; int, long, date and times; float and double; all other types as bytes (a UUID
// big-endian, a decimal as two's complement big-endian, texts as UTF-8).
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

inline bool is_null(const Value& value) {
  return value.index() == 0;
}

// The single-value serialization of Iceberg (appendix D): numbers little-endian in their width.
// FRESHET_CHECKs that the value is of the type's kind and not null.
std::string encode_value(const FieldType& type, const Value& value);
// FRS-3606 where the length is not the type's. A long or double may lie in the 4 bytes of the int
// or float that the column was when the file was written.
Result<Value> decode_value(const FieldType& type, std::string_view bytes);

// Bounds of texts and blobs, cut to 16 characters (of a blob, bytes). An upper bound that was cut
// is rounded up to stay one; where it cannot be, there is none.
std::string lower_text_bound(std::string_view text);
std::optional<std::string> upper_text_bound(std::string_view text);
std::string lower_blob_bound(std::string_view bytes);
std::optional<std::string> upper_blob_bound(std::string_view bytes);

}  // namespace freshet::archive::iceberg

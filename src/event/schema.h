// The types of columns and the shape of a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freshet {

// How a value lies in a column, and its SQL type (DuckDB's names).
enum class ColumnType : std::uint8_t {
  kBool,       // 1 byte; BOOLEAN
  kInt8,       // TINYINT
  kInt16,      // SMALLINT
  kInt32,      // INTEGER
  kInt64,      // BIGINT
  kUInt8,      // UTINYINT
  kUInt16,     // USMALLINT
  kUInt32,     // UINTEGER
  kUInt64,     // UBIGINT
  kFloat,      // FLOAT
  kDouble,     // DOUBLE
  kDate,       // int32 days since 1970; DATE
  kTimestamp,  // int64 microseconds UTC; TIMESTAMP WITH TIME ZONE
  kUuid,       // EventId, 16 bytes (high, low); UUID
  kBox,        // Box, four 16-bit fractions; STRUCT(x DOUBLE, y DOUBLE, w DOUBLE, h DOUBLE)
  kText,       // std::string_view in a ColumnBatch, a dictionary code in hot; VARCHAR
  kBlob,       // like kText; BLOB
};

// A bounding box: left, top, width, height as fractions of the frame × 65,535, rounded.
struct Box {
  std::uint16_t x = 0, y = 0, w = 0, h = 0;
  friend bool operator==(const Box&, const Box&) = default;
};

// Bytes of one value in a ColumnBatch.
constexpr std::size_t column_type_bytes(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
    case ColumnType::kInt8:
    case ColumnType::kUInt8:
      return 1;
    case ColumnType::kInt16:
    case ColumnType::kUInt16:
      return 2;
    case ColumnType::kInt32:
    case ColumnType::kUInt32:
    case ColumnType::kFloat:
    case ColumnType::kDate:
      return 4;
    case ColumnType::kInt64:
    case ColumnType::kUInt64:
    case ColumnType::kDouble:
    case ColumnType::kTimestamp:
    case ColumnType::kBox:
      return 8;
    case ColumnType::kUuid:
    case ColumnType::kText:
    case ColumnType::kBlob:
      return 16;
  }
  return 0;
}
static_assert(sizeof(std::string_view) == 16);

constexpr bool is_text(ColumnType type) {
  return type == ColumnType::kText || type == ColumnType::kBlob;
}

// DuckDB's spelling, e.g. "TIMESTAMP WITH TIME ZONE".
std::string_view sql_type_name(ColumnType type);

struct ColumnSchema {
  std::string name;
  ColumnType type = ColumnType::kText;
  friend bool operator==(const ColumnSchema&, const ColumnSchema&) = default;
};

struct Schema {
  std::vector<ColumnSchema> columns;

  std::optional<std::size_t> find(std::string_view name) const;
  friend bool operator==(const Schema&, const Schema&) = default;
};

}  // namespace freshet

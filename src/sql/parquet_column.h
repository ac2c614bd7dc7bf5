// A column of our Parquet files: a column of ours with the Iceberg ids that it keeps in every file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "event/schema.h"

namespace freshet::sql {

inline constexpr std::array<std::string_view, 4> kBoxFieldNames = {"x", "y", "w", "h"};

// Readers go by field_id, never by name: a column that is renamed keeps its values.
struct ParquetColumn {
  std::string name;
  ColumnType type = ColumnType::kText;
  std::int32_t field_id = 0;                       // above 0, once in a table
  std::array<std::int32_t, 4> box_field_ids = {};  // of x, y, w, h; of kBox alone
  // Of kUInt64 alone: the file holds decimals, which have room for every number. Else a number
  // above 2^63 - 1 cannot be written, which is right for positions: they stay below, and are read
  // faster.
  bool is_decimal = false;
  friend bool operator==(const ParquetColumn&, const ParquetColumn&) = default;
};

// What a file holds for a column of ours. Iceberg has no unsigned and no short numbers: they are
// written as the next larger signed type, and 64 unsigned bits as it says in the column.
//   kBool                                     BOOLEAN         Iceberg boolean
//   kInt8, kInt16, kInt32, kUInt8, kUInt16    INTEGER         int
//   kInt64, kUInt32                           BIGINT          long
//   kUInt64                                   BIGINT          long
//   kUInt64 with is_decimal                   DECIMAL(20, 0)  decimal(20, 0)
//                                             (FIXED_LEN_BYTE_ARRAY(16), big-endian)
//   kFloat; kDouble                           FLOAT; DOUBLE
//   kDate                                     DATE
//   kTimestamp                                TIMESTAMP WITH TIME ZONE (INT64, micros, UTC)
//   kUuid                                     UUID (FIXED_LEN_BYTE_ARRAY(16))
//   kText; kBlob                              VARCHAR; BLOB
//   kBox                                      struct of four DOUBLE, fractions of the frame
// kUInt64 as an answer is DECIMAL(20, 0): a file holds no other unsigned number.
ColumnType parquet_type_of(const ParquetColumn& column);
// What the file holds as SQL writes it: "BIGINT", "DECIMAL(20,0)", "STRUCT(x DOUBLE, …)".
std::string_view parquet_sql_type(const ParquetColumn& column);
// "uuid", "timestamptz", "struct", "decimal(20, 0)": Iceberg's name of what the file holds.
std::string_view iceberg_type_name(const ParquetColumn& column);

}  // namespace freshet::sql

// The shape of an Iceberg table, and how ours is made from an event schema. A column is known by
// its field id, not by its name: ids are given in order of first appearance and never again, so
// that a file written under an old shape reads right under every later one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/iceberg/json_value.h"
#include "common/result.h"
#include "event/schema.h"

namespace freshet::archive::iceberg {

enum class TypeKind : std::uint8_t {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDate,
  kTime,
  kTimestamp,    // without zone; ours never
  kTimestamptz,  // int64 microseconds UTC
  kString,
  kUuid,
  kFixed,
  kBinary,
  kDecimal,
  kStruct,
  kList,
  kMap,
};

struct Field;

struct FieldType {
  TypeKind kind = TypeKind::kString;
  std::int32_t precision = 0;  // of a decimal
  std::int32_t scale = 0;      // of a decimal
  std::int32_t length = 0;     // of a fixed
  // Of a struct its fields; of a list "element"; of a map "key" and "value".
  std::vector<Field> fields;

  bool is_primitive() const { return kind < TypeKind::kStruct; }
  bool operator==(const FieldType& other) const;
};

struct Field {
  std::int32_t id = 0;
  std::string name;
  bool required = false;
  FieldType type;
  JsonValue::Map unknown;  // "doc" and whatever else another engine wrote

  bool operator==(const Field& other) const;
};

struct TableSchema {
  std::int32_t schema_id = 0;
  std::vector<Field> fields;
  JsonValue::Map unknown;  // e.g. "identifier-field-ids"

  const Field* find(std::string_view name) const;  // of the top level, case as written
  const Field* find(std::int32_t id) const;        // of any level
  // All but the schema's own id.
  bool same_shape(const TableSchema& other) const;
  bool operator==(const TableSchema& other) const;
};

// UBIGINT columns that hold log positions become `long`: positions stay below 2^63. Any other
// UBIGINT becomes decimal(20, 0), which holds all of its values.
inline constexpr std::array<std::string_view, 2> kPositionColumns{"position", "first_position"};

struct NumberedSchema {
  TableSchema schema;
  std::int32_t last_column_id = 0;
};

// The first schema of a table: id 0, fields from id 1 in the order of the columns, the four numbers
// of a box behind all columns. Every field is optional, because a later column is null in older
// files anyway. FRS-3602 where two names differ only in case or a name is reserved by Iceberg.
Result<NumberedSchema> new_schema(
    const freshet::Schema& columns,
    std::span<const std::string_view> position_columns = kPositionColumns);

// `current` with what `columns` has and it lacks. The id of the schema is the next one where
// something changed, and that of `current` where nothing did. int may become long and float double
// (the only changes under which old files stay readable); a narrower column leaves the wider field
// as it is. FRS-3603 where a column is gone or its type no longer fits.
Result<NumberedSchema> evolve_schema(
    const TableSchema& current, std::int32_t last_column_id, const freshet::Schema& columns,
    std::span<const std::string_view> position_columns = kPositionColumns);

// "long", "decimal(20, 0)", "struct<x: double, …>": for messages.
std::string type_name(const FieldType& type);

// The DuckDB type to which a column must be cast before it goes into a Parquet file of this table:
// Iceberg has no unsigned and no small integers. FRS-3604 for a type that DuckDB has no equal of.
Result<std::string> parquet_sql_type(const FieldType& type);
// The FIELD_IDS of DuckDB's COPY … (FORMAT parquet): {"id": 1, "box": {__duckdb_field_id: 2, "x":
// 3, …}}.
std::string parquet_field_ids(const TableSchema& schema);

JsonValue schema_to_json(const TableSchema& schema);
Result<TableSchema> schema_from_json(const JsonValue& json);

}  // namespace freshet::archive::iceberg

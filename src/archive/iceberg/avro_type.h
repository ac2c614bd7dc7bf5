// The schema with which an Avro file was written, as far as reading manifests needs it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "archive/iceberg/json_value.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

enum class AvroKind : std::uint8_t {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kFixed,
  kEnum,
  kRecord,
  kArray,  // one child: the items
  kMap,    // one child: the values
  kUnion,
};

struct AvroType {
  AvroKind kind = AvroKind::kNull;
  std::int64_t fixed_bytes = 0;    // of a fixed
  std::vector<AvroType> children;  // fields, items, values, branches
  std::vector<std::int32_t> ids;   // of a record: "field-id" of each child, -1 where it has none
  bool operator==(const AvroType&) const = default;
};

// False where every value of the type is written as no bytes at all.
bool takes_bytes(const AvroType& type);
// The type of a record's field.
const AvroType* find_field(const AvroType& record, std::int32_t id);

// Refuses (FRS-3612) unknown types, types that hold themselves, arrays of things without bytes, and
// schemas beyond 10,000 parts or 32 levels.
Result<AvroType> parse_avro_type(const JsonValue& json);

}  // namespace freshet::archive::iceberg

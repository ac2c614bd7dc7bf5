// How a table is cut into partitions, and how its files are sorted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "archive/iceberg/json_value.h"
#include "archive/iceberg/schema.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

enum class TransformKind : std::uint8_t {
  kIdentity,
  kBucket,
  kTruncate,
  kYear,
  kMonth,
  kDay,
  kHour,
  kVoid,
};

struct Transform {
  TransformKind kind = TransformKind::kIdentity;
  std::int32_t width = 0;  // of bucket and truncate
  bool operator==(const Transform&) const = default;
};

std::string transform_name(const Transform& transform);  // "bucket[16]"
// FRS-3608 for one that is not in the list above.
Result<Transform> transform_from_name(std::string_view name);

struct PartitionField {
  std::int32_t source_id = 0;
  std::int32_t field_id = 0;  // from 1000 on, never given twice
  std::string name;
  Transform transform;
  bool operator==(const PartitionField&) const = default;
};

struct PartitionSpec {
  std::int32_t spec_id = 0;
  std::vector<PartitionField> fields;  // none: unpartitioned
  bool operator==(const PartitionSpec&) const = default;
};

inline constexpr std::int32_t kFirstPartitionFieldId = 1000;

enum class TimePartition : std::uint8_t { kNone, kDay, kHour };
// Spec 0 of a new table: day or hour of a timestamptz column. FRS-3605 where there is no such
// column.
Result<PartitionSpec> partition_by_time(const TableSchema& schema, std::string_view column,
                                        TimePartition by);

// The type of a partition value. FRS-3605 where the column is not in the schema.
Result<FieldType> partition_type(const PartitionField& field, const TableSchema& schema);

struct SortField {
  std::int32_t source_id = 0;
  Transform transform;
  bool descending = false;
  bool nulls_last = false;
  bool operator==(const SortField&) const = default;
};

// Order 0 means unsorted and has no fields.
struct SortOrder {
  std::int32_t order_id = 0;
  std::vector<SortField> fields;
  bool operator==(const SortOrder&) const = default;
};

// Order 1: ascending by these columns, nulls first. FRS-3605 where one is not there.
Result<SortOrder> sort_by(const TableSchema& schema, const std::vector<std::string>& columns);

JsonValue partition_fields_to_json(const PartitionSpec& spec);
JsonValue partition_spec_to_json(const PartitionSpec& spec);
Result<std::vector<PartitionField>> partition_fields_from_json(const JsonValue& json);
Result<PartitionSpec> partition_spec_from_json(const JsonValue& json);
JsonValue sort_order_to_json(const SortOrder& order);
Result<SortOrder> sort_order_from_json(const JsonValue& json);

}  // namespace freshet::archive::iceberg

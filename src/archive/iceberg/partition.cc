#include "archive/iceberg/partition.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace freshet::archive::iceberg {
namespace {

constexpr std::array<std::pair<std::string_view, TransformKind>, 6> kPlainTransforms{
    {{"identity", TransformKind::kIdentity},
     {"year", TransformKind::kYear},
     {"month", TransformKind::kMonth},
     {"day", TransformKind::kDay},
     {"hour", TransformKind::kHour},
     {"void", TransformKind::kVoid}}};

Error unknown_transform(std::string_view name) {
  return Error(Code::kUnsupported, 3608,
               fmt::format("partition transform \"{}\" is not known", name));
}

// The width in "bucket[16]".
std::optional<std::int32_t> width_of(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || !name.ends_with(']')) return std::nullopt;
  name = name.substr(prefix.size(), name.size() - prefix.size() - 1);
  std::int32_t width = 0;
  auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), width);
  if (failed != std::errc() || end != name.data() + name.size() || width <= 0) return std::nullopt;
  return width;
}

Error not_a_column(std::string_view what, std::string_view column) {
  return Error(Code::kInvalid, 3605,
               fmt::format("the table has no {} \"{}\" to be cut or sorted by", what, column));
}

FieldType of_kind(TypeKind kind) {
  FieldType type;
  type.kind = kind;
  return type;
}

}  // namespace

std::string transform_name(const Transform& transform) {
  if (transform.kind == TransformKind::kBucket) return fmt::format("bucket[{}]", transform.width);
  if (transform.kind == TransformKind::kTruncate) {
    return fmt::format("truncate[{}]", transform.width);
  }
  for (const auto& [name, kind] : kPlainTransforms) {
    if (kind == transform.kind) return std::string(name);
  }
  return "void";
}

Result<Transform> transform_from_name(std::string_view name) {
  for (const auto& [plain, kind] : kPlainTransforms) {
    if (name == plain) return Transform{kind, 0};
  }
  if (auto width = width_of(name, "bucket[")) return Transform{TransformKind::kBucket, *width};
  if (auto width = width_of(name, "truncate[")) return Transform{TransformKind::kTruncate, *width};
  return unknown_transform(name);
}

Result<PartitionSpec> partition_by_time(const TableSchema& schema, std::string_view column,
                                        TimePartition by) {
  PartitionSpec spec;
  if (by == TimePartition::kNone) return spec;
  const Field* field = schema.find(column);
  if (field == nullptr || field->type.kind != TypeKind::kTimestamptz) {
    return not_a_column("time column", column);
  }
  bool is_day = by == TimePartition::kDay;
  spec.fields.push_back({field->id,
                         kFirstPartitionFieldId,
                         field->name + (is_day ? "_day" : "_hour"),
                         {is_day ? TransformKind::kDay : TransformKind::kHour, 0}});
  return spec;
}

Result<FieldType> partition_type(const PartitionField& field, const TableSchema& schema) {
  switch (field.transform.kind) {
    case TransformKind::kBucket:
    case TransformKind::kYear:
    case TransformKind::kMonth:
    case TransformKind::kHour:
      return of_kind(TypeKind::kInt);
    case TransformKind::kDay:
      return of_kind(TypeKind::kDate);
    case TransformKind::kIdentity:
    case TransformKind::kTruncate:
    case TransformKind::kVoid:
      break;
  }
  const Field* source = schema.find(field.source_id);
  if (source == nullptr) return not_a_column("column behind partition field", field.name);
  return source->type;
}

Result<SortOrder> sort_by(const TableSchema& schema, const std::vector<std::string>& columns) {
  SortOrder order;
  for (const std::string& column : columns) {
    const Field* field = schema.find(column);
    if (field == nullptr || !field->type.is_primitive()) return not_a_column("column", column);
    order.fields.push_back({field->id, {}, false, false});
  }
  order.order_id = order.fields.empty() ? 0 : 1;
  return order;
}

}  // namespace freshet::archive::iceberg

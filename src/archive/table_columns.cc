#include "archive/table_columns.h"

#include <fmt/format.h>

#include <optional>

namespace freshet::archive {
namespace {

std::optional<ColumnType> column_type_of(const iceberg::FieldType& type) {
  switch (type.kind) {
    case iceberg::TypeKind::kBoolean:
      return ColumnType::kBool;
    case iceberg::TypeKind::kInt:
      return ColumnType::kInt32;
    case iceberg::TypeKind::kLong:
      return ColumnType::kInt64;
    case iceberg::TypeKind::kFloat:
      return ColumnType::kFloat;
    case iceberg::TypeKind::kDouble:
      return ColumnType::kDouble;
    case iceberg::TypeKind::kDate:
      return ColumnType::kDate;
    case iceberg::TypeKind::kTimestamptz:
      return ColumnType::kTimestamp;
    case iceberg::TypeKind::kString:
      return ColumnType::kText;
    case iceberg::TypeKind::kUuid:
      return ColumnType::kUuid;
    case iceberg::TypeKind::kBinary:
      return ColumnType::kBlob;
    case iceberg::TypeKind::kDecimal:
      return type.precision == 20 && type.scale == 0 ? std::optional(ColumnType::kUInt64)
                                                     : std::nullopt;
    case iceberg::TypeKind::kStruct:
      return type.fields.size() == sql::kBoxFieldNames.size() ? std::optional(ColumnType::kBox)
                                                              : std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

Schema with_archived_columns(const Schema& wanted, const iceberg::TableSchema& archived) {
  Schema all = wanted;
  for (const iceberg::Field& field : archived.fields) {
    std::optional<ColumnType> type = column_type_of(field.type);
    if (type && !wanted.find(field.name)) all.columns.push_back({field.name, *type});
  }
  return all;
}

Result<std::vector<sql::ParquetColumn>> parquet_columns(const Schema& columns,
                                                        const iceberg::TableSchema& archived) {
  std::vector<sql::ParquetColumn> all;
  for (const ColumnSchema& column : columns.columns) {
    const iceberg::Field* field = archived.find(column.name);
    if (field == nullptr) {
      return Error(Code::kInternal, 3839,
                   fmt::format("column {} has no number in the archived table", column.name));
    }
    sql::ParquetColumn& to = all.emplace_back();
    to.name = column.name;
    to.type = column.type;
    to.field_id = field->id;
    to.is_decimal =
        column.type == ColumnType::kUInt64 && field->type.kind == iceberg::TypeKind::kDecimal;
    for (std::size_t i = 0; i < field->type.fields.size() && i < to.box_field_ids.size(); ++i)
      to.box_field_ids[i] = field->type.fields[i].id;
  }
  return all;
}

}  // namespace freshet::archive

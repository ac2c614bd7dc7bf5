#include "sql/parquet_column.h"

namespace freshet::sql {

ColumnType parquet_type_of(ColumnType type) {
  switch (type) {
    case ColumnType::kInt8:
    case ColumnType::kInt16:
    case ColumnType::kUInt8:
    case ColumnType::kUInt16:
      return ColumnType::kInt32;
    case ColumnType::kUInt32:
    case ColumnType::kUInt64:
      return ColumnType::kInt64;
    default:
      return type;
  }
}

std::string_view iceberg_type_name(ColumnType type) {
  switch (parquet_type_of(type)) {
    case ColumnType::kBool:
      return "boolean";
    case ColumnType::kInt32:
      return "int";
    case ColumnType::kInt64:
      return "long";
    case ColumnType::kFloat:
      return "float";
    case ColumnType::kDouble:
      return "double";
    case ColumnType::kDate:
      return "date";
    case ColumnType::kTimestamp:
      return "timestamptz";
    case ColumnType::kUuid:
      return "uuid";
    case ColumnType::kBox:
      return "struct";
    case ColumnType::kBlob:
      return "binary";
    default:
      return "string";
  }
}

}  // namespace freshet::sql

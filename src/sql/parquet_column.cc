#include "sql/parquet_column.h"

namespace freshet::sql {

ColumnType parquet_type_of(const ParquetColumn& column) {
  switch (column.type) {
    case ColumnType::kInt8:
    case ColumnType::kInt16:
    case ColumnType::kUInt8:
    case ColumnType::kUInt16:
      return ColumnType::kInt32;
    case ColumnType::kUInt32:
      return ColumnType::kInt64;
    case ColumnType::kUInt64:
      return column.is_decimal ? ColumnType::kUInt64 : ColumnType::kInt64;
    default:
      return column.type;
  }
}

std::string_view parquet_sql_type(const ParquetColumn& column) {
  ColumnType type = parquet_type_of(column);
  return type == ColumnType::kUInt64 ? std::string_view("DECIMAL(20,0)") : sql_type_name(type);
}

std::string_view iceberg_type_name(const ParquetColumn& column) {
  switch (parquet_type_of(column)) {
    case ColumnType::kBool:
      return "boolean";
    case ColumnType::kInt32:
      return "int";
    case ColumnType::kInt64:
      return "long";
    case ColumnType::kUInt64:
      return "decimal(20, 0)";
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

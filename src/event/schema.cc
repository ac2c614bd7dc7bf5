#include "event/schema.h"

namespace freshet {

std::string_view sql_type_name(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return "BOOLEAN";
    case ColumnType::kInt8:
      return "TINYINT";
    case ColumnType::kInt16:
      return "SMALLINT";
    case ColumnType::kInt32:
      return "INTEGER";
    case ColumnType::kInt64:
      return "BIGINT";
    case ColumnType::kUInt8:
      return "UTINYINT";
    case ColumnType::kUInt16:
      return "USMALLINT";
    case ColumnType::kUInt32:
      return "UINTEGER";
    case ColumnType::kUInt64:
      return "UBIGINT";
    case ColumnType::kFloat:
      return "FLOAT";
    case ColumnType::kDouble:
      return "DOUBLE";
    case ColumnType::kDate:
      return "DATE";
    case ColumnType::kTimestamp:
      return "TIMESTAMP WITH TIME ZONE";
    case ColumnType::kUuid:
      return "UUID";
    case ColumnType::kBox:
      return "STRUCT(x DOUBLE, y DOUBLE, w DOUBLE, h DOUBLE)";
    case ColumnType::kText:
      return "VARCHAR";
    case ColumnType::kBlob:
      return "BLOB";
  }
  return "";
}

std::optional<std::size_t> Schema::find(std::string_view name) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace freshet

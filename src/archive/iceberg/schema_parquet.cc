// What DuckDB's Parquet writer is told, so that its files are the table's.
#include <fmt/format.h>

#include "archive/iceberg/schema.h"

namespace freshet::archive::iceberg {
namespace {

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (char letter : name) {
    if (letter == '"') text += '"';
    text += letter;
  }
  return text + '"';
}

Result<std::string> nested_sql_type(const FieldType& type) {
  std::vector<std::string> parts;
  for (const Field& field : type.fields) {
    FRESHET_TRY(std::string part, parquet_sql_type(field.type));
    parts.push_back(std::move(part));
  }
  if (type.kind == TypeKind::kList) return parts[0] + "[]";
  if (type.kind == TypeKind::kMap) return fmt::format("MAP({}, {})", parts[0], parts[1]);
  std::string text = "STRUCT(";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += ", ";
    text += quoted(type.fields[i].name) + " " + parts[i];
  }
  return text + ")";
}

std::string ids_of(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) {
    if (!text.empty()) text += ", ";
    if (field.type.is_primitive()) {
      text += fmt::format("{}: {}", quoted(field.name), field.id);
    } else {
      text += fmt::format("{}: {{__duckdb_field_id: {}, {}}}", quoted(field.name), field.id,
                          ids_of(field.type.fields));
    }
  }
  return text;
}

std::string_view plain_sql_type(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBoolean:
      return "BOOLEAN";
    case TypeKind::kInt:
      return "INTEGER";
    case TypeKind::kLong:
      return "BIGINT";
    case TypeKind::kFloat:
      return "FLOAT";
    case TypeKind::kDouble:
      return "DOUBLE";
    case TypeKind::kDate:
      return "DATE";
    case TypeKind::kTime:
      return "TIME";
    case TypeKind::kTimestamp:
      return "TIMESTAMP";
    case TypeKind::kTimestamptz:
      return "TIMESTAMP WITH TIME ZONE";
    case TypeKind::kString:
      return "VARCHAR";
    case TypeKind::kUuid:
      return "UUID";
    case TypeKind::kBinary:
      return "BLOB";
    default:
      return "";
  }
}

}  // namespace

Result<std::string> parquet_sql_type(const FieldType& type) {
  if (!type.is_primitive()) return nested_sql_type(type);
  if (type.kind == TypeKind::kDecimal) {
    return fmt::format("DECIMAL({}, {})", type.precision, type.scale);
  }
  std::string_view name = plain_sql_type(type.kind);
  if (name.empty()) {
    return Error(Code::kUnsupported, 3604,
                 fmt::format("DuckDB has no type that it writes as {}", type_name(type)));
  }
  return std::string(name);
}

std::string parquet_field_ids(const TableSchema& schema) {
  return "{" + ids_of(schema.fields) + "}";
}

}  // namespace freshet::archive::iceberg

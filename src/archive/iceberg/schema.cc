#include "archive/iceberg/schema.h"

#include <fmt/format.h>

namespace freshet::archive::iceberg {
namespace {

const Field* find_deep(const std::vector<Field>& fields, std::int32_t id) {
  for (const Field& field : fields) {
    if (field.id == id) return &field;
    if (const Field* inner = find_deep(field.type.fields, id)) return inner;
  }
  return nullptr;
}

std::string struct_name(const FieldType& type) {
  std::string text = "struct<";
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    if (i > 0) text += ", ";
    text += type.fields[i].name + ": " + type_name(type.fields[i].type);
  }
  return text + ">";
}

}  // namespace

bool FieldType::operator==(const FieldType& other) const {
  return kind == other.kind && precision == other.precision && scale == other.scale &&
         length == other.length && fields == other.fields;
}

bool Field::operator==(const Field& other) const {
  return id == other.id && name == other.name && required == other.required && type == other.type &&
         unknown == other.unknown;
}

const Field* TableSchema::find(std::string_view name) const {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

const Field* TableSchema::find(std::int32_t id) const {
  return find_deep(fields, id);
}

bool TableSchema::same_shape(const TableSchema& other) const {
  return fields == other.fields && unknown == other.unknown;
}

bool TableSchema::operator==(const TableSchema& other) const {
  return schema_id == other.schema_id && same_shape(other);
}

std::string type_name(const FieldType& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return "boolean";
    case TypeKind::kInt:
      return "int";
    case TypeKind::kLong:
      return "long";
    case TypeKind::kFloat:
      return "float";
    case TypeKind::kDouble:
      return "double";
    case TypeKind::kDate:
      return "date";
    case TypeKind::kTime:
      return "time";
    case TypeKind::kTimestamp:
      return "timestamp";
    case TypeKind::kTimestamptz:
      return "timestamptz";
    case TypeKind::kString:
      return "string";
    case TypeKind::kUuid:
      return "uuid";
    case TypeKind::kFixed:
      return fmt::format("fixed[{}]", type.length);
    case TypeKind::kBinary:
      return "binary";
    case TypeKind::kDecimal:
      return fmt::format("decimal({}, {})", type.precision, type.scale);
    case TypeKind::kStruct:
      return struct_name(type);
    case TypeKind::kList:
      return "list<" + type_name(type.fields[0].type) + ">";
    case TypeKind::kMap:
      return "map<" + type_name(type.fields[0].type) + ", " + type_name(type.fields[1].type) + ">";
  }
  return "";
}

}  // namespace freshet::archive::iceberg

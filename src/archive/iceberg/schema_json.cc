// Schemas as JSON, as table metadata and manifests hold them.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "archive/iceberg/json_read.h"
#include "archive/iceberg/schema.h"

namespace freshet::archive::iceberg {
namespace {

constexpr std::array<std::pair<std::string_view, TypeKind>, 12> kPlainTypes{
    {{"boolean", TypeKind::kBoolean},
     {"int", TypeKind::kInt},
     {"long", TypeKind::kLong},
     {"float", TypeKind::kFloat},
     {"double", TypeKind::kDouble},
     {"date", TypeKind::kDate},
     {"time", TypeKind::kTime},
     {"timestamp", TypeKind::kTimestamp},
     {"timestamptz", TypeKind::kTimestamptz},
     {"string", TypeKind::kString},
     {"uuid", TypeKind::kUuid},
     {"binary", TypeKind::kBinary}}};

Error unknown_type(std::string_view name) {
  return Error(Code::kUnsupported, 3604,
               fmt::format("\"{}\" is no type of Iceberg format version 2", name));
}

// The numbers of "decimal(20, 0)" or "fixed[16]", behind their name: between one sign and another.
std::optional<std::vector<std::int32_t>> parameters(std::string_view text, char open, char close) {
  if (text.size() < 2 || text.front() != open || text.back() != close) return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<std::int32_t> numbers;
  while (true) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    std::int32_t number = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc() || number < 0) return std::nullopt;
    numbers.push_back(number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    while (text.starts_with(' ')) text.remove_prefix(1);
    if (text.empty()) return numbers;
    if (!text.starts_with(',')) return std::nullopt;
    text.remove_prefix(1);
  }
}

Result<FieldType> primitive_from_name(std::string_view name) {
  FieldType type;
  for (const auto& [plain, kind] : kPlainTypes) {
    if (name == plain) {
      type.kind = kind;
      return type;
    }
  }
  if (name.starts_with("decimal")) {
    auto numbers = parameters(name.substr(7), '(', ')');
    if (!numbers || numbers->size() != 2 || numbers->at(0) > 38) return unknown_type(name);
    type.kind = TypeKind::kDecimal;
    type.precision = numbers->at(0);
    type.scale = numbers->at(1);
    return type;
  }
  if (name.starts_with("fixed")) {
    auto numbers = parameters(name.substr(5), '[', ']');
    if (!numbers || numbers->size() != 1) return unknown_type(name);
    type.kind = TypeKind::kFixed;
    type.length = numbers->at(0);
    return type;
  }
  return unknown_type(name);
}

Result<FieldType> type_from_json(const JsonValue& json);

Result<bool> read_flag(const JsonValue& from, std::string_view name) {
  const JsonValue* value = from.find(name);
  if (value == nullptr || !value->boolean()) {
    return bad_metadata(fmt::format("\"{}\" is not there, or is not true or false", name));
  }
  return *value->boolean();
}

Result<Field> field_from_json(const JsonValue& json) {
  Field field;
  FRESHET_TRY(field.id, read_int(json, "id"));
  FRESHET_TRY(field.name, read_text(json, "name"));
  FRESHET_TRY(field.required, read_flag(json, "required"));
  const JsonValue* type = json.find("type");
  if (type == nullptr) return bad_metadata("field \"" + field.name + "\" has no type");
  FRESHET_TRY(field.type, type_from_json(*type));
  field.unknown = unknown_members(json, {"id", "name", "required", "type"});
  return field;
}

Result<std::vector<Field>> fields_from_json(const JsonValue& json) {
  FRESHET_TRY(JsonValue::List list, read_list(json, "fields"));
  std::vector<Field> fields;
  for (const JsonValue& item : list) {
    FRESHET_TRY(Field field, field_from_json(item));
    fields.push_back(std::move(field));
  }
  return fields;
}

// The element of a list, the key or the value of a map: "element", "element-id",
// "element-required".
Result<Field> part_from_json(const JsonValue& json, const std::string& name, bool is_key) {
  Field field;
  field.name = name;
  field.required = is_key;
  FRESHET_TRY(field.id, read_int(json, name + "-id"));
  if (!is_key) {
    FRESHET_TRY(field.required, read_flag(json, name + "-required"));
  }
  const JsonValue* type = json.find(name);
  if (type == nullptr) return bad_metadata("a list or map has no \"" + name + "\"");
  FRESHET_TRY(field.type, type_from_json(*type));
  return field;
}

Result<FieldType> nested_from_json(const JsonValue& json) {
  FRESHET_TRY(std::string name, read_text(json, "type"));
  FieldType type;
  if (name == "struct") {
    type.kind = TypeKind::kStruct;
    FRESHET_TRY(type.fields, fields_from_json(json));
  } else if (name == "list") {
    type.kind = TypeKind::kList;
    FRESHET_TRY(Field element, part_from_json(json, "element", false));
    type.fields.push_back(std::move(element));
  } else if (name == "map") {
    type.kind = TypeKind::kMap;
    FRESHET_TRY(Field key, part_from_json(json, "key", true));
    FRESHET_TRY(Field value, part_from_json(json, "value", false));
    type.fields.push_back(std::move(key));
    type.fields.push_back(std::move(value));
  } else {
    return unknown_type(name);
  }
  return type;
}

Result<FieldType> type_from_json(const JsonValue& json) {
  if (const std::string* name = json.text()) return primitive_from_name(*name);
  return nested_from_json(json);
}

JsonValue type_to_json(const FieldType& type);

JsonValue fields_to_json(const std::vector<Field>& fields) {
  JsonValue list = JsonValue::list();
  for (const Field& field : fields) {
    JsonValue json = JsonValue::map();
    json.set("id", field.id);
    json.set("name", field.name);
    json.set("required", field.required);
    json.set("type", type_to_json(field.type));
    set_members(json, field.unknown);
    list.push(std::move(json));
  }
  return list;
}

JsonValue type_to_json(const FieldType& type) {
  if (type.is_primitive()) return JsonValue(type_name(type));
  JsonValue json = JsonValue::map();
  if (type.kind == TypeKind::kStruct) {
    json.set("type", "struct");
    json.set("fields", fields_to_json(type.fields));
    return json;
  }
  json.set("type", type.kind == TypeKind::kList ? "list" : "map");
  for (const Field& part : type.fields) {
    json.set(part.name + "-id", part.id);
    json.set(part.name, type_to_json(part.type));
    if (part.name != "key") json.set(part.name + "-required", part.required);
  }
  return json;
}

Status check_ids(const std::vector<Field>& fields, std::set<std::int32_t>& seen) {
  for (const Field& field : fields) {
    if (!seen.insert(field.id).second) {
      return bad_metadata(fmt::format("field id {} stands twice in one schema", field.id));
    }
    FRESHET_TRY_STATUS(check_ids(field.type.fields, seen));
  }
  return ok();
}

}  // namespace

JsonValue schema_to_json(const TableSchema& schema) {
  JsonValue json = JsonValue::map();
  json.set("type", "struct");
  json.set("schema-id", schema.schema_id);
  json.set("fields", fields_to_json(schema.fields));
  set_members(json, schema.unknown);
  return json;
}

Result<TableSchema> schema_from_json(const JsonValue& json) {
  if (json.members() == nullptr) return bad_metadata("a schema is not an object");
  TableSchema schema;
  // A manifest's schema may lack its id: it stands beside it, in "schema-id".
  FRESHET_TRY(auto id, read_optional_int(json, "schema-id"));
  schema.schema_id = id.value_or(0);
  FRESHET_TRY(schema.fields, fields_from_json(json));
  std::set<std::int32_t> seen;
  FRESHET_TRY_STATUS(check_ids(schema.fields, seen));
  schema.unknown = unknown_members(json, {"type", "schema-id", "fields"});
  return schema;
}

}  // namespace freshet::archive::iceberg

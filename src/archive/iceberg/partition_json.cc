// Partition specs and sort orders as JSON.
#include <fmt/format.h>

#include "archive/iceberg/json_read.h"
#include "archive/iceberg/partition.h"

namespace freshet::archive::iceberg {
namespace {

Result<PartitionField> partition_field_from_json(const JsonValue& json) {
  PartitionField field;
  FRESHET_TRY(field.source_id, read_int(json, "source-id"));
  FRESHET_TRY(field.field_id, read_int(json, "field-id"));
  FRESHET_TRY(field.name, read_text(json, "name"));
  FRESHET_TRY(std::string transform, read_text(json, "transform"));
  FRESHET_TRY(field.transform, transform_from_name(transform));
  return field;
}

// One of two words.
Result<bool> read_choice(const JsonValue& json, std::string_view name, std::string_view when_true,
                         std::string_view when_false) {
  FRESHET_TRY(std::string word, read_text(json, name));
  if (word == when_true) return true;
  if (word == when_false) return false;
  return bad_metadata(fmt::format("\"{}\" is \"{}\"", name, word));
}

Result<SortField> sort_field_from_json(const JsonValue& json) {
  SortField field;
  FRESHET_TRY(field.source_id, read_int(json, "source-id"));
  FRESHET_TRY(std::string transform, read_text(json, "transform"));
  FRESHET_TRY(field.transform, transform_from_name(transform));
  FRESHET_TRY(field.descending, read_choice(json, "direction", "desc", "asc"));
  FRESHET_TRY(field.nulls_last, read_choice(json, "null-order", "nulls-last", "nulls-first"));
  return field;
}

}  // namespace

JsonValue partition_fields_to_json(const PartitionSpec& spec) {
  JsonValue list = JsonValue::list();
  for (const PartitionField& field : spec.fields) {
    JsonValue json = JsonValue::map();
    json.set("source-id", field.source_id);
    json.set("field-id", field.field_id);
    json.set("name", field.name);
    json.set("transform", transform_name(field.transform));
    list.push(std::move(json));
  }
  return list;
}

JsonValue partition_spec_to_json(const PartitionSpec& spec) {
  JsonValue json = JsonValue::map();
  json.set("spec-id", spec.spec_id);
  json.set("fields", partition_fields_to_json(spec));
  return json;
}

Result<std::vector<PartitionField>> partition_fields_from_json(const JsonValue& json) {
  if (json.items() == nullptr) return bad_metadata("partition fields are not a list");
  std::vector<PartitionField> fields;
  for (const JsonValue& item : *json.items()) {
    FRESHET_TRY(PartitionField field, partition_field_from_json(item));
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<PartitionSpec> partition_spec_from_json(const JsonValue& json) {
  PartitionSpec spec;
  FRESHET_TRY(spec.spec_id, read_int(json, "spec-id"));
  const JsonValue* fields = json.find("fields");
  if (fields == nullptr) return bad_metadata("a partition spec has no fields");
  FRESHET_TRY(spec.fields, partition_fields_from_json(*fields));
  return spec;
}

JsonValue sort_order_to_json(const SortOrder& order) {
  JsonValue list = JsonValue::list();
  for (const SortField& field : order.fields) {
    JsonValue json = JsonValue::map();
    json.set("source-id", field.source_id);
    json.set("transform", transform_name(field.transform));
    json.set("direction", field.descending ? "desc" : "asc");
    json.set("null-order", field.nulls_last ? "nulls-last" : "nulls-first");
    list.push(std::move(json));
  }
  JsonValue json = JsonValue::map();
  json.set("order-id", order.order_id);
  json.set("fields", std::move(list));
  return json;
}

Result<SortOrder> sort_order_from_json(const JsonValue& json) {
  SortOrder order;
  FRESHET_TRY(order.order_id, read_int(json, "order-id"));
  FRESHET_TRY(JsonValue::List list, read_list(json, "fields"));
  for (const JsonValue& item : list) {
    FRESHET_TRY(SortField field, sort_field_from_json(item));
    order.fields.push_back(field);
  }
  return order;
}

}  // namespace freshet::archive::iceberg

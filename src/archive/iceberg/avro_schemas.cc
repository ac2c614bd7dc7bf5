#include "archive/iceberg/avro_schemas.h"

#include <fmt/format.h>

namespace freshet::archive::iceberg {
namespace {

JsonValue field(std::int32_t id, std::string_view name, JsonValue type) {
  JsonValue json = JsonValue::map();
  json.set("name", name);
  json.set("type", std::move(type));
  json.set("field-id", id);
  return json;
}

// A union with null first, because the default has to be of the first branch.
JsonValue optional(std::int32_t id, std::string_view name, JsonValue type) {
  JsonValue branches = JsonValue::list();
  branches.push("null");
  branches.push(std::move(type));
  JsonValue json = JsonValue::map();
  json.set("name", name);
  json.set("type", std::move(branches));
  json.set("default", JsonValue());
  json.set("field-id", id);
  return json;
}

JsonValue record(std::string_view name, std::vector<JsonValue> fields) {
  JsonValue list = JsonValue::list();
  for (JsonValue& one : fields) list.push(std::move(one));
  JsonValue json = JsonValue::map();
  json.set("type", "record");
  json.set("name", name);
  json.set("fields", std::move(list));
  return json;
}

JsonValue array_of(std::int32_t element_id, JsonValue items) {
  JsonValue json = JsonValue::map();
  json.set("type", "array");
  json.set("items", std::move(items));
  json.set("element-id", element_id);
  return json;
}

// Avro's own maps have texts as keys: one with ints is an array of pairs.
JsonValue int_map(std::int32_t key_id, std::int32_t value_id, std::string_view value) {
  std::vector<JsonValue> pair;
  pair.push_back(field(key_id, "key", "int"));
  pair.push_back(field(value_id, "value", value));
  JsonValue json = JsonValue::map();
  json.set("type", "array");
  json.set("logicalType", "map");
  json.set("items", record(fmt::format("k{}_v{}", key_id, value_id), std::move(pair)));
  return json;
}

JsonValue logical(std::string_view type, std::string_view logical_type) {
  JsonValue json = JsonValue::map();
  json.set("type", type);
  json.set("logicalType", logical_type);
  return json;
}

JsonValue timestamp(bool is_utc) {
  JsonValue json = logical("long", "timestamp-micros");
  json.set("adjust-to-utc", is_utc);
  return json;
}

// Every definition needs a name of its own, so the field's id is in it.
JsonValue fixed(std::int32_t field_id, std::int32_t bytes, bool is_uuid) {
  JsonValue json = JsonValue::map();
  json.set("type", "fixed");
  json.set("name", fmt::format("{}_{}", is_uuid ? "uuid" : "fixed", field_id));
  json.set("size", bytes);
  if (is_uuid) json.set("logicalType", "uuid");
  return json;
}

Result<JsonValue> partition_value_type(std::int32_t field_id, const FieldType& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kFloat:
    case TypeKind::kDouble:
    case TypeKind::kString:
      return JsonValue(type_name(type));
    case TypeKind::kDate:
      return logical("int", "date");
    case TypeKind::kTime:
      return logical("long", "time-micros");
    case TypeKind::kTimestamp:
      return timestamp(false);
    case TypeKind::kTimestamptz:
      return timestamp(true);
    case TypeKind::kUuid:
      return fixed(field_id, 16, true);
    case TypeKind::kFixed:
      return fixed(field_id, type.length, false);
    case TypeKind::kBinary:
      return JsonValue("bytes");
    default:
      return Error(Code::kUnsupported, 3604,
                   fmt::format("a partition of type {} is not written", type_name(type)));
  }
}

// Avro's names are letters, digits and underscores; ids are what counts.
std::string avro_name(std::string_view name) {
  std::string safe;
  for (char letter : name) {
    bool is_digit = letter >= '0' && letter <= '9';
    bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (is_digit && safe.empty()) safe += '_';
    if (is_digit || is_letter || letter == '_') {
      safe += letter;
    } else {
      safe += fmt::format("_x{:X}", static_cast<unsigned char>(letter));
    }
  }
  return safe.empty() ? "_" : safe;
}

Result<JsonValue> partition_record(const PartitionSpec& spec, const TableSchema& schema) {
  std::vector<JsonValue> fields;
  for (const PartitionField& one : spec.fields) {
    FRESHET_TRY(FieldType type, partition_type(one, schema));
    FRESHET_TRY(JsonValue avro, partition_value_type(one.field_id, type));
    fields.push_back(optional(one.field_id, avro_name(one.name), std::move(avro)));
  }
  return record("r102", std::move(fields));
}

JsonValue data_file_record(JsonValue partition) {
  std::vector<JsonValue> fields;
  fields.push_back(field(file_id::kContent, "content", "int"));
  fields.push_back(field(file_id::kPath, "file_path", "string"));
  fields.push_back(field(file_id::kFormat, "file_format", "string"));
  fields.push_back(field(file_id::kPartition, "partition", std::move(partition)));
  fields.push_back(field(file_id::kRecordCount, "record_count", "long"));
  fields.push_back(field(file_id::kFileBytes, "file_size_in_bytes", "long"));
  auto add_map = [&](std::int32_t id, std::string_view name, JsonValue type) {
    fields.push_back(optional(id, name, std::move(type)));
  };
  add_map(file_id::kColumnBytes, "column_sizes", int_map(117, 118, "long"));
  add_map(file_id::kValueCounts, "value_counts", int_map(119, 120, "long"));
  add_map(file_id::kNullValueCounts, "null_value_counts", int_map(121, 122, "long"));
  add_map(file_id::kNanValueCounts, "nan_value_counts", int_map(138, 139, "long"));
  add_map(file_id::kLowerBounds, "lower_bounds", int_map(126, 127, "bytes"));
  add_map(file_id::kUpperBounds, "upper_bounds", int_map(129, 130, "bytes"));
  fields.push_back(optional(file_id::kKeyMetadata, "key_metadata", "bytes"));
  fields.push_back(optional(file_id::kSplitOffsets, "split_offsets", array_of(133, "long")));
  fields.push_back(optional(file_id::kSortOrderId, "sort_order_id", "int"));
  return record("r2", std::move(fields));
}

JsonValue field_summary_record() {
  std::vector<JsonValue> fields;
  fields.push_back(field(list_id::kContainsNull, "contains_null", "boolean"));
  fields.push_back(optional(list_id::kContainsNan, "contains_nan", "boolean"));
  fields.push_back(optional(list_id::kLowerBound, "lower_bound", "bytes"));
  fields.push_back(optional(list_id::kUpperBound, "upper_bound", "bytes"));
  return record("r508", std::move(fields));
}

std::string make_manifest_list_schema() {
  std::vector<JsonValue> fields;
  fields.push_back(field(list_id::kPath, "manifest_path", "string"));
  fields.push_back(field(list_id::kManifestBytes, "manifest_length", "long"));
  fields.push_back(field(list_id::kSpecId, "partition_spec_id", "int"));
  fields.push_back(field(list_id::kContent, "content", "int"));
  fields.push_back(field(list_id::kSequenceNumber, "sequence_number", "long"));
  fields.push_back(field(list_id::kMinSequenceNumber, "min_sequence_number", "long"));
  fields.push_back(field(list_id::kAddedSnapshotId, "added_snapshot_id", "long"));
  fields.push_back(field(list_id::kAddedFiles, "added_files_count", "int"));
  fields.push_back(field(list_id::kExistingFiles, "existing_files_count", "int"));
  fields.push_back(field(list_id::kDeletedFiles, "deleted_files_count", "int"));
  fields.push_back(field(list_id::kAddedRows, "added_rows_count", "long"));
  fields.push_back(field(list_id::kExistingRows, "existing_rows_count", "long"));
  fields.push_back(field(list_id::kDeletedRows, "deleted_rows_count", "long"));
  fields.push_back(
      optional(list_id::kPartitions, "partitions", array_of(508, field_summary_record())));
  fields.push_back(optional(list_id::kKeyMetadata, "key_metadata", "bytes"));
  return write_json(record("manifest_file", std::move(fields)));
}

}  // namespace

Result<std::string> manifest_avro_schema(const PartitionSpec& spec, const TableSchema& schema) {
  FRESHET_TRY(JsonValue partition, partition_record(spec, schema));
  std::vector<JsonValue> fields;
  fields.push_back(field(entry_id::kStatus, "status", "int"));
  fields.push_back(optional(entry_id::kSnapshotId, "snapshot_id", "long"));
  fields.push_back(optional(entry_id::kSequenceNumber, "sequence_number", "long"));
  fields.push_back(optional(entry_id::kFileSequenceNumber, "file_sequence_number", "long"));
  fields.push_back(field(entry_id::kDataFile, "data_file", data_file_record(std::move(partition))));
  return write_json(record("manifest_entry", std::move(fields)));
}

const std::string& manifest_list_avro_schema() {
  static const std::string schema = make_manifest_list_schema();
  return schema;
}

}  // namespace freshet::archive::iceberg

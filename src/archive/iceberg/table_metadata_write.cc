#include "archive/iceberg/json_read.h"
#include "archive/iceberg/table_metadata.h"

namespace freshet::archive::iceberg {
namespace {

template <typename Item, typename Convert>
JsonValue list_of(const std::vector<Item>& items, Convert convert) {
  JsonValue list = JsonValue::list();
  for (const Item& item : items) list.push(convert(item));
  return list;
}

JsonValue properties_to_json(const Properties& properties) {
  JsonValue json = JsonValue::map();
  for (const auto& [name, value] : properties) json.set(name, value);
  return json;
}

JsonValue snapshot_to_json(const Snapshot& snapshot) {
  JsonValue json = JsonValue::map();
  json.set("sequence-number", snapshot.sequence_number);
  json.set("snapshot-id", snapshot.snapshot_id);
  if (snapshot.parent_snapshot_id) json.set("parent-snapshot-id", *snapshot.parent_snapshot_id);
  json.set("timestamp-ms", snapshot.timestamp_ms);
  json.set("summary", properties_to_json(snapshot.summary));
  json.set("manifest-list", snapshot.manifest_list);
  if (snapshot.schema_id) json.set("schema-id", *snapshot.schema_id);
  set_members(json, snapshot.unknown);
  return json;
}

JsonValue references_to_json(const std::map<std::string, SnapshotReference>& references) {
  JsonValue json = JsonValue::map();
  for (const auto& [name, reference] : references) {
    JsonValue one = JsonValue::map();
    one.set("snapshot-id", reference.snapshot_id);
    one.set("type", reference.type);
    set_members(one, reference.unknown);
    json.set(name, std::move(one));
  }
  return json;
}

JsonValue snapshot_log_entry_to_json(const SnapshotLogEntry& entry) {
  return JsonValue::map()
      .set("timestamp-ms", entry.timestamp_ms)
      .set("snapshot-id", entry.snapshot_id);
}

JsonValue metadata_log_entry_to_json(const MetadataLogEntry& entry) {
  return JsonValue::map()
      .set("timestamp-ms", entry.timestamp_ms)
      .set("metadata-file", entry.metadata_file);
}

void set_shape(JsonValue& json, const TableMetadata& table) {
  json.set("current-schema-id", table.current_schema_id);
  json.set("schemas", list_of(table.schemas, schema_to_json));
  json.set("default-spec-id", table.default_spec_id);
  json.set("partition-specs", list_of(table.partition_specs, partition_spec_to_json));
  json.set("last-partition-id", table.last_partition_id);
  json.set("default-sort-order-id", table.default_sort_order_id);
  json.set("sort-orders", list_of(table.sort_orders, sort_order_to_json));
}

void set_history(JsonValue& json, const TableMetadata& table) {
  if (table.current_snapshot_id) json.set("current-snapshot-id", *table.current_snapshot_id);
  json.set("refs", references_to_json(table.references));
  json.set("snapshots", list_of(table.snapshots, snapshot_to_json));
  json.set("snapshot-log", list_of(table.snapshot_log, snapshot_log_entry_to_json));
  json.set("metadata-log", list_of(table.metadata_log, metadata_log_entry_to_json));
}

}  // namespace

std::string write_metadata(const TableMetadata& table) {
  JsonValue json = JsonValue::map();
  json.set("format-version", 2);
  json.set("table-uuid", table.table_uuid);
  json.set("location", table.location);
  json.set("last-sequence-number", table.last_sequence_number);
  json.set("last-updated-ms", table.last_updated_ms);
  json.set("last-column-id", table.last_column_id);
  set_shape(json, table);
  json.set("properties", properties_to_json(table.properties));
  set_history(json, table);
  set_members(json, table.unknown);
  return write_json(json);
}

}  // namespace freshet::archive::iceberg

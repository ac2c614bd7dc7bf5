#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "archive/iceberg/json_read.h"
#include "archive/iceberg/table_metadata.h"

namespace freshet::archive::iceberg {
namespace {

constexpr std::int64_t kFormatVersion = 2;

Status check_format(const JsonValue& json) {
  if (json.members() == nullptr) return bad_metadata("it is not an object");
  FRESHET_TRY(std::int64_t version, read_long(json, "format-version"));
  if (version == kFormatVersion) return ok();
  return Error(Code::kUnsupported, 3601,
               fmt::format("the table has Iceberg format version {}; this server reads and writes "
                           "version 2 alone: {}",
                           version,
                           version < kFormatVersion ? "let the engine that made it upgrade it"
                                                    : "a newer engine has upgraded it, and there "
                                                      "is no way back but an older snapshot"));
}

// Each of a list's items; a list that may be missing is empty then.
template <typename Item, typename Convert>
Result<std::vector<Item>> read_items(const JsonValue& json, std::string_view name, Convert convert,
                                     bool may_be_missing = false) {
  std::vector<Item> items;
  if (may_be_missing && json.find(name) == nullptr) return items;
  FRESHET_TRY(JsonValue::List list, read_list(json, name));
  for (const JsonValue& one : list) {
    FRESHET_TRY(Item item, convert(one));
    items.push_back(std::move(item));
  }
  return items;
}

Result<Properties> read_properties(const JsonValue& json, std::string_view name) {
  Properties properties;
  const JsonValue* found = json.find(name);
  if (found == nullptr) return properties;
  if (found->members() == nullptr) return bad_metadata(fmt::format("\"{}\" is no object", name));
  for (const JsonValue::Member& member : *found->members()) {
    if (member.value.text() == nullptr) {
      return bad_metadata(fmt::format("\"{}\" in \"{}\" is not a text", member.name, name));
    }
    properties[member.name] = *member.value.text();
  }
  return properties;
}

Result<Snapshot> snapshot_from_json(const JsonValue& json) {
  if (json.members() == nullptr) return bad_metadata("a snapshot is not an object");
  Snapshot snapshot;
  FRESHET_TRY(snapshot.snapshot_id, read_long(json, "snapshot-id"));
  FRESHET_TRY(snapshot.parent_snapshot_id, read_optional_long(json, "parent-snapshot-id"));
  FRESHET_TRY(snapshot.sequence_number, read_long(json, "sequence-number"));
  FRESHET_TRY(snapshot.timestamp_ms, read_long(json, "timestamp-ms"));
  FRESHET_TRY(snapshot.manifest_list, read_text(json, "manifest-list"));
  FRESHET_TRY(snapshot.summary, read_properties(json, "summary"));
  FRESHET_TRY(snapshot.schema_id, read_optional_int(json, "schema-id"));
  snapshot.unknown =
      unknown_members(json, {"snapshot-id", "parent-snapshot-id", "sequence-number", "timestamp-ms",
                             "manifest-list", "summary", "schema-id"});
  return snapshot;
}

Result<SnapshotLogEntry> snapshot_log_entry_from_json(const JsonValue& json) {
  SnapshotLogEntry entry;
  FRESHET_TRY(entry.timestamp_ms, read_long(json, "timestamp-ms"));
  FRESHET_TRY(entry.snapshot_id, read_long(json, "snapshot-id"));
  return entry;
}

Result<MetadataLogEntry> metadata_log_entry_from_json(const JsonValue& json) {
  MetadataLogEntry entry;
  FRESHET_TRY(entry.timestamp_ms, read_long(json, "timestamp-ms"));
  FRESHET_TRY(entry.metadata_file, read_text(json, "metadata-file"));
  return entry;
}

Result<std::map<std::string, SnapshotReference>> read_references(const JsonValue& json) {
  std::map<std::string, SnapshotReference> references;
  const JsonValue* found = json.find("refs");
  if (found == nullptr) return references;
  if (found->members() == nullptr) return bad_metadata("\"refs\" is not an object");
  for (const JsonValue::Member& member : *found->members()) {
    if (member.value.members() == nullptr) return bad_metadata("a reference is not an object");
    SnapshotReference reference;
    FRESHET_TRY(reference.snapshot_id, read_long(member.value, "snapshot-id"));
    FRESHET_TRY(reference.type, read_text(member.value, "type"));
    reference.unknown = unknown_members(member.value, {"snapshot-id", "type"});
    references[member.name] = std::move(reference);
  }
  return references;
}

Status read_shape(const JsonValue& json, TableMetadata& table) {
  FRESHET_TRY(table.last_column_id, read_int(json, "last-column-id"));
  FRESHET_TRY(table.current_schema_id, read_int(json, "current-schema-id"));
  FRESHET_TRY(table.schemas, read_items<TableSchema>(json, "schemas", schema_from_json));
  FRESHET_TRY(table.default_spec_id, read_int(json, "default-spec-id"));
  FRESHET_TRY(table.partition_specs,
              read_items<PartitionSpec>(json, "partition-specs", partition_spec_from_json));
  FRESHET_TRY(table.last_partition_id, read_int(json, "last-partition-id"));
  FRESHET_TRY(table.default_sort_order_id, read_int(json, "default-sort-order-id"));
  FRESHET_TRY(table.sort_orders, read_items<SortOrder>(json, "sort-orders", sort_order_from_json));
  return ok();
}

Status read_history(const JsonValue& json, TableMetadata& table) {
  FRESHET_TRY(table.current_snapshot_id, read_optional_long(json, "current-snapshot-id"));
  // Some engines write -1 for "none".
  if (table.current_snapshot_id == -1) table.current_snapshot_id.reset();
  FRESHET_TRY(table.snapshots, read_items<Snapshot>(json, "snapshots", snapshot_from_json, true));
  FRESHET_TRY(table.snapshot_log, read_items<SnapshotLogEntry>(json, "snapshot-log",
                                                               snapshot_log_entry_from_json, true));
  FRESHET_TRY(table.metadata_log, read_items<MetadataLogEntry>(json, "metadata-log",
                                                               metadata_log_entry_from_json, true));
  FRESHET_TRY(table.references, read_references(json));
  if (table.current_snapshot_id && table.references.empty()) {
    table.references[std::string(kMainBranch)] = {*table.current_snapshot_id, "branch", {}};
  }
  return ok();
}

template <typename Item, typename Id>
Status check_unique(const std::vector<Item>& items, Id Item::* id, std::string_view what) {
  std::set<Id> seen;
  for (const Item& item : items) {
    if (!seen.insert(item.*id).second) {
      return bad_metadata(fmt::format("{} {} stands there twice", what, item.*id));
    }
  }
  return ok();
}

std::int32_t highest_id(const std::vector<Field>& fields) {
  std::int32_t highest = 0;
  for (const Field& field : fields) {
    highest = std::max({highest, field.id, highest_id(field.type.fields)});
  }
  return highest;
}

// Room above what we count on from. Ids near 2^31 are Iceberg's own.
constexpr std::int32_t kIdMax = 2'000'000'000;
constexpr std::int64_t kSequenceNumberMax = std::int64_t{1} << 62;

Status check_ranges(const TableMetadata& table) {
  for (std::int32_t id : {table.last_column_id, table.last_partition_id}) {
    if (id < 0 || id > kIdMax) return bad_metadata(fmt::format("{} is no id of a column", id));
  }
  for (const TableSchema& schema : table.schemas) {
    if (schema.schema_id < 0 || schema.schema_id > kIdMax) {
      return bad_metadata(fmt::format("{} is no id of a schema", schema.schema_id));
    }
  }
  if (table.last_sequence_number < 0 || table.last_sequence_number > kSequenceNumberMax) {
    return bad_metadata("\"last-sequence-number\" is beyond what a table reaches");
  }
  return ok();
}

// An id above the last one would be given again.
Status check_last_ids(const TableMetadata& table) {
  for (const TableSchema& schema : table.schemas) {
    if (highest_id(schema.fields) > table.last_column_id) {
      return bad_metadata("a column's id is above \"last-column-id\"");
    }
  }
  for (const PartitionSpec& spec : table.partition_specs) {
    for (const PartitionField& field : spec.fields) {
      if (field.field_id > table.last_partition_id) {
        return bad_metadata("a partition field's id is above \"last-partition-id\"");
      }
    }
  }
  for (const Snapshot& snapshot : table.snapshots) {
    if (snapshot.sequence_number > table.last_sequence_number) {
      return bad_metadata("a snapshot's number is above \"last-sequence-number\"");
    }
  }
  return ok();
}

Status check_references(const TableMetadata& table) {
  for (const auto& [name, reference] : table.references) {
    if (table.find_snapshot(reference.snapshot_id) == nullptr) {
      return bad_metadata(fmt::format("reference \"{}\" is to a snapshot that is not there", name));
    }
  }
  auto main = table.references.find(std::string(kMainBranch));
  bool has_main = main != table.references.end();
  if (has_main != table.current_snapshot_id.has_value() ||
      (has_main && main->second.snapshot_id != *table.current_snapshot_id)) {
    return bad_metadata("\"current-snapshot-id\" is not what \"main\" refers to");
  }
  return ok();
}

Status check_consistent(const TableMetadata& table) {
  FRESHET_TRY_STATUS(check_unique(table.schemas, &TableSchema::schema_id, "schema"));
  FRESHET_TRY_STATUS(check_unique(table.partition_specs, &PartitionSpec::spec_id, "spec"));
  FRESHET_TRY_STATUS(check_unique(table.sort_orders, &SortOrder::order_id, "sort order"));
  FRESHET_TRY_STATUS(check_unique(table.snapshots, &Snapshot::snapshot_id, "snapshot"));
  if (table.find_schema(table.current_schema_id) == nullptr) {
    return bad_metadata("the current schema is not there");
  }
  if (table.find_spec(table.default_spec_id) == nullptr) {
    return bad_metadata("the default partition spec is not there");
  }
  auto is_default = [&](const SortOrder& order) {
    return order.order_id == table.default_sort_order_id;
  };
  if (std::none_of(table.sort_orders.begin(), table.sort_orders.end(), is_default)) {
    return bad_metadata("the default sort order is not there");
  }
  FRESHET_TRY_STATUS(check_ranges(table));
  FRESHET_TRY_STATUS(check_last_ids(table));
  return check_references(table);
}

}  // namespace

Result<TableMetadata> parse_metadata(std::string_view text) {
  auto json = parse_json(text);
  if (!json) return bad_metadata(json.error().message());
  FRESHET_TRY_STATUS(check_format(*json));
  TableMetadata table;
  FRESHET_TRY(table.table_uuid, read_text(*json, "table-uuid"));
  FRESHET_TRY(table.location, read_text(*json, "location"));
  FRESHET_TRY(table.last_sequence_number, read_long(*json, "last-sequence-number"));
  FRESHET_TRY(table.last_updated_ms, read_long(*json, "last-updated-ms"));
  FRESHET_TRY_STATUS(read_shape(*json, table));
  FRESHET_TRY(table.properties, read_properties(*json, "properties"));
  FRESHET_TRY_STATUS(read_history(*json, table));
  table.unknown = unknown_members(
      *json,
      {"format-version", "table-uuid", "location", "last-sequence-number", "last-updated-ms",
       "last-column-id", "current-schema-id", "schemas", "default-spec-id", "partition-specs",
       "last-partition-id", "default-sort-order-id", "sort-orders", "properties",
       "current-snapshot-id", "refs", "snapshots", "snapshot-log", "metadata-log"});
  FRESHET_TRY_STATUS(check_consistent(table));
  return table;
}

}  // namespace freshet::archive::iceberg

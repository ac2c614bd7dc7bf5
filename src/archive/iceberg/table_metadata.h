// The root of an Iceberg v2 table: one JSON file a version, never changed once written. A commit is
// a new file and a compare-and-swap of the pointer to it; both are the caller's. All changes here
// are plain functions from one value to the next.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/iceberg/json_value.h"
#include "archive/iceberg/partition.h"
#include "archive/iceberg/schema.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

using Properties = std::map<std::string, std::string>;

struct Snapshot {
  std::int64_t snapshot_id = 0;  // positive, at random
  std::optional<std::int64_t> parent_snapshot_id;
  std::int64_t sequence_number = 0;
  std::int64_t timestamp_ms = 0;
  std::string manifest_list;  // full URI
  Properties summary;         // with "operation"; counters as text
  std::optional<std::int32_t> schema_id;
  JsonValue::Map unknown;
  bool operator==(const Snapshot&) const = default;
};

struct SnapshotReference {
  std::int64_t snapshot_id = 0;
  std::string type = "branch";  // or "tag"
  JsonValue::Map unknown;       // how long it is kept
  bool operator==(const SnapshotReference&) const = default;
};

struct SnapshotLogEntry {
  std::int64_t timestamp_ms = 0;
  std::int64_t snapshot_id = 0;
  bool operator==(const SnapshotLogEntry&) const = default;
};

struct MetadataLogEntry {
  std::int64_t timestamp_ms = 0;
  std::string metadata_file;
  bool operator==(const MetadataLogEntry&) const = default;
};

inline constexpr std::string_view kMainBranch = "main";

struct TableMetadata {
  std::string table_uuid;
  std::string location;
  std::int64_t last_sequence_number = 0;
  std::int64_t last_updated_ms = 0;
  std::int32_t last_column_id = 0;
  std::int32_t current_schema_id = 0;
  std::vector<TableSchema> schemas;
  std::int32_t default_spec_id = 0;
  std::vector<PartitionSpec> partition_specs;
  std::int32_t last_partition_id = kFirstPartitionFieldId - 1;
  std::int32_t default_sort_order_id = 0;
  std::vector<SortOrder> sort_orders;
  Properties properties;
  std::optional<std::int64_t> current_snapshot_id;
  std::vector<Snapshot> snapshots;
  std::vector<SnapshotLogEntry> snapshot_log;
  std::vector<MetadataLogEntry> metadata_log;
  std::map<std::string, SnapshotReference> references;  // "refs"
  JsonValue::Map unknown;  // members that this code does not know, written back as they came

  const TableSchema& current_schema() const;
  const PartitionSpec& default_spec() const;
  const TableSchema* find_schema(std::int32_t id) const;
  const PartitionSpec* find_spec(std::int32_t id) const;
  const Snapshot* find_snapshot(std::int64_t id) const;
  const Snapshot* current_snapshot() const;  // none: nothing was ever committed
  bool operator==(const TableMetadata&) const = default;
};

// FRS-3600 where the text is not table metadata, or contradicts itself (a current schema that is
// not in the list, …); FRS-3601 for a format version other than 2.
Result<TableMetadata> parse_metadata(std::string_view text);
std::string write_metadata(const TableMetadata& metadata);
// "00007-<uuid>.metadata.json"
std::string metadata_file_name(std::int64_t version, std::string_view uuid);

}  // namespace freshet::archive::iceberg

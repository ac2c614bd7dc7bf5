#include "archive/iceberg/table_metadata.h"

#include <fmt/format.h>

#include "common/check.h"

namespace freshet::archive::iceberg {
namespace {

template <typename Item, typename Id>
const Item* find_by(const std::vector<Item>& items, Id Item::* member, Id id) {
  for (const Item& item : items) {
    if (item.*member == id) return &item;
  }
  return nullptr;
}

}  // namespace

const TableSchema* TableMetadata::find_schema(std::int32_t id) const {
  return find_by(schemas, &TableSchema::schema_id, id);
}

const PartitionSpec* TableMetadata::find_spec(std::int32_t id) const {
  return find_by(partition_specs, &PartitionSpec::spec_id, id);
}

const Snapshot* TableMetadata::find_snapshot(std::int64_t id) const {
  return find_by(snapshots, &Snapshot::snapshot_id, id);
}

const TableSchema& TableMetadata::current_schema() const {
  const TableSchema* schema = find_schema(current_schema_id);
  FRESHET_CHECK(schema != nullptr);
  return *schema;
}

const PartitionSpec& TableMetadata::default_spec() const {
  const PartitionSpec* spec = find_spec(default_spec_id);
  FRESHET_CHECK(spec != nullptr);
  return *spec;
}

const Snapshot* TableMetadata::current_snapshot() const {
  return current_snapshot_id ? find_snapshot(*current_snapshot_id) : nullptr;
}

std::string metadata_file_name(std::int64_t version, std::string_view uuid) {
  return fmt::format("{:05d}-{}.metadata.json", version, uuid);
}

}  // namespace freshet::archive::iceberg

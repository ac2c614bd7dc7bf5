#include "archive/iceberg/table_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace freshet::archive::iceberg {
namespace {

constexpr std::size_t kPreviousVersionsMax = 100;

// The table's time does not go back where the clock did: readers look snapshots up by it.
void touch(TableMetadata& table, std::int64_t now_ms) {
  table.last_updated_ms = std::max(table.last_updated_ms, now_ms);
}

std::optional<std::int64_t> number_in(const Properties& properties, const std::string& name) {
  auto found = properties.find(name);
  if (found == properties.end()) return std::nullopt;
  const std::string& text = found->second;
  std::int64_t value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool is_whole = failed == std::errc() && end == text.data() + text.size();
  return is_whole ? std::optional(value) : std::nullopt;
}

Error moved_on(std::string why) {
  return Error(Code::kExists, 3613, std::move(why));
}
Error wrong_files(std::string why) {
  return Error(Code::kInternal, 3614, std::move(why));
}

Status check_place(const TableMetadata& table, const NewSnapshot& snapshot) {
  if (snapshot.snapshot_id <= 0 || table.find_snapshot(snapshot.snapshot_id) != nullptr) {
    return moved_on(fmt::format("snapshot id {} is taken or not positive", snapshot.snapshot_id));
  }
  if (snapshot.parent_snapshot_id != table.current_snapshot_id) {
    return moved_on(fmt::format(
        "the commit was built on snapshot {}, the table is at {}: build it again on that one",
        snapshot.parent_snapshot_id.value_or(0), table.current_snapshot_id.value_or(0)));
  }
  return ok();
}

Status check_files(const NewSnapshot& snapshot) {
  switch (snapshot.operation) {
    case Operation::kAppend:
      if (snapshot.deleted.files != 0) return wrong_files("an append that takes files away");
      return ok();
    case Operation::kReplace:
      if (snapshot.added.records != snapshot.deleted.records) {
        return wrong_files(fmt::format("a replace of {} rows by {}", snapshot.deleted.records,
                                       snapshot.added.records));
      }
      return ok();
    case Operation::kDelete:
      if (snapshot.added.files != 0) return wrong_files("a delete that adds files");
      return ok();
    case Operation::kOverwrite:
      return ok();
  }
  return ok();
}

void set_counter(Properties& summary, const char* name, std::int64_t value) {
  if (value != 0) summary[name] = std::to_string(value);
}

// A total is counted on from the parent's. A parent that does not say leaves it unknown.
Status set_total(Properties& summary, const Snapshot* parent, const char* name,
                 std::int64_t change) {
  std::optional<std::int64_t> before =
      parent == nullptr ? std::optional<std::int64_t>(0) : number_in(parent->summary, name);
  std::int64_t after = 0;
  if (!before || __builtin_add_overflow(*before, change, &after)) return ok();
  if (after < 0) return wrong_files(fmt::format("{} would be {}", name, after));
  summary[name] = std::to_string(after);
  return ok();
}

Result<Properties> summary_of(const NewSnapshot& snapshot, const Snapshot* parent) {
  Properties summary = snapshot.extra;
  const FileTotals& added = snapshot.added;
  const FileTotals& deleted = snapshot.deleted;
  summary["operation"] = operation_name(snapshot.operation);
  set_counter(summary, "added-data-files", added.files);
  set_counter(summary, "added-records", added.records);
  set_counter(summary, "added-files-size", added.bytes);
  set_counter(summary, "deleted-data-files", deleted.files);
  set_counter(summary, "deleted-records", deleted.records);
  set_counter(summary, "removed-files-size", deleted.bytes);
  FRESHET_TRY_STATUS(set_total(summary, parent, "total-data-files", added.files - deleted.files));
  FRESHET_TRY_STATUS(set_total(summary, parent, "total-records", added.records - deleted.records));
  FRESHET_TRY_STATUS(set_total(summary, parent, "total-files-size", added.bytes - deleted.bytes));
  for (const char* name :
       {"total-delete-files", "total-position-deletes", "total-equality-deletes"}) {
    FRESHET_TRY_STATUS(set_total(summary, parent, name, 0));
  }
  return summary;
}

}  // namespace

std::string_view operation_name(Operation operation) {
  switch (operation) {
    case Operation::kAppend:
      return "append";
    case Operation::kReplace:
      return "replace";
    case Operation::kOverwrite:
      return "overwrite";
    case Operation::kDelete:
      return "delete";
  }
  return "";
}

TableMetadata new_table(NewTable table, std::int64_t now_ms) {
  TableMetadata metadata;
  metadata.table_uuid = std::move(table.table_uuid);
  metadata.location = std::move(table.location);
  metadata.last_updated_ms = now_ms;
  metadata.last_column_id = table.schema.last_column_id;
  metadata.current_schema_id = table.schema.schema.schema_id;
  metadata.schemas.push_back(std::move(table.schema.schema));
  for (const PartitionField& field : table.spec.fields) {
    metadata.last_partition_id = std::max(metadata.last_partition_id, field.field_id);
  }
  metadata.default_spec_id = table.spec.spec_id;
  metadata.partition_specs.push_back(std::move(table.spec));
  // Order 0 is always there: files that are not sorted refer to it.
  metadata.sort_orders.push_back({});
  metadata.default_sort_order_id = table.sort_order.order_id;
  if (table.sort_order.order_id != 0) metadata.sort_orders.push_back(std::move(table.sort_order));
  metadata.properties = std::move(table.properties);
  return metadata;
}

Result<TableMetadata> add_snapshot(TableMetadata table, const NewSnapshot& added,
                                   std::int64_t now_ms) {
  FRESHET_TRY_STATUS(check_place(table, added));
  FRESHET_TRY_STATUS(check_files(added));
  Snapshot snapshot;
  FRESHET_TRY(snapshot.summary, summary_of(added, table.current_snapshot()));
  touch(table, now_ms);
  snapshot.snapshot_id = added.snapshot_id;
  snapshot.parent_snapshot_id = added.parent_snapshot_id;
  snapshot.sequence_number = next_sequence_number(table);
  snapshot.timestamp_ms = table.last_updated_ms;
  snapshot.manifest_list = added.manifest_list;
  snapshot.schema_id = table.current_schema_id;
  table.last_sequence_number = snapshot.sequence_number;
  table.current_snapshot_id = snapshot.snapshot_id;
  table.references[std::string(kMainBranch)].snapshot_id = snapshot.snapshot_id;
  table.snapshot_log.push_back({snapshot.timestamp_ms, snapshot.snapshot_id});
  table.snapshots.push_back(std::move(snapshot));
  return table;
}

Result<TableMetadata> set_schema(TableMetadata table, const freshet::Schema& columns,
                                 std::int64_t now_ms,
                                 std::span<const std::string_view> position_columns) {
  FRESHET_TRY(NumberedSchema next, evolve_schema(table.current_schema(), table.last_column_id,
                                                 columns, position_columns));
  if (next.schema.same_shape(table.current_schema())) return table;
  std::int32_t highest = 0;
  for (const TableSchema& schema : table.schemas) highest = std::max(highest, schema.schema_id);
  next.schema.schema_id = highest + 1;
  table.last_column_id = next.last_column_id;
  table.current_schema_id = next.schema.schema_id;
  table.schemas.push_back(std::move(next.schema));
  touch(table, now_ms);
  return table;
}

TableMetadata set_properties(TableMetadata table, const Properties& set,
                             std::span<const std::string> removed, std::int64_t now_ms) {
  for (const auto& [name, value] : set) table.properties[name] = value;
  for (const std::string& name : removed) table.properties.erase(name);
  touch(table, now_ms);
  return table;
}

TableMetadata record_previous_metadata(TableMetadata table, std::string previous_file,
                                       std::int64_t previous_updated_ms) {
  table.metadata_log.push_back({previous_updated_ms, std::move(previous_file)});
  std::int64_t wanted = number_in(table.properties, "write.metadata.previous-versions-max")
                            .value_or(kPreviousVersionsMax);
  auto kept = static_cast<std::size_t>(std::max<std::int64_t>(wanted, 1));
  auto& log = table.metadata_log;
  if (log.size() > kept) log.erase(log.begin(), log.end() - static_cast<std::ptrdiff_t>(kept));
  return table;
}

}  // namespace freshet::archive::iceberg

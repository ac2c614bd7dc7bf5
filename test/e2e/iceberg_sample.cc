// Writes and reads Iceberg tables with the archive's own code, for test_iceberg.py:
//
//   iceberg_sample columns PLAN      what a Parquet file of the plan's table must look like
//   iceberg_sample write PLAN        the table, commit after commit; prints its last metadata file
//   iceberg_sample read FILE [PREDICATE]   what stands in a table that anyone wrote
//
// PLAN and PREDICATE are JSON files. Times, ids and names follow from the plan.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "archive/iceberg/manifest_list.h"
#include "archive/iceberg/planner.h"
#include "archive/iceberg/table_changes.h"
#include "archive/iceberg/transform.h"
#include "common/bytes.h"

namespace {

using namespace freshet::archive::iceberg;  // NOLINT: a program of one file
using freshet::Code;
using freshet::Error;
using freshet::Result;
using freshet::Status;

constexpr std::string_view kFileScheme = "file://";

std::string local_path(const std::string& uri) {
  return uri.starts_with(kFileScheme) ? uri.substr(kFileScheme.size()) : uri;
}

Result<std::string> read_file(const std::string& uri) {
  std::ifstream file(local_path(uri), std::ios::binary);
  if (!file) return Error(Code::kNotFound, "there is no " + uri);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Status write_file(const std::string& uri, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(local_path(uri)).parent_path());
  std::ofstream file(local_path(uri), std::ios::binary);
  file << bytes;
  file.close();
  if (!file) return Error(Code::kIo, "could not write " + uri);
  return freshet::ok();
}

Result<JsonValue> read_json_file(const std::string& path) {
  FRESHET_TRY(std::string text, read_file(path));
  return parse_json(text);
}

// The plan is the test's own: a member that is missing shows as an empty text or 0.
std::string text_of(const JsonValue& json, std::string_view name) {
  const JsonValue* value = json.find(name);
  return value != nullptr && value->text() != nullptr ? *value->text() : "";
}
std::int64_t number_of(const JsonValue& json, std::string_view name) {
  const JsonValue* value = json.find(name);
  return value == nullptr ? 0 : value->integer().value_or(0);
}
JsonValue::List list_of(const JsonValue& json, std::string_view name) {
  const JsonValue* value = json.find(name);
  return value != nullptr && value->items() != nullptr ? *value->items() : JsonValue::List();
}

Result<freshet::Schema> columns_of(const JsonValue& json) {
  freshet::Schema schema;
  for (const JsonValue& column : list_of(json, "columns")) {
    bool found = false;
    for (int type = 0; type <= static_cast<int>(freshet::ColumnType::kBlob); ++type) {
      auto candidate = static_cast<freshet::ColumnType>(type);
      if (freshet::sql_type_name(candidate) != text_of(column, "type")) continue;
      schema.columns.push_back({text_of(column, "name"), candidate});
      found = true;
    }
    if (!found) return Error(Code::kInvalid, "no such type: " + text_of(column, "type"));
  }
  return schema;
}

TimePartition partition_of(const JsonValue& plan) {
  std::string by = text_of(plan, "partition");
  return by == "day"    ? TimePartition::kDay
         : by == "hour" ? TimePartition::kHour
                        : TimePartition::kNone;
}

// A value of the plan as a bound of a column.
std::string bound(const Field& field, const JsonValue& value, bool is_upper) {
  if (value.text() != nullptr) {
    return is_upper ? upper_text_bound(*value.text()).value_or("")
                    : lower_text_bound(*value.text());
  }
  return encode_value(field.type, Value(value.integer().value_or(0)));
}

DataFile data_file(const JsonValue& json, const TableMetadata& table) {
  DataFile file;
  file.path = text_of(json, "path");
  file.record_count = number_of(json, "rows");
  file.file_bytes = number_of(json, "bytes");
  for (const PartitionField& field : table.default_spec().fields) {
    std::int64_t time = number_of(json, "time");
    bool is_day = field.transform.kind == TransformKind::kDay;
    file.partition.push_back(Value(std::int64_t{is_day ? day_of_us(time) : hour_of_us(time)}));
  }
  for (const JsonValue& column : list_of(json, "bounds")) {
    const Field& field = *table.current_schema().find(text_of(column, "column"));
    file.value_counts[field.id] = file.record_count;
    file.null_value_counts[field.id] = 0;
    file.lower_bounds[field.id] = bound(field, *column.find("lower"), false);
    file.upper_bounds[field.id] = bound(field, *column.find("upper"), true);
  }
  file.split_offsets = {4};
  file.sort_order_id = table.default_sort_order_id;
  return file;
}

// The table as it grows, with the files around it.
class Table {
 public:
  static Result<Table> make(const JsonValue& plan) {
    FRESHET_TRY(freshet::Schema columns, columns_of(plan));
    NewTable made;
    made.table_uuid = text_of(plan, "uuid");
    made.location = text_of(plan, "location");
    FRESHET_TRY(made.schema, new_schema(columns));
    FRESHET_TRY(made.spec, partition_by_time(made.schema.schema, text_of(plan, "time_column"),
                                             partition_of(plan)));
    FRESHET_TRY(made.sort_order, sort_by(made.schema.schema, {text_of(plan, "time_column")}));
    Table table;
    table.metadata_ = new_table(std::move(made), 1'000);
    FRESHET_TRY_STATUS(table.write_version(table.metadata_));
    return table;
  }

  Status commit(const JsonValue& plan) {
    std::int64_t now_ms = 1'000 * (version_ + 1);
    TableMetadata next = metadata_;
    if (plan.find("columns") != nullptr) {
      FRESHET_TRY(freshet::Schema columns, columns_of(plan));
      FRESHET_TRY(next, set_schema(std::move(next), columns, now_ms));
    }
    NewSnapshot snapshot;
    snapshot.snapshot_id = 1'000'000 + version_;
    snapshot.parent_snapshot_id = next.current_snapshot_id;
    snapshot.operation = operation_of(text_of(plan, "operation"));
    snapshot.extra[std::string(kPositionsKey)] = text_of(plan, "positions");
    FRESHET_TRY(std::vector<ManifestFile> manifests, carry_on(plan, next, snapshot));
    FRESHET_TRY_STATUS(add_files(plan, next, snapshot, manifests));
    snapshot.manifest_list = name("snap", version_);
    FRESHET_TRY(std::string list,
                write_manifest_list(
                    {snapshot.snapshot_id, snapshot.parent_snapshot_id, next_sequence_number(next)},
                    manifests, codec()));
    FRESHET_TRY_STATUS(write_file(snapshot.manifest_list, list));
    FRESHET_TRY(next, add_snapshot(std::move(next), snapshot, now_ms));
    return write_version(std::move(next));
  }

  Status expire(std::int64_t older_than_ms) {
    Expired expired = expire_snapshots(metadata_, {older_than_ms, 1, {}}, 1'000 * (version_ + 1));
    for (const Snapshot& snapshot : expired.snapshots) {
      std::filesystem::remove(local_path(snapshot.manifest_list));
    }
    return write_version(std::move(expired.table));
  }

  const std::string& file() const { return file_; }

 private:
  static Operation operation_of(const std::string& name) {
    for (Operation one : {Operation::kReplace, Operation::kOverwrite, Operation::kDelete}) {
      if (operation_name(one) == name) return one;
    }
    return Operation::kAppend;
  }

  // Both codecs get their turn.
  AvroCodec codec() const { return version_ % 2 == 0 ? AvroCodec::kNull : AvroCodec::kDeflate; }

  std::string name(const std::string& kind, std::int64_t number) const {
    return metadata_.location + "/metadata/" + kind + "-" + std::to_string(number) + ".avro";
  }

  // The parent's manifests; those that hold a removed file are written anew.
  Result<std::vector<ManifestFile>> carry_on(const JsonValue& plan, const TableMetadata& table,
                                             NewSnapshot& snapshot) {
    std::vector<ManifestFile> manifests;
    const Snapshot* parent = table.current_snapshot();
    if (parent == nullptr) return manifests;
    std::set<std::string> removed;
    for (const JsonValue& path : list_of(plan, "remove")) removed.insert(*path.text());
    FRESHET_TRY(std::string bytes, read_file(parent->manifest_list));
    FRESHET_TRY(std::vector<ManifestFile> list, read_manifest_list(bytes));
    for (const ManifestFile& listed : live_manifests(list)) {
      FRESHET_TRY(std::string manifest_bytes, read_file(listed.path));
      FRESHET_TRY(Manifest manifest, read_manifest(manifest_bytes, listed));
      std::size_t before = removed.size();
      std::vector<ManifestEntry> entries =
          rewrite_entries(manifest.entries, snapshot.snapshot_id, removed);
      if (removed.size() == before) {
        manifests.push_back(listed);
        continue;
      }
      for (const ManifestEntry& entry : entries) {
        if (!entry.is_live()) snapshot.deleted.add(entry.file);
      }
      FRESHET_TRY_STATUS(write_entries(manifest.head, entries, snapshot.snapshot_id, manifests));
    }
    if (!removed.empty()) return Error(Code::kNotFound, "not in the table: " + *removed.begin());
    return manifests;
  }

  Status add_files(const JsonValue& plan, const TableMetadata& table, NewSnapshot& snapshot,
                   std::vector<ManifestFile>& manifests) {
    std::vector<ManifestEntry> entries;
    for (const JsonValue& file : list_of(plan, "add")) {
      entries.emplace_back().file = data_file(file, table);
      snapshot.added.add(entries.back().file);
    }
    if (entries.empty()) return freshet::ok();
    ManifestHead head{table.current_schema(), table.default_spec(), ManifestContent::kData};
    return write_entries(head, entries, snapshot.snapshot_id, manifests);
  }

  Status write_entries(const ManifestHead& head, const std::vector<ManifestEntry>& entries,
                       std::int64_t snapshot_id, std::vector<ManifestFile>& manifests) {
    FRESHET_TRY(WrittenManifest written, write_manifest(name("manifest", ++manifest_count_),
                                                        snapshot_id, head, entries, codec()));
    manifests.push_back(written.listed);
    return write_file(written.listed.path, written.bytes);
  }

  Status write_version(TableMetadata next) {
    if (!file_.empty()) {
      next = record_previous_metadata(std::move(next), file_, metadata_.last_updated_ms);
    }
    file_ = next.location + "/metadata/" + metadata_file_name(++version_, next.table_uuid);
    metadata_ = std::move(next);
    return write_file(file_, write_metadata(metadata_));
  }

  TableMetadata metadata_;
  std::string file_;
  std::int64_t version_ = -1;
  std::int64_t manifest_count_ = 0;
};

Result<std::string> write_table(const JsonValue& plan) {
  FRESHET_TRY(Table table, Table::make(plan));
  for (const JsonValue& commit : list_of(plan, "commits")) {
    FRESHET_TRY_STATUS(table.commit(commit));
  }
  if (std::int64_t older_than = number_of(plan, "expire_older_than_ms"); older_than > 0) {
    FRESHET_TRY_STATUS(table.expire(older_than));
  }
  return local_path(table.file());
}

Result<std::string> describe_columns(const JsonValue& plan) {
  FRESHET_TRY(freshet::Schema columns, columns_of(plan));
  const JsonValue* first = plan.find("first");
  FRESHET_TRY(freshet::Schema first_columns, columns_of(first == nullptr ? plan : *first));
  FRESHET_TRY(NumberedSchema made, new_schema(first_columns));
  FRESHET_TRY(made, evolve_schema(made.schema, made.last_column_id, columns));
  JsonValue types = JsonValue::list();
  for (const Field& field : made.schema.fields) {
    FRESHET_TRY(std::string type, parquet_sql_type(field.type));
    types.push(JsonValue::map().set("name", field.name).set("type", type));
  }
  return write_json(JsonValue::map()
                        .set("types", std::move(types))
                        .set("field_ids", parquet_field_ids(made.schema)));
}

Predicate predicate_of(const JsonValue& json) {
  Predicate predicate;
  for (const JsonValue& range : list_of(json, "ranges")) {
    predicate.ranges.push_back(
        {text_of(range, "column"), number_of(range, "first"), number_of(range, "last")});
  }
  for (const JsonValue& text : list_of(json, "texts")) {
    predicate.texts.push_back({text_of(text, "column"), text_of(text, "value")});
  }
  return predicate;
}

JsonValue bounds_to_json(const PerField<std::string>& bounds) {
  JsonValue json = JsonValue::map();
  for (const auto& [id, bytes] : bounds) json.set(std::to_string(id), freshet::to_hex(bytes));
  return json;
}

JsonValue entry_to_json(const ManifestEntry& entry) {
  JsonValue json = JsonValue::map();
  json.set("path", entry.file.path);
  json.set("status", static_cast<int>(entry.status));
  json.set("rows", entry.file.record_count);
  json.set("bytes", entry.file.file_bytes);
  json.set("snapshot_id", *entry.snapshot_id);
  json.set("sequence_number", *entry.sequence_number);
  JsonValue partition = JsonValue::list();
  for (const Value& value : entry.file.partition) {
    const std::int64_t* number = std::get_if<std::int64_t>(&value);
    partition.push(number == nullptr ? JsonValue() : JsonValue(*number));
  }
  json.set("partition", std::move(partition));
  json.set("lower", bounds_to_json(entry.file.lower_bounds));
  json.set("upper", bounds_to_json(entry.file.upper_bounds));
  return json;
}

Result<std::string> read_table(const std::string& metadata_file, const JsonValue& predicate) {
  FRESHET_TRY(std::string text, read_file(metadata_file));
  FRESHET_TRY(TableMetadata table, parse_metadata(text));
  // What is written again must be the same table.
  FRESHET_TRY(TableMetadata again, parse_metadata(write_metadata(table)));
  if (again != table) return Error(Code::kInternal, "the metadata does not survive writing");
  JsonValue entries = JsonValue::list(), planned = JsonValue::list();
  const Snapshot* snapshot = table.current_snapshot();
  if (snapshot == nullptr) return Error(Code::kNotFound, "the table has no snapshot");
  FRESHET_TRY(std::string list_bytes, read_file(snapshot->manifest_list));
  FRESHET_TRY(std::vector<ManifestFile> list, read_manifest_list(list_bytes));
  Planner planner(table, predicate_of(predicate));
  FRESHET_TRY(std::vector<ManifestFile> selected, planner.select_manifests(list));
  for (const ManifestFile& listed : list) {
    FRESHET_TRY(std::string bytes, read_file(listed.path));
    FRESHET_TRY(Manifest manifest, read_manifest(bytes, listed));
    for (const ManifestEntry& entry : manifest.entries) entries.push(entry_to_json(entry));
    if (std::find(selected.begin(), selected.end(), listed) == selected.end()) continue;
    FRESHET_TRY(std::vector<DataFile> files, planner.select_files(manifest));
    for (const DataFile& file : files) planned.push(file.path);
  }
  return write_json(JsonValue::map()
                        .set("schema", schema_to_json(table.current_schema()))
                        .set("manifests", list.size())
                        .set("selected_manifests", selected.size())
                        .set("entries", std::move(entries))
                        .set("planned", std::move(planned)));
}

Result<std::string> run(int count, char** arguments) {
  std::string command = count > 2 ? arguments[1] : "";
  if (command == "read") {
    JsonValue predicate = JsonValue::map();
    if (count > 3) {
      FRESHET_TRY(predicate, read_json_file(arguments[3]));
    }
    return read_table(arguments[2], predicate);
  }
  if (command != "write" && command != "columns") {
    return Error(Code::kInvalid, "usage: iceberg_sample columns|write|read FILE [PREDICATE]");
  }
  FRESHET_TRY(JsonValue plan, read_json_file(arguments[2]));
  return command == "write" ? write_table(plan) : describe_columns(plan);
}

}  // namespace

int main(int count, char** arguments) {
  Result<std::string> answer = run(count, arguments);
  if (!answer) {
    std::fprintf(stderr, "%s\n", answer.error().to_string().c_str());
    return 1;
  }
  std::printf("%s\n", answer->c_str());
  return 0;
}

#include <fmt/format.h>

#include <charconv>

#include "archive/iceberg/avro_decoder.h"
#include "archive/iceberg/avro_schemas.h"
#include "archive/iceberg/manifest.h"

namespace freshet::archive::iceberg {
namespace {

Error bad_manifest(Code code, std::string_view why) {
  return Error(code, 3610, fmt::format("manifest: {}", why));
}
Error bad_manifest(std::string_view why) {
  return bad_manifest(Code::kCorruption, why);
}
Error bad_manifest(const Error& error) {
  return bad_manifest(error.code(), error.message());
}

template <typename T, typename TakeValue>
PerField<T> read_map(AvroDecoder& from, const AvroType& type, TakeValue take_value) {
  PerField<T> map;
  from.each_item(type, [&](const AvroType& pair) {
    // Key and value stand in this order, whatever ids a writer gave them.
    if (pair.kind != AvroKind::kRecord || pair.children.size() != 2) {
      return from.fail("a map that is not made of pairs");
    }
    std::int32_t id = from.integer(pair.children[0]);
    map[id] = take_value(pair.children[1]);
  });
  return map;
}

PerField<std::int64_t> read_counts(AvroDecoder& from, const AvroType& type) {
  return read_map<std::int64_t>(from, type,
                                [&](const AvroType& value) { return from.long_integer(value); });
}

PerField<std::string> read_bounds(AvroDecoder& from, const AvroType& type) {
  return read_map<std::string>(from, type, [&](const AvroType& value) { return from.text(value); });
}

std::vector<std::int64_t> read_offsets(AvroDecoder& from, const AvroType& type) {
  std::vector<std::int64_t> offsets;
  from.each_item(type, [&](const AvroType& item) { offsets.push_back(from.long_integer(item)); });
  return offsets;
}

Value read_partition_value(AvroDecoder& from, const AvroType& type) {
  const AvroType& written = from.resolve(type);
  switch (written.kind) {
    case AvroKind::kNull:
      return {};
    case AvroKind::kBoolean:
      return from.boolean(written);
    case AvroKind::kInt:
    case AvroKind::kLong:
      return from.long_integer(written);
    case AvroKind::kFloat:
    case AvroKind::kDouble:
      return from.floating(written);
    case AvroKind::kBytes:
    case AvroKind::kString:
    case AvroKind::kFixed:
      return from.text(written);
    default:
      from.fail("a partition value of an unknown kind");
      return {};
  }
}

// The values in the order of the spec; null where the file has none for a field.
std::vector<Value> read_partition(AvroDecoder& from, const AvroType& type,
                                  const PartitionSpec& spec) {
  std::vector<Value> partition(spec.fields.size());
  if (type.kind != AvroKind::kRecord) from.fail("a partition that is not a record");
  for (std::size_t i = 0; i < type.children.size() && from.ok(); ++i) {
    Value value = read_partition_value(from, type.children[i]);
    for (std::size_t field = 0; field < spec.fields.size(); ++field) {
      if (spec.fields[field].field_id == type.ids[i]) partition[field] = value;
    }
  }
  return partition;
}

// A number that stands for one of `count` words.
template <typename Choice>
Choice read_choice(AvroDecoder& from, const AvroType& type, std::int32_t count) {
  std::int32_t value = from.integer(type);
  if (value < 0 || value >= count) {
    from.fail("a status or content that is not known");
    value = 0;
  }
  return static_cast<Choice>(value);
}

std::int64_t read_size(AvroDecoder& from, const AvroType& type) {
  std::int64_t value = from.long_integer(type);
  if (value < 0 || value > kFileCountMax) from.fail("a count that no file has");
  return value;
}

void read_statistic(AvroDecoder& from, std::int32_t id, const AvroType& type, DataFile& to) {
  switch (id) {
    case file_id::kColumnBytes:
      to.column_bytes = read_counts(from, type);
      return;
    case file_id::kValueCounts:
      to.value_counts = read_counts(from, type);
      return;
    case file_id::kNullValueCounts:
      to.null_value_counts = read_counts(from, type);
      return;
    case file_id::kNanValueCounts:
      to.nan_value_counts = read_counts(from, type);
      return;
    case file_id::kLowerBounds:
      to.lower_bounds = read_bounds(from, type);
      return;
    case file_id::kUpperBounds:
      to.upper_bounds = read_bounds(from, type);
      return;
    case file_id::kSplitOffsets:
      to.split_offsets = read_offsets(from, type);
      return;
    default:
      from.skip(type);
  }
}

void read_file_field(AvroDecoder& from, std::int32_t id, const AvroType& type,
                     const PartitionSpec& spec, DataFile& to) {
  switch (id) {
    case file_id::kContent:
      to.content = read_choice<FileContent>(from, type, 3);
      return;
    case file_id::kPath:
      to.path = from.text(type);
      return;
    case file_id::kFormat:
      to.format = from.text(type);
      return;
    case file_id::kPartition:
      to.partition = read_partition(from, type, spec);
      return;
    case file_id::kRecordCount:
      to.record_count = read_size(from, type);
      return;
    case file_id::kFileBytes:
      to.file_bytes = read_size(from, type);
      return;
    case file_id::kKeyMetadata:
      to.key_metadata = from.optional_text(type);
      return;
    case file_id::kSortOrderId:
      to.sort_order_id = from.optional_int(type);
      return;
    default:
      read_statistic(from, id, type, to);
  }
}

DataFile read_file(AvroDecoder& from, const AvroType& type, const PartitionSpec& spec) {
  DataFile file;
  for (std::size_t i = 0; i < type.children.size() && from.ok(); ++i) {
    read_file_field(from, type.ids[i], type.children[i], spec, file);
  }
  return file;
}

ManifestEntry read_entry(AvroDecoder& from, const AvroType& type, const PartitionSpec& spec) {
  ManifestEntry entry;
  for (std::size_t i = 0; i < type.children.size() && from.ok(); ++i) {
    const AvroType& field = type.children[i];
    switch (type.ids[i]) {
      case entry_id::kStatus:
        entry.status = read_choice<EntryStatus>(from, field, 3);
        break;
      case entry_id::kSnapshotId:
        entry.snapshot_id = from.optional_long(field);
        break;
      case entry_id::kSequenceNumber:
        entry.sequence_number = from.optional_long(field);
        break;
      case entry_id::kFileSequenceNumber:
        entry.file_sequence_number = from.optional_long(field);
        break;
      case entry_id::kDataFile:
        entry.file = read_file(from, field, spec);
        break;
      default:
        from.skip(field);
    }
  }
  return entry;
}

Status check_fields(const AvroType& type) {
  const AvroType* file = find_field(type, entry_id::kDataFile);
  if (file == nullptr || file->kind != AvroKind::kRecord) return bad_manifest("no data files");
  if (find_field(type, entry_id::kStatus) == nullptr) return bad_manifest("no field 0, status");
  for (std::int32_t id : {file_id::kPath, file_id::kFormat, file_id::kPartition,
                          file_id::kRecordCount, file_id::kFileBytes}) {
    if (find_field(*file, id) == nullptr) return bad_manifest(fmt::format("no field {}", id));
  }
  return ok();
}

using Metadata = std::map<std::string, std::string>;

Result<JsonValue> json_member(const Metadata& metadata, const std::string& name) {
  auto found = metadata.find(name);
  if (found == metadata.end()) return bad_manifest("it has no \"" + name + "\"");
  auto json = parse_json(found->second);
  if (!json) return bad_manifest(json.error());
  return json;
}

// A number written as text; `otherwise` where there is none.
Result<std::int32_t> int_member(const Metadata& metadata, const std::string& name,
                                std::int32_t otherwise) {
  auto found = metadata.find(name);
  if (found == metadata.end()) return otherwise;
  const std::string& text = found->second;
  std::int32_t value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) {
    return bad_manifest(fmt::format("its \"{}\" is \"{}\"", name, text));
  }
  return value;
}

Result<ManifestHead> read_head(const Metadata& metadata) {
  FRESHET_TRY(JsonValue schema_json, json_member(metadata, "schema"));
  auto schema = schema_from_json(schema_json);
  if (!schema) return bad_manifest(schema.error());
  FRESHET_TRY(JsonValue fields_json, json_member(metadata, "partition-spec"));
  auto fields = partition_fields_from_json(fields_json);
  if (!fields) return bad_manifest(fields.error());
  ManifestHead head;
  head.schema = *std::move(schema);
  head.spec.fields = *std::move(fields);
  FRESHET_TRY(head.schema.schema_id, int_member(metadata, "schema-id", head.schema.schema_id));
  FRESHET_TRY(head.spec.spec_id, int_member(metadata, "partition-spec-id", 0));
  auto content = metadata.find("content");
  if (content != metadata.end() && content->second == "deletes") {
    head.content = ManifestContent::kDeletes;
  }
  return head;
}

// What an entry leaves out is the manifest's. Only added files may; in manifests of format version
// 1, whose number is 0, all do.
Status inherit(const ManifestFile& listed, ManifestEntry& entry) {
  if (!entry.snapshot_id) entry.snapshot_id = listed.added_snapshot_id;
  bool may = entry.status == EntryStatus::kAdded || listed.sequence_number == 0;
  if (!may && (!entry.sequence_number || !entry.file_sequence_number)) {
    return bad_manifest(fmt::format("{} has no sequence number", entry.file.path));
  }
  if (!entry.sequence_number) entry.sequence_number = listed.sequence_number;
  if (!entry.file_sequence_number) entry.file_sequence_number = listed.sequence_number;
  return ok();
}

}  // namespace

Result<Manifest> read_manifest(std::string_view bytes) {
  auto file = read_avro_file(bytes);
  if (!file) return bad_manifest(file.error());
  FRESHET_TRY_STATUS(check_fields(file->type));
  Manifest manifest;
  FRESHET_TRY(manifest.head, read_head(file->metadata));
  AvroDecoder from(file->records);
  for (std::int64_t i = 0; i < file->record_count && from.ok(); ++i) {
    manifest.entries.push_back(read_entry(from, file->type, manifest.head.spec));
  }
  if (from.ok() && !from.at_end()) from.fail("bytes behind the last entry");
  if (Status status = from.status(); !status) return bad_manifest(status.error());
  return manifest;
}

Result<Manifest> read_manifest(std::string_view bytes, const ManifestFile& listed) {
  FRESHET_TRY(Manifest manifest, read_manifest(bytes));
  // A list that names another file's length names another file.
  if (static_cast<std::int64_t>(bytes.size()) != listed.manifest_bytes) {
    return bad_manifest(fmt::format("{} has {} bytes, the manifest list says {}", listed.path,
                                    bytes.size(), listed.manifest_bytes));
  }
  for (ManifestEntry& entry : manifest.entries) {
    FRESHET_TRY_STATUS(inherit(listed, entry));
  }
  return manifest;
}

}  // namespace freshet::archive::iceberg

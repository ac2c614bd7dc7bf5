#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "archive/iceberg/avro_encoder.h"
#include "archive/iceberg/avro_schemas.h"
#include "archive/iceberg/manifest.h"

namespace freshet::archive::iceberg {
namespace {

Error bad_entry(const ManifestEntry& entry, std::string_view why) {
  return Error(Code::kInternal, 3607, fmt::format("manifest entry {}: {}", entry.file.path, why));
}

bool holds(const Value& value, TypeKind kind) {
  switch (kind) {
    case TypeKind::kBoolean:
      return std::holds_alternative<bool>(value);
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz:
      return std::holds_alternative<std::int64_t>(value);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return std::holds_alternative<double>(value);
    default:
      return std::holds_alternative<std::string>(value);
  }
}

bool fits(const Value& value, const FieldType& type) {
  if (is_null(value)) return true;
  if (!holds(value, type.kind)) return false;
  const std::string* bytes = std::get_if<std::string>(&value);
  if (type.kind == TypeKind::kUuid) return bytes->size() == 16;
  if (type.kind == TypeKind::kFixed) return bytes->size() == static_cast<std::size_t>(type.length);
  const std::int64_t* number = std::get_if<std::int64_t>(&value);
  bool is_narrow = type.kind == TypeKind::kInt || type.kind == TypeKind::kDate;
  return !is_narrow || std::in_range<std::int32_t>(*number);
}

Status check_numbers(const ManifestEntry& entry, std::int64_t snapshot_id) {
  bool has_sequence = entry.sequence_number || entry.file_sequence_number;
  bool has_both = entry.sequence_number && entry.file_sequence_number;
  switch (entry.status) {
    case EntryStatus::kAdded:
      if (has_sequence) return bad_entry(entry, "an added file gets its numbers by the commit");
      if (entry.snapshot_id.value_or(snapshot_id) != snapshot_id) {
        return bad_entry(entry, "an added file of another snapshot");
      }
      return ok();
    case EntryStatus::kExisting:
      if (!has_both || !entry.snapshot_id)
        return bad_entry(entry, "an existing file without numbers");
      return ok();
    case EntryStatus::kDeleted:
      if (!has_both) return bad_entry(entry, "a deleted file without numbers");
      if (entry.snapshot_id != snapshot_id) {
        return bad_entry(entry, "a file that another snapshot deleted");
      }
      return ok();
  }
  return ok();
}

void put_optional_long(AvroEncoder& to, std::optional<std::int64_t> value) {
  to.put_is_there(value.has_value());
  if (value) to.put_long(*value);
}

void put_map_value(AvroEncoder& to, std::int64_t value) {
  to.put_long(value);
}
void put_map_value(AvroEncoder& to, const std::string& value) {
  to.put_bytes(value);
}

template <typename T>
void put_map(AvroEncoder& to, const PerField<T>& map, bool may_be_null = true) {
  bool is_null = may_be_null && map.empty();
  to.put_is_there(!is_null);
  if (is_null) return;
  to.begin_items(map.size());
  for (const auto& [id, value] : map) {
    to.put_long(id);
    put_map_value(to, value);
  }
  to.end_items();
}

void put_partition_value(AvroEncoder& to, const Value& value, TypeKind kind) {
  to.put_is_there(!is_null(value));
  if (const bool* flag = std::get_if<bool>(&value)) {
    to.put_boolean(*flag);
  } else if (const std::int64_t* number = std::get_if<std::int64_t>(&value)) {
    to.put_long(*number);
  } else if (const double* real = std::get_if<double>(&value)) {
    if (kind == TypeKind::kFloat) {
      to.put_floating(static_cast<float>(*real));
    } else {
      to.put_floating(*real);
    }
  } else if (const std::string* bytes = std::get_if<std::string>(&value)) {
    bool is_fixed = kind == TypeKind::kUuid || kind == TypeKind::kFixed;
    is_fixed ? to.put_fixed(*bytes) : to.put_bytes(*bytes);
  }
}

void put_offsets(AvroEncoder& to, const std::vector<std::int64_t>& offsets) {
  to.put_is_there(!offsets.empty());
  if (offsets.empty()) return;
  to.begin_items(offsets.size());
  for (std::int64_t offset : offsets) to.put_long(offset);
  to.end_items();
}

// Writes entries, and counts for the manifest list what it writes.
class ManifestWriter {
 public:
  static Result<ManifestWriter> open(const ManifestHead& head, std::string path,
                                     std::int64_t snapshot_id) {
    ManifestWriter writer;
    for (const PartitionField& field : head.spec.fields) {
      FRESHET_TRY(FieldType type, partition_type(field, head.schema));
      writer.partition_types_.push_back(std::move(type));
    }
    writer.listed_.path = std::move(path);
    writer.listed_.partition_spec_id = head.spec.spec_id;
    writer.listed_.added_snapshot_id = snapshot_id;
    writer.listed_.partitions.resize(head.spec.fields.size());
    writer.lowest_.resize(head.spec.fields.size());
    writer.highest_.resize(head.spec.fields.size());
    for (FieldSummary& summary : writer.listed_.partitions) summary.contains_nan = false;
    return writer;
  }

  Status add(const ManifestEntry& entry) {
    FRESHET_TRY_STATUS(check(entry));
    put_entry(entry);
    count(entry);
    for (std::size_t i = 0; i < partition_types_.size(); ++i) summarize(i, entry.file.partition[i]);
    return ok();
  }

  std::string take_records() { return records_.take(); }

  ManifestFile listed() const {
    ManifestFile listed = listed_;
    for (std::size_t i = 0; i < partition_types_.size(); ++i) {
      if (is_null(lowest_[i])) continue;
      listed.partitions[i].lower_bound = encode_value(partition_types_[i], lowest_[i]);
      listed.partitions[i].upper_bound = encode_value(partition_types_[i], highest_[i]);
    }
    return listed;
  }

 private:
  Status check(const ManifestEntry& entry) {
    const DataFile& file = entry.file;
    FRESHET_TRY_STATUS(check_numbers(entry, listed_.added_snapshot_id));
    if (file.content != FileContent::kData) return bad_entry(entry, "not a data file");
    if (file.path.empty()) return bad_entry(entry, "a file without a path");
    for (std::int64_t count : {file.record_count, file.file_bytes}) {
      if (count < 0 || count > kFileCountMax) return bad_entry(entry, "a count that no file has");
    }
    if (file.partition.size() != partition_types_.size()) {
      return bad_entry(entry, "a partition that is not the spec's");
    }
    for (std::size_t i = 0; i < partition_types_.size(); ++i) {
      if (!fits(file.partition[i], partition_types_[i])) {
        return bad_entry(entry, "a partition value that is not of the spec's type");
      }
    }
    // Its rows would be read twice.
    if (entry.is_live() && !live_paths_.insert(file.path).second) {
      return bad_entry(entry, "a live file that stands here twice");
    }
    return ok();
  }

  void put_entry(const ManifestEntry& entry) {
    records_.put_long(static_cast<std::int64_t>(entry.status));
    put_optional_long(records_, entry.snapshot_id.value_or(listed_.added_snapshot_id));
    put_optional_long(records_, entry.sequence_number);
    put_optional_long(records_, entry.file_sequence_number);
    put_file(entry.file);
  }

  void put_file(const DataFile& file) {
    records_.put_long(static_cast<std::int64_t>(file.content));
    records_.put_bytes(file.path);
    records_.put_bytes(file.format);
    for (std::size_t i = 0; i < partition_types_.size(); ++i) {
      put_partition_value(records_, file.partition[i], partition_types_[i].kind);
    }
    records_.put_long(file.record_count);
    records_.put_long(file.file_bytes);
    // PyIceberg 0.12 cannot list the entries of a table where this one is null.
    put_map(records_, file.column_bytes, false);
    put_map(records_, file.value_counts);
    put_map(records_, file.null_value_counts);
    put_map(records_, file.nan_value_counts);
    put_map(records_, file.lower_bounds);
    put_map(records_, file.upper_bounds);
    records_.put_is_there(file.key_metadata.has_value());
    if (file.key_metadata) records_.put_bytes(*file.key_metadata);
    put_offsets(records_, file.split_offsets);
    put_optional_long(records_, file.sort_order_id);
  }

  void count(const ManifestEntry& entry) {
    std::int64_t rows = entry.file.record_count;
    switch (entry.status) {
      case EntryStatus::kAdded:
        ++listed_.added_files;
        listed_.added_rows += rows;
        return;
      case EntryStatus::kExisting:
        ++listed_.existing_files;
        listed_.existing_rows += rows;
        // Added files have the commit's number, which is higher than any before it.
        listed_.min_sequence_number = std::min(
            *entry.sequence_number, listed_.min_sequence_number.value_or(*entry.sequence_number));
        return;
      case EntryStatus::kDeleted:
        ++listed_.deleted_files;
        listed_.deleted_rows += rows;
    }
  }

  void summarize(std::size_t field, const Value& value) {
    if (is_null(value)) {
      listed_.partitions[field].contains_null = true;
      return;
    }
    const double* real = std::get_if<double>(&value);
    if (real != nullptr && *real != *real) {
      listed_.partitions[field].contains_nan = true;
      return;
    }
    if (is_null(lowest_[field]) || value < lowest_[field]) lowest_[field] = value;
    if (is_null(highest_[field]) || highest_[field] < value) highest_[field] = value;
  }

  std::vector<FieldType> partition_types_;
  AvroEncoder records_;
  ManifestFile listed_;
  std::vector<Value> lowest_, highest_;  // of each partition field
  std::set<std::string> live_paths_;
};

}  // namespace

Result<WrittenManifest> write_manifest(std::string path, std::int64_t snapshot_id,
                                       const ManifestHead& head,
                                       std::span<const ManifestEntry> entries, AvroCodec codec) {
  if (head.content != ManifestContent::kData) {
    return Error(Code::kUnsupported, 3615, "manifests of row-level deletes are not written");
  }
  FRESHET_TRY(std::string avro_schema, manifest_avro_schema(head.spec, head.schema));
  FRESHET_TRY(ManifestWriter writer, ManifestWriter::open(head, std::move(path), snapshot_id));
  for (const ManifestEntry& entry : entries) {
    FRESHET_TRY_STATUS(writer.add(entry));
  }
  std::map<std::string, std::string> metadata{
      {"schema", write_json(schema_to_json(head.schema))},
      {"schema-id", std::to_string(head.schema.schema_id)},
      {"partition-spec", write_json(partition_fields_to_json(head.spec))},
      {"partition-spec-id", std::to_string(head.spec.spec_id)},
      {"format-version", "2"},
      {"content", "data"}};
  WrittenManifest written;
  written.listed = writer.listed();
  written.bytes = write_avro_file(avro_schema, metadata, writer.take_records(),
                                  static_cast<std::int64_t>(entries.size()), codec);
  written.listed.manifest_bytes = static_cast<std::int64_t>(written.bytes.size());
  return written;
}

std::vector<ManifestEntry> rewrite_entries(std::span<const ManifestEntry> entries,
                                           std::int64_t snapshot_id,
                                           std::set<std::string>& removed) {
  std::vector<ManifestEntry> rewritten;
  for (const ManifestEntry& entry : entries) {
    if (!entry.is_live()) continue;
    ManifestEntry& next = rewritten.emplace_back(entry);
    next.status = EntryStatus::kExisting;
    if (removed.erase(entry.file.path) > 0) {
      next.status = EntryStatus::kDeleted;
      next.snapshot_id = snapshot_id;
    }
  }
  return rewritten;
}

}  // namespace freshet::archive::iceberg

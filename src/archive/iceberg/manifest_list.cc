#include "archive/iceberg/manifest_list.h"

#include <fmt/format.h>

#include "archive/iceberg/avro_decoder.h"
#include "archive/iceberg/avro_encoder.h"
#include "archive/iceberg/avro_schemas.h"

namespace freshet::archive::iceberg {
namespace {

Error bad_list(const Error& error) {
  return Error(error.code(), 3611, "manifest list: " + error.message());
}

void put_optional_text(AvroEncoder& to, const std::optional<std::string>& text) {
  to.put_is_there(text.has_value());
  if (text) to.put_bytes(*text);
}

void put_summaries(AvroEncoder& to, const std::vector<FieldSummary>& summaries) {
  to.put_is_there(true);
  to.begin_items(summaries.size());
  for (const FieldSummary& summary : summaries) {
    to.put_boolean(summary.contains_null);
    to.put_is_there(summary.contains_nan.has_value());
    if (summary.contains_nan) to.put_boolean(*summary.contains_nan);
    put_optional_text(to, summary.lower_bound);
    put_optional_text(to, summary.upper_bound);
  }
  to.end_items();
}

void put_manifest(AvroEncoder& to, const ManifestFile& manifest, std::int64_t sequence_number) {
  to.put_bytes(manifest.path);
  to.put_long(manifest.manifest_bytes);
  to.put_long(manifest.partition_spec_id);
  to.put_long(static_cast<std::int64_t>(manifest.content));
  to.put_long(manifest.sequence_number.value_or(sequence_number));
  to.put_long(manifest.min_sequence_number.value_or(sequence_number));
  to.put_long(manifest.added_snapshot_id);
  for (std::int32_t files :
       {manifest.added_files, manifest.existing_files, manifest.deleted_files}) {
    to.put_long(files);
  }
  for (std::int64_t rows : {manifest.added_rows, manifest.existing_rows, manifest.deleted_rows}) {
    to.put_long(rows);
  }
  put_summaries(to, manifest.partitions);
  put_optional_text(to, manifest.key_metadata);
}

FieldSummary read_summary(AvroDecoder& from, const AvroType& type) {
  FieldSummary summary;
  for (std::size_t i = 0; i < type.children.size() && from.ok(); ++i) {
    const AvroType& field = type.children[i];
    switch (type.ids[i]) {
      case list_id::kContainsNull:
        summary.contains_null = from.boolean(field);
        break;
      case list_id::kContainsNan:
        summary.contains_nan = from.optional_boolean(field);
        break;
      case list_id::kLowerBound:
        summary.lower_bound = from.optional_text(field);
        break;
      case list_id::kUpperBound:
        summary.upper_bound = from.optional_text(field);
        break;
      default:
        from.skip(field);
    }
  }
  return summary;
}

std::vector<FieldSummary> read_summaries(AvroDecoder& from, const AvroType& type) {
  std::vector<FieldSummary> summaries;
  from.each_item(type, [&](const AvroType& item) {
    if (item.kind != AvroKind::kRecord) return from.fail("a summary that is not a record");
    summaries.push_back(read_summary(from, item));
  });
  return summaries;
}

// Lists of format version 1 may leave counts out: then they are not known, which we do not tell
// from 0.
void read_count(AvroDecoder& from, std::int32_t id, const AvroType& type, ManifestFile& to) {
  switch (id) {
    case list_id::kAddedFiles:
      to.added_files = from.optional_int(type).value_or(0);
      return;
    case list_id::kExistingFiles:
      to.existing_files = from.optional_int(type).value_or(0);
      return;
    case list_id::kDeletedFiles:
      to.deleted_files = from.optional_int(type).value_or(0);
      return;
    case list_id::kAddedRows:
      to.added_rows = from.optional_long(type).value_or(0);
      return;
    case list_id::kExistingRows:
      to.existing_rows = from.optional_long(type).value_or(0);
      return;
    case list_id::kDeletedRows:
      to.deleted_rows = from.optional_long(type).value_or(0);
      return;
    default:
      from.skip(type);
  }
}

void read_content(AvroDecoder& from, const AvroType& type, ManifestFile& to) {
  std::int32_t content = from.integer(type);
  if (content != 0 && content != 1) from.fail("a content that is not known");
  to.content = content == 1 ? ManifestContent::kDeletes : ManifestContent::kData;
}

void read_field(AvroDecoder& from, std::int32_t id, const AvroType& type, ManifestFile& to) {
  switch (id) {
    case list_id::kPath:
      to.path = from.text(type);
      return;
    case list_id::kManifestBytes:
      to.manifest_bytes = from.long_integer(type);
      return;
    case list_id::kSpecId:
      to.partition_spec_id = from.integer(type);
      return;
    case list_id::kContent:
      return read_content(from, type, to);
    case list_id::kSequenceNumber:
      to.sequence_number = from.long_integer(type);
      return;
    case list_id::kMinSequenceNumber:
      to.min_sequence_number = from.long_integer(type);
      return;
    case list_id::kAddedSnapshotId:
      to.added_snapshot_id = from.long_integer(type);
      return;
    case list_id::kPartitions:
      to.partitions = read_summaries(from, type);
      return;
    case list_id::kKeyMetadata:
      to.key_metadata = from.optional_text(type);
      return;
    default:
      read_count(from, id, type, to);
  }
}

ManifestFile read_listed(AvroDecoder& from, const AvroType& type) {
  ManifestFile manifest;
  manifest.sequence_number = 0;
  manifest.min_sequence_number = 0;
  for (std::size_t i = 0; i < type.children.size() && from.ok(); ++i) {
    read_field(from, type.ids[i], type.children[i], manifest);
  }
  return manifest;
}

Status check_fields(const AvroType& type) {
  for (std::int32_t id :
       {list_id::kPath, list_id::kManifestBytes, list_id::kSpecId, list_id::kAddedSnapshotId}) {
    if (find_field(type, id) == nullptr) {
      return Error(Code::kCorruption, 3611, fmt::format("manifest list: no field {}", id));
    }
  }
  return ok();
}

}  // namespace

Result<std::string> write_manifest_list(const ManifestListHead& head,
                                        std::span<const ManifestFile> manifests, AvroCodec codec) {
  AvroEncoder records;
  for (const ManifestFile& manifest : manifests) {
    if (manifest.sequence_number.value_or(0) > head.sequence_number) {
      return Error(
          Code::kInternal, 3607,
          fmt::format("manifest {} is younger than the snapshot it is listed for", manifest.path));
    }
    put_manifest(records, manifest, head.sequence_number);
  }
  std::map<std::string, std::string> metadata{
      {"snapshot-id", std::to_string(head.snapshot_id)},
      {"parent-snapshot-id",
       head.parent_snapshot_id ? std::to_string(*head.parent_snapshot_id) : "null"},
      {"sequence-number", std::to_string(head.sequence_number)},
      {"format-version", "2"}};
  return write_avro_file(manifest_list_avro_schema(), metadata, records.bytes(),
                         static_cast<std::int64_t>(manifests.size()), codec);
}

std::vector<ManifestFile> live_manifests(std::span<const ManifestFile> manifests) {
  std::vector<ManifestFile> live;
  for (const ManifestFile& manifest : manifests) {
    // Where all counts are 0 they were not given: the safe answer is to keep it.
    bool only_deleted =
        manifest.deleted_files > 0 && manifest.added_files == 0 && manifest.existing_files == 0;
    if (!only_deleted) live.push_back(manifest);
  }
  return live;
}

Result<std::vector<ManifestFile>> read_manifest_list(std::string_view bytes) {
  auto file = read_avro_file(bytes);
  if (!file) return bad_list(file.error());
  FRESHET_TRY_STATUS(check_fields(file->type));
  std::vector<ManifestFile> manifests;
  AvroDecoder from(file->records);
  for (std::int64_t i = 0; i < file->record_count && from.ok(); ++i) {
    manifests.push_back(read_listed(from, file->type));
  }
  if (from.ok() && !from.at_end()) from.fail("bytes behind the last manifest");
  if (Status status = from.status(); !status) return bad_list(status.error());
  return manifests;
}

}  // namespace freshet::archive::iceberg

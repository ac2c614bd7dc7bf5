// What a manifest says of a data file, and a manifest list of a manifest.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/iceberg/value.h"

namespace freshet::archive::iceberg {

enum class FileContent : std::uint8_t { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };

// Of rows or bytes in one file. Far above any real file, and low enough that sums over a manifest
// stay within 64 bits.
inline constexpr std::int64_t kFileCountMax = std::int64_t{1} << 41;

// By field id. A map that is empty is written as "not known".
template <typename T>
using PerField = std::map<std::int32_t, T>;

struct DataFile {
  FileContent content = FileContent::kData;
  std::string path;  // the full URI
  std::string format = "PARQUET";
  std::vector<Value> partition;  // in the order of the manifest's partition spec
  std::int64_t record_count = 0;
  std::int64_t file_bytes = 0;
  PerField<std::int64_t> column_bytes;  // "column_sizes"
  PerField<std::int64_t> value_counts;  // nulls and NaN too
  PerField<std::int64_t> null_value_counts;
  PerField<std::int64_t> nan_value_counts;
  PerField<std::string> lower_bounds;  // raw single values: see value.h
  PerField<std::string> upper_bounds;
  std::optional<std::string> key_metadata;
  std::vector<std::int64_t> split_offsets;  // where row groups begin
  std::optional<std::int32_t> sort_order_id;
  bool operator==(const DataFile&) const = default;
};

enum class EntryStatus : std::uint8_t { kExisting = 0, kAdded = 1, kDeleted = 2 };

// A file in a manifest. Where a file is added, both sequence numbers are left out and come from the
// manifest list, so that the manifest survives a commit that has to be tried again. Existing and
// deleted files spell them out.
struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  std::optional<std::int64_t> snapshot_id;  // that added the file, or deleted it
  std::optional<std::int64_t> sequence_number;
  std::optional<std::int64_t> file_sequence_number;
  DataFile file;
  bool is_live() const { return status != EntryStatus::kDeleted; }
  bool operator==(const ManifestEntry&) const = default;
};

// Of one partition field over all files of a manifest.
struct FieldSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan;
  std::optional<std::string> lower_bound;
  std::optional<std::string> upper_bound;
  bool operator==(const FieldSummary&) const = default;
};

enum class ManifestContent : std::uint8_t { kData = 0, kDeletes = 1 };

// A manifest as the list has it. A sequence number that is not given is that of the snapshot for
// which the list is written: so a retried commit writes the list anew and the manifest stays.
struct ManifestFile {
  std::string path;
  std::int64_t manifest_bytes = 0;
  std::int32_t partition_spec_id = 0;
  ManifestContent content = ManifestContent::kData;
  std::optional<std::int64_t> sequence_number;
  std::optional<std::int64_t> min_sequence_number;
  std::int64_t added_snapshot_id = 0;
  std::int32_t added_files = 0, existing_files = 0, deleted_files = 0;
  std::int64_t added_rows = 0, existing_rows = 0, deleted_rows = 0;
  std::vector<FieldSummary> partitions;
  std::optional<std::string> key_metadata;
  bool operator==(const ManifestFile&) const = default;
};

}  // namespace freshet::archive::iceberg

// Manifest lists: which manifests a snapshot has.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/iceberg/avro_file.h"
#include "archive/iceberg/data_file.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

struct ManifestListHead {
  std::int64_t snapshot_id = 0;
  std::optional<std::int64_t> parent_snapshot_id;
  std::int64_t sequence_number = 0;
};

// Manifests without a sequence number get that of the snapshot. The same input gives the same
// bytes.
Result<std::string> write_manifest_list(const ManifestListHead& head,
                                        std::span<const ManifestFile> manifests,
                                        AvroCodec codec = AvroCodec::kDeflate);
// What the next snapshot keeps of a list: manifests in which no file lives have said what they had
// to.
std::vector<ManifestFile> live_manifests(std::span<const ManifestFile> manifests);

// Sequence numbers are all given, 0 where the list is of an older format. FRS-3611 where the bytes
// are not a manifest list.
Result<std::vector<ManifestFile>> read_manifest_list(std::string_view bytes);

}  // namespace freshet::archive::iceberg

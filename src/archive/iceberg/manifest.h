// Manifests: which data files a table has, with their partitions and bounds. An Avro object
// container file; read by the field ids of the schema inside it, so that those of other engines can
// be read too.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/iceberg/avro_file.h"
#include "archive/iceberg/data_file.h"
#include "archive/iceberg/partition.h"
#include "archive/iceberg/schema.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

// What all files of a manifest share.
struct ManifestHead {
  TableSchema schema;
  PartitionSpec spec;
  ManifestContent content = ManifestContent::kData;
  bool operator==(const ManifestHead&) const = default;
};

struct Manifest {
  ManifestHead head;
  std::vector<ManifestEntry> entries;
};

struct WrittenManifest {
  std::string bytes;
  ManifestFile listed;  // for the manifest list; all but sequence numbers of added files is known
};

// A manifest of data files that snapshot `snapshot_id` adds at `path`. The same input gives the
// same bytes. FRS-3607 where an entry breaks the rules: an added file with sequence numbers of its
// own or another's snapshot id, an existing or deleted one without, a partition that does not fit
// the spec.
Result<WrittenManifest> write_manifest(std::string path, std::int64_t snapshot_id,
                                       const ManifestHead& head,
                                       std::span<const ManifestEntry> entries,
                                       AvroCodec codec = AvroCodec::kDeflate);

// As it stands in the file. FRS-3610 where the bytes are not a manifest.
Result<Manifest> read_manifest(std::string_view bytes);
// And with what the manifest list knows filled in: snapshot ids and sequence numbers of added
// files.
Result<Manifest> read_manifest(std::string_view bytes, const ManifestFile& listed);

// The entries of the manifest that replaces one which was read: live files stay, as existing; those
// in `removed` are deleted by `snapshot_id`; entries that were deleted before are left out. What
// was removed is taken out of `removed`, so that the caller sees at the end whether all were found.
std::vector<ManifestEntry> rewrite_entries(std::span<const ManifestEntry> entries,
                                           std::int64_t snapshot_id,
                                           std::set<std::string>& removed);

}  // namespace freshet::archive::iceberg

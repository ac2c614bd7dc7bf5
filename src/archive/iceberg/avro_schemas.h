// The Avro schemas of manifests and manifest lists, with the field ids by which they are read, and
// the order in which their writers put the fields.
#pragma once

#include <cstdint>
#include <string>

#include "archive/iceberg/partition.h"
#include "archive/iceberg/schema.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

// Field ids of Iceberg's specification, in the order in which we write.
namespace entry_id {
inline constexpr std::int32_t kStatus = 0, kSnapshotId = 1, kSequenceNumber = 3,
                              kFileSequenceNumber = 4, kDataFile = 2;
}
namespace file_id {
inline constexpr std::int32_t kContent = 134, kPath = 100, kFormat = 101, kPartition = 102,
                              kRecordCount = 103, kFileBytes = 104, kColumnBytes = 108,
                              kValueCounts = 109, kNullValueCounts = 110, kNanValueCounts = 137,
                              kLowerBounds = 125, kUpperBounds = 128, kKeyMetadata = 131,
                              kSplitOffsets = 132, kSortOrderId = 140;
}
namespace list_id {
inline constexpr std::int32_t kPath = 500, kManifestBytes = 501, kSpecId = 502, kContent = 517,
                              kSequenceNumber = 515, kMinSequenceNumber = 516,
                              kAddedSnapshotId = 503, kAddedFiles = 504, kExistingFiles = 505,
                              kDeletedFiles = 506, kAddedRows = 512, kExistingRows = 513,
                              kDeletedRows = 514, kPartitions = 507, kKeyMetadata = 519;
inline constexpr std::int32_t kContainsNull = 509, kContainsNan = 518, kLowerBound = 510,
                              kUpperBound = 511;
}  // namespace list_id

// FRS-3604 where a partition has a type that we do not write.
Result<std::string> manifest_avro_schema(const PartitionSpec& spec, const TableSchema& schema);
const std::string& manifest_list_avro_schema();

}  // namespace freshet::archive::iceberg

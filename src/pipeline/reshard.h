// Splitting and merging the hash ranges of a stream's partitions. Pure functions over the catalog's
// rows.
#pragma once

#include <cstdint>

#include "catalog/catalog.h"
#include "common/result.h"

namespace freshet::pipeline {

// `count` partitions of equal range, as a new stream has them.
std::vector<catalog::PartitionRow> equal_partitions(std::uint32_t count, Position first,
                                                    std::int64_t now_us);

std::vector<const catalog::PartitionRow*> open_partitions(const catalog::StreamRow& row);

// Closes the parent after `last` and opens two children; `hash` is the first key of the upper one.
// kNotFound, kInvalid where the hash does not cut the range, kExists where the partition is closed
// already.
Status split_partition(catalog::StreamRow& row, PartitionId partition, HashKey hash, Position last,
                       std::int64_t now_us);
// The two must be open and lie side by side.
Status merge_partitions(catalog::StreamRow& row, PartitionId left, PartitionId right, Position last,
                        std::int64_t now_us);
// Splits and merges until `count` partitions of (nearly) equal range are open, as UpdateShardCount
// does.
Status resize_partitions(catalog::StreamRow& row, std::uint32_t count, Position last,
                         std::int64_t now_us);

}  // namespace freshet::pipeline

#include "pipeline/reshard.h"

#include <fmt/format.h>

#include <algorithm>

namespace freshet::pipeline {
namespace {

// First hash key of part `index` when the whole range is cut into `count`.
HashKey equal_bound(std::uint32_t index, std::uint32_t count) {
  if (index == 0) return 0;
  HashKey width = kHashKeyMax / count + (kHashKeyMax % count == count - 1 ? 1 : 0);
  return width * index;
}

catalog::PartitionRow* find_partition(catalog::StreamRow& row, PartitionId id) {
  for (catalog::PartitionRow& partition : row.partitions) {
    if (partition.id == id) return &partition;
  }
  return nullptr;
}

Result<catalog::PartitionRow*> find_open(catalog::StreamRow& row, PartitionId id) {
  catalog::PartitionRow* found = find_partition(row, id);
  if (found == nullptr) {
    return Error(Code::kNotFound, 3420,
                 fmt::format("Could not find shard shardId-{:012d} in stream {}", id, row.name));
  }
  if (found->last) {
    return Error(Code::kInvalid, 3421,
                 fmt::format("Shard shardId-{:012d} in stream {} is closed", id, row.name));
  }
  return found;
}

void close(catalog::PartitionRow& partition, Position last, std::int64_t now_us) {
  partition.last = std::max(last, Position{partition.first.value - 1});
  partition.closed_us = now_us;
}

catalog::PartitionRow make_child(const catalog::StreamRow& row, HashKey first, HashKey last,
                                 PartitionId parent, Position parent_last, std::int64_t now_us) {
  catalog::PartitionRow child;
  for (const catalog::PartitionRow& other : row.partitions)
    child.id = std::max(child.id, other.id + 1);
  child.hash_first = first;
  child.hash_last = last;
  child.parent = parent;
  child.first = Position{parent_last.value + 1};
  child.created_us = now_us;
  return child;
}

}  // namespace

std::vector<catalog::PartitionRow> equal_partitions(std::uint32_t count, Position first,
                                                    std::int64_t now_us) {
  std::vector<catalog::PartitionRow> partitions(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    partitions[i].id = i;
    partitions[i].hash_first = equal_bound(i, count);
    partitions[i].hash_last = i + 1 == count ? kHashKeyMax : equal_bound(i + 1, count) - 1;
    partitions[i].first = first;
    partitions[i].created_us = now_us;
  }
  return partitions;
}

std::vector<const catalog::PartitionRow*> open_partitions(const catalog::StreamRow& row) {
  std::vector<const catalog::PartitionRow*> open;
  for (const catalog::PartitionRow& partition : row.partitions) {
    if (!partition.last) open.push_back(&partition);
  }
  std::sort(open.begin(), open.end(),
            [](auto* a, auto* b) { return a->hash_first < b->hash_first; });
  return open;
}

Status split_partition(catalog::StreamRow& row, PartitionId partition, HashKey hash, Position last,
                       std::int64_t now_us) {
  FRESHET_TRY(catalog::PartitionRow * parent, find_open(row, partition));
  if (hash <= parent->hash_first || hash > parent->hash_last) {
    return Error(Code::kInvalid, 3422,
                 fmt::format("NewStartingHashKey used in SplitShard() on shard shardId-{:012d} in "
                             "stream {} is not both "
                             "greater than one plus the shard's StartingHashKey and less than the "
                             "shard's EndingHashKey",
                             partition, row.name));
  }
  close(*parent, last, now_us);
  catalog::PartitionRow before = *parent;  // the vector may move
  auto lower = make_child(row, before.hash_first, hash - 1, partition, *before.last, now_us);
  row.partitions.push_back(lower);
  row.partitions.push_back(
      make_child(row, hash, before.hash_last, partition, *before.last, now_us));
  return ok();
}

Status merge_partitions(catalog::StreamRow& row, PartitionId left, PartitionId right, Position last,
                        std::int64_t now_us) {
  FRESHET_TRY(catalog::PartitionRow * a, find_open(row, left));
  FRESHET_TRY(catalog::PartitionRow * b, find_open(row, right));
  auto* lower = a->hash_first <= b->hash_first ? a : b;
  auto* upper = lower == a ? b : a;
  if (a == b || lower->hash_last + 1 != upper->hash_first) {
    return Error(Code::kInvalid, 3423,
                 fmt::format("Shards shardId-{:012d} and shardId-{:012d} in stream {} are not an "
                             "adjacent pair of shards "
                             "eligible for merging",
                             left, right, row.name));
  }
  close(*a, last, now_us);
  close(*b, last, now_us);
  auto child = make_child(row, lower->hash_first, upper->hash_last, left,
                          std::max(*a->last, *b->last), now_us);
  child.adjacent_parent = right;
  row.partitions.push_back(child);
  return ok();
}

Status resize_partitions(catalog::StreamRow& row, std::uint32_t count, Position last,
                         std::int64_t now_us) {
  // Cut wherever a wanted bound falls inside a partition, then join what lies between two wanted
  // bounds.
  for (std::uint32_t i = 1; i < count; ++i) {
    HashKey bound = equal_bound(i, count);
    for (const catalog::PartitionRow* partition : open_partitions(row)) {
      if (bound <= partition->hash_first || bound > partition->hash_last) continue;
      FRESHET_TRY_STATUS(split_partition(row, partition->id, bound, last, now_us));
      break;
    }
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    HashKey from = equal_bound(i, count);
    HashKey to = i + 1 == count ? kHashKeyMax : equal_bound(i + 1, count) - 1;
    for (;;) {
      std::vector<const catalog::PartitionRow*> inside;
      for (const catalog::PartitionRow* partition : open_partitions(row)) {
        if (partition->hash_first >= from && partition->hash_last <= to)
          inside.push_back(partition);
      }
      if (inside.size() < 2) break;
      FRESHET_TRY_STATUS(merge_partitions(row, inside[0]->id, inside[1]->id, last, now_us));
    }
  }
  return ok();
}

}  // namespace freshet::pipeline

// SplitShard, MergeShards and UpdateShardCount.
#include <fmt/format.h>

#include <algorithm>

#include "server/kinesis/hash_key.h"
#include "server/kinesis/operation.h"
#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {
namespace {

Status check_provisioned(const Call& call, const pipeline::StreamInfo& stream) {
  if (stream.mode == pipeline::StreamMode::kProvisioned) return ok();
  return broken_shape(fmt::format(
      "{} is not supported for stream {} in ON_DEMAND mode; change its mode to PROVISIONED first.",
      call.operation, stream.name));
}

Status check_open(const Call& call, const pipeline::StreamInfo& stream,
                  const pipeline::PartitionInfo& partition) {
  if (!partition.last) return ok();
  return broken_meaning(fmt::format(
      "Shard {} in stream {} under account {} has already been merged or split, and thus is not "
      "eligible for merging or splitting.",
      format_shard_id(partition.id), stream.name, call.services.account));
}

Status check_shard_limit(const Call& call, std::uint32_t more) {
  std::uint64_t open = open_shard_count(call.services.streams);
  std::uint32_t limit = call.services.options.shards_max;
  if (open + more <= limit) return ok();
  return limit_reached(fmt::format(
      "This request would exceed the shard limit for the account {} in {}. Current shard count for "
      "the account: {}. Limit: {}. Number of additional shards that would have resulted from this "
      "request: {}.",
      call.services.account, call.services.region, open, limit, more));
}

// Shard numbers are never used twice, and a sequence number has six digits for them.
Status check_ids_left(const pipeline::StreamInfo& stream, std::uint64_t wanted) {
  PartitionId highest = stream.partitions.empty() ? 0 : stream.partitions.back().id;
  if (highest + wanted <= kPartitionIdMax) return ok();
  return limit_reached(fmt::format(
      "Stream {} has used up its shard numbers (up to {}); make a new stream and move to it.",
      stream.name, kPartitionIdMax));
}

}  // namespace

Result<aws::Document> split_shard(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  std::optional<std::string> shard_id = input.text("ShardToSplit", kNameRule, Input::kRequired);
  std::optional<std::string> hash_text =
      input.text("NewStartingHashKey", kHashKeyRule, Input::kRequired);
  FRESHET_TRY_STATUS(input.status());
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  FRESHET_TRY_STATUS(check_provisioned(call, stream));
  FRESHET_TRY(const pipeline::PartitionInfo* shard, find_shard(call.services, stream, *shard_id));
  FRESHET_TRY_STATUS(check_open(call, stream, *shard));
  std::optional<HashKey> hash = parse_hash_key(*hash_text);
  // As the real service: the lower child would otherwise hold a single key or none.
  bool inside = hash && *hash > shard->hash_first && *hash - shard->hash_first > 1 &&
                *hash < shard->hash_last;
  if (!inside) {
    return broken_meaning(fmt::format(
        "NewStartingHashKey {} used in SplitShard() on shard {} in stream {} under account {} is "
        "not both greater than one plus the shard's StartingHashKey {} and less than the shard's "
        "EndingHashKey {}.",
        *hash_text, *shard_id, stream.name, call.services.account,
        format_hash_key(shard->hash_first), format_hash_key(shard->hash_last)));
  }
  FRESHET_TRY_STATUS(check_shard_limit(call, 1));
  FRESHET_TRY_STATUS(check_ids_left(stream, 2));
  FRESHET_TRY_STATUS(call.services.streams.split(stream.name, shard->id, *hash));
  return aws::Document();
}

Result<aws::Document> merge_shards(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  std::optional<std::string> shard_id = input.text("ShardToMerge", kNameRule, Input::kRequired);
  std::optional<std::string> adjacent_id =
      input.text("AdjacentShardToMerge", kNameRule, Input::kRequired);
  FRESHET_TRY_STATUS(input.status());
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  FRESHET_TRY_STATUS(check_provisioned(call, stream));
  FRESHET_TRY(const pipeline::PartitionInfo* left, find_shard(call.services, stream, *shard_id));
  FRESHET_TRY(const pipeline::PartitionInfo* right,
              find_shard(call.services, stream, *adjacent_id));
  FRESHET_TRY_STATUS(check_open(call, stream, *left));
  FRESHET_TRY_STATUS(check_open(call, stream, *right));
  if (right->hash_first < left->hash_first) std::swap(left, right);
  if (left == right || left->hash_last + 1 != right->hash_first) {
    return broken_meaning(fmt::format(
        "Shards {} and {} in stream {} under account {} are not an adjacent pair of shards "
        "eligible for merging",
        *shard_id, *adjacent_id, stream.name, call.services.account));
  }
  FRESHET_TRY_STATUS(check_ids_left(stream, 1));
  FRESHET_TRY_STATUS(call.services.streams.merge(stream.name, left->id, right->id));
  return aws::Document();
}

Result<aws::Document> update_shard_count(const Call& call) {
  static constexpr std::string_view kTypes[] = {"UNIFORM_SCALING"};
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  std::optional<std::int64_t> wanted =
      input.integer("TargetShardCount", {.min = 1}, Input::kRequired);
  input.text("ScalingType", {.values = kTypes}, Input::kRequired);
  FRESHET_TRY_STATUS(input.status());
  Services& services = call.services;
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(services, call.principal, call.operation, reference));
  FRESHET_TRY_STATUS(check_provisioned(call, stream));
  std::uint32_t current = open_shard_count(stream);
  auto target = static_cast<std::uint32_t>(*wanted);
  if (target > std::uint64_t{2} * current || std::uint64_t{2} * target < current) {
    return limit_reached(fmt::format(
        "UpdateShardCount cannot scale {} your current open shard count. Current open shard count: "
        "{}, Target shard count: {}",
        target > current ? "up over double" : "down below half", current, target));
  }
  if (target > current) FRESHET_TRY_STATUS(check_shard_limit(call, target - current));
  FRESHET_TRY_STATUS(check_ids_left(stream, 4ull * std::max(current, target)));
  if (!services.scaling.try_take(stream.id, services.clock.wall_us())) {
    return limit_reached(
        fmt::format("Stream {} was scaled {} times in the last 24 hours, which is the limit.",
                    stream.name, ScalingHistory::kScalingsMax));
  }
  if (Status scaled = services.streams.update_partition_count(stream.name, target); !scaled) {
    services.scaling.give_back(stream.id);
    return scaled.error();
  }
  aws::Document document = aws::Document::map();
  document.set("StreamName", stream.name);
  document.set("CurrentShardCount", current);
  document.set("TargetShardCount", target);
  document.set("StreamARN", services.stream_arn(stream.name));
  return document;
}

}  // namespace freshet::kinesis

#include "server/kinesis/operation.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/kinesis/hash_key.h"
#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {

StreamReference read_stream_reference(Input& input) {
  StreamReference reference;
  reference.name = input.text("StreamName", kNameRule);
  reference.arn = input.text("StreamARN", kStreamArnRule);
  return reference;
}

Result<std::string> stream_name_of_arn(const Services& services, std::string_view arn) {
  std::string prefix = services.stream_arn("");
  std::string_view name = arn.starts_with(prefix) ? arn.substr(prefix.size()) : std::string_view();
  if (!matches(Pattern::kName, name) || name.size() > kNameRule.length_max) {
    return no_such_resource(fmt::format(
        "Stream ARN {} names no stream of this server; its streams are {}NAME.", arn, prefix));
  }
  return std::string(name);
}

Result<std::string> stream_name_of(const Services& services, const StreamReference& reference) {
  if (!reference.name && !reference.arn) {
    return broken_meaning("Either StreamName or StreamARN must be provided.");
  }
  if (!reference.arn) return *reference.name;
  FRESHET_TRY(std::string name, stream_name_of_arn(services, *reference.arn));
  if (reference.name && *reference.name != name) {
    return broken_meaning(fmt::format("StreamName {} and StreamARN {} name different streams.",
                                      *reference.name, *reference.arn));
  }
  return name;
}

namespace {

Error not_allowed(const gate::Principal& principal, std::string_view operation,
                  std::string_view resource) {
  return Error(Code::kDenied, kNotAllowed,
               fmt::format("Key {} is not authorized to perform: kinesis:{} on resource: {}. Add "
                           "it to the key's allow rules.",
                           principal.name(), operation, resource));
}

}  // namespace

Status authorize(const gate::Principal& principal, std::string_view operation,
                 std::string_view stream_name) {
  std::string resource = fmt::format("stream/{}", stream_name);
  if (principal.allows(fmt::format("kinesis:{}", operation), resource)) return ok();
  return not_allowed(principal, operation, resource);
}

Status authorize_account(const gate::Principal& principal, std::string_view operation) {
  std::string action = fmt::format("kinesis:{}", operation);
  if (principal.allows(action, "*") || principal.allows(action, "stream/*")) return ok();
  return not_allowed(principal, operation, "stream/*");
}

Error stream_not_found(const Services& services, std::string_view stream_name) {
  return no_such_resource(
      fmt::format("Stream {} under account {} not found.", stream_name, services.account));
}

Result<pipeline::StreamInfo> open_stream(Services& services, const gate::Principal& principal,
                                         std::string_view operation,
                                         const StreamReference& reference) {
  FRESHET_TRY(std::string name, stream_name_of(services, reference));
  FRESHET_TRY_STATUS(authorize(principal, operation, name));
  std::optional<pipeline::StreamInfo> stream = services.streams.find(name);
  if (!stream) return stream_not_found(services, name);
  return *std::move(stream);
}

Result<const pipeline::PartitionInfo*> find_shard(const Services& services,
                                                  const pipeline::StreamInfo& stream,
                                                  std::string_view shard_id) {
  std::optional<PartitionId> id = parse_shard_id(shard_id);
  auto found = std::ranges::find_if(
      stream.partitions, [&](const pipeline::PartitionInfo& p) { return id && p.id == *id; });
  if (found == stream.partitions.end()) {
    return no_such_resource(fmt::format("Could not find shard {} in stream {} under account {}.",
                                        shard_id, stream.name, services.account));
  }
  return &*found;
}

std::uint32_t open_shard_count(const pipeline::StreamInfo& stream) {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(stream.partitions, [](const auto& p) { return !p.last; }));
}

std::uint32_t open_shard_count(pipeline::StreamService& streams) {
  std::uint32_t count = 0;
  for (const std::string& name : streams.list()) {
    if (std::optional<pipeline::StreamInfo> stream = streams.find(name)) {
      count += open_shard_count(*stream);
    }
  }
  return count;
}

std::uint32_t on_demand_stream_count(pipeline::StreamService& streams) {
  std::uint32_t count = 0;
  for (const std::string& name : streams.list()) {
    std::optional<pipeline::StreamInfo> stream = streams.find(name);
    if (stream && stream->mode == pipeline::StreamMode::kOnDemand) ++count;
  }
  return count;
}

std::string_view mode_name(pipeline::StreamMode mode) {
  return mode == pipeline::StreamMode::kOnDemand ? "ON_DEMAND" : "PROVISIONED";
}

aws::Document hash_key_range_document(const pipeline::PartitionInfo& partition) {
  aws::Document range = aws::Document::map();
  range.set("StartingHashKey", format_hash_key(partition.hash_first));
  range.set("EndingHashKey", format_hash_key(partition.hash_last));
  return range;
}

aws::Document shard_document(const pipeline::PartitionInfo& partition) {
  aws::Document numbers = aws::Document::map();
  numbers.set("StartingSequenceNumber", format_sequence_number({partition.first, partition.id}));
  if (partition.last) {
    numbers.set("EndingSequenceNumber", format_sequence_number({*partition.last, partition.id}));
  }
  aws::Document shard = aws::Document::map();
  shard.set("ShardId", format_shard_id(partition.id));
  if (partition.parent) shard.set("ParentShardId", format_shard_id(*partition.parent));
  if (partition.adjacent_parent) {
    shard.set("AdjacentParentShardId", format_shard_id(*partition.adjacent_parent));
  }
  shard.set("HashKeyRange", hash_key_range_document(partition));
  shard.set("SequenceNumberRange", std::move(numbers));
  return shard;
}

}  // namespace freshet::kinesis

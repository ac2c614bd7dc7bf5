// The operations of this door, in the order of the API reference.
#include <algorithm>
#include <array>

#include "server/kinesis/operation.h"

namespace freshet::kinesis {
namespace {

constexpr Operation here(std::string_view name, Run run) {
  return {name, Operation::kHere, run, nullptr};
}
constexpr Operation on_workers(std::string_view name, Run run) {
  return {name, Operation::kOnWorkers, run, nullptr};
}
constexpr Operation starts(std::string_view name, Start start) {
  return {name, Operation::kHere, nullptr, start};
}

constexpr std::array kOperations{
    on_workers("AddTagsToStream", add_tags_to_stream),
    on_workers("CreateStream", create_stream),
    on_workers("DecreaseStreamRetentionPeriod", decrease_stream_retention_period),
    on_workers("DeleteStream", delete_stream),
    here("DescribeLimits", describe_limits),
    here("DescribeStream", describe_stream),
    here("DescribeStreamSummary", describe_stream_summary),
    starts("GetRecords", get_records),
    here("GetShardIterator", get_shard_iterator),
    on_workers("IncreaseStreamRetentionPeriod", increase_stream_retention_period),
    here("ListShards", list_shards),
    here("ListStreams", list_streams),
    here("ListTagsForResource", list_tags_for_resource),
    here("ListTagsForStream", list_tags_for_stream),
    on_workers("MergeShards", merge_shards),
    starts("PutRecord", put_record),
    starts("PutRecords", put_records),
    on_workers("RemoveTagsFromStream", remove_tags_from_stream),
    on_workers("SplitShard", split_shard),
    on_workers("TagResource", tag_resource),
    on_workers("UntagResource", untag_resource),
    on_workers("UpdateMaxRecordSize", update_max_record_size),
    on_workers("UpdateShardCount", update_shard_count),
    on_workers("UpdateStreamMode", update_stream_mode),
};
static_assert(std::ranges::is_sorted(kOperations, {}, &Operation::name));

}  // namespace

const Operation* find_operation(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kOperations, name, {}, &Operation::name);
  return found != kOperations.end() && found->name == name ? found : nullptr;
}

}  // namespace freshet::kinesis

// DescribeStream and DescribeStreamSummary: the same stream, with its shards and without.
#include <algorithm>

#include "server/kinesis/operation.h"
#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {
namespace {

constexpr std::size_t kShardsPerPage = 100;
constexpr std::int64_t kHourUs = 3'600'000'000;

aws::Document description(const Services& services, const pipeline::StreamInfo& stream) {
  aws::Document document = aws::Document::map();
  document.set("StreamName", stream.name);
  document.set("StreamARN", services.stream_arn(stream.name));
  // A stream is there or not: nothing about it goes on behind the answer, so waiters end at once.
  document.set("StreamStatus", "ACTIVE");
  document.set("StreamModeDetails", aws::Document::map().set("StreamMode", mode_name(stream.mode)));
  document.set("RetentionPeriodHours", (stream.retention_us + kHourUs - 1) / kHourUs);
  document.set("StreamCreationTimestamp", aws::Document::timestamp(stream.created_us / 1000));
  aws::Document monitoring = aws::Document::map();
  monitoring.set("ShardLevelMetrics", aws::Document::list());
  document.set("EnhancedMonitoring", aws::Document::list().push(std::move(monitoring)));
  document.set("EncryptionType", "NONE");
  return document;
}

}  // namespace

Result<aws::Document> describe_stream(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  std::optional<std::int64_t> limit = input.integer("Limit", {1, 10'000});
  std::optional<std::string> after = input.text("ExclusiveStartShardId", kNameRule);
  FRESHET_TRY_STATUS(input.status());
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  std::size_t page = std::min(kShardsPerPage, static_cast<std::size_t>(limit.value_or(10'000)));
  aws::Document shards = aws::Document::list();
  std::size_t count = 0;
  bool more = false;
  for (const pipeline::PartitionInfo& partition : stream.partitions) {
    // Shard ids have one width, so text order is number order.
    if (after && format_shard_id(partition.id) <= *after) continue;
    more = count == page;
    if (more) break;
    shards.push(shard_document(partition));
    ++count;
  }
  aws::Document document = description(call.services, stream);
  document.set("Shards", std::move(shards));
  document.set("HasMoreShards", more);
  return aws::Document::map().set("StreamDescription", std::move(document));
}

Result<aws::Document> describe_stream_summary(const Call& call) {
  Input input(call.request);
  StreamReference reference = read_stream_reference(input);
  FRESHET_TRY_STATUS(input.status());
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, reference));
  aws::Document document = description(call.services, stream);
  document.set("OpenShardCount", open_shard_count(stream));
  document.set("ConsumerCount", 0);
  document.set("MaxRecordSizeInKiB", stream.record_bytes_max / 1024);
  return aws::Document::map().set("StreamDescriptionSummary", std::move(document));
}

}  // namespace freshet::kinesis

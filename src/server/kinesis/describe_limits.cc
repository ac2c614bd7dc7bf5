#include "server/kinesis/operation.h"

namespace freshet::kinesis {

Result<aws::Document> describe_limits(const Call& call) {
  FRESHET_TRY_STATUS(Input(call.request).status());
  FRESHET_TRY_STATUS(authorize_account(call.principal, call.operation));
  pipeline::StreamService& streams = call.services.streams;
  aws::Document document = aws::Document::map();
  document.set("ShardLimit", call.services.options.shards_max);
  document.set("OpenShardCount", open_shard_count(streams));
  document.set("OnDemandStreamCount", on_demand_stream_count(streams));
  document.set("OnDemandStreamCountLimit", call.services.options.on_demand_streams_max);
  return document;
}

}  // namespace freshet::kinesis

#include "server/kinesis/operation.h"

namespace freshet::kinesis {

Result<aws::Document> describe_limits(const Call& call) {
  FRESHET_TRY_STATUS(Input(call.request).status());
  FRESHET_TRY_STATUS(authorize_account(call.principal, call.operation));
  std::uint32_t open = 0;
  std::uint32_t on_demand = 0;
  for (const std::string& name : call.services.streams.list()) {
    std::optional<pipeline::StreamInfo> stream = call.services.streams.find(name);
    if (!stream) continue;  // deleted meanwhile
    if (stream->mode == pipeline::StreamMode::kOnDemand) ++on_demand;
    open += open_shard_count(*stream);
  }
  aws::Document document = aws::Document::map();
  document.set("ShardLimit", call.services.options.shards_max);
  document.set("OpenShardCount", open);
  document.set("OnDemandStreamCount", on_demand);
  document.set("OnDemandStreamCountLimit", call.services.options.on_demand_streams_max);
  return document;
}

}  // namespace freshet::kinesis

#include <fmt/format.h>

#include "server/kinesis/operation.h"

namespace freshet::kinesis {
namespace {

constexpr std::size_t kTagsMax = 50;

struct NewStream {
  std::string name;
  std::uint32_t shards = 0;
  pipeline::StreamMode mode = pipeline::StreamMode::kProvisioned;
  std::map<std::string, std::string> tags;
  std::optional<std::int64_t> record_kib_max;
};

Result<NewStream> decode(const Call& call) {
  static constexpr std::string_view kModes[] = {"PROVISIONED", "ON_DEMAND"};
  Input input(call.request);
  std::optional<std::string> name = input.text("StreamName", kNameRule, Input::kRequired);
  std::optional<std::int64_t> shards = input.integer("ShardCount", {.min = 1});
  std::optional<std::string> mode;
  if (std::optional<Input> details = input.structure("StreamModeDetails")) {
    mode = details->text("StreamMode", {.values = kModes}, Input::kRequired);
    input.take(*details);
  }
  NewStream stream;
  stream.tags = input.tags("Tags");
  stream.record_kib_max = input.integer("MaxRecordSizeInKiB", {1024, 10240});
  FRESHET_TRY_STATUS(input.status());
  stream.name = *name;
  if (mode == "ON_DEMAND") {
    if (shards) {
      return broken_meaning("ShardCount must not be given for a stream in ON_DEMAND mode.");
    }
    stream.mode = pipeline::StreamMode::kOnDemand;
    stream.shards = call.services.options.on_demand_shards;
  } else {
    if (!shards) {
      return broken_meaning("ShardCount must be given for a stream in PROVISIONED mode.");
    }
    stream.shards = static_cast<std::uint32_t>(*shards);
  }
  if (stream.tags.size() > kTagsMax) {
    return limit_reached(fmt::format("A stream has at most {} tags.", kTagsMax));
  }
  return stream;
}

Status check_limits(Services& services, const NewStream& stream) {
  std::uint64_t open = open_shard_count(services.streams);
  if (open + stream.shards > services.options.shards_max) {
    return limit_reached(fmt::format(
        "This request would exceed the shard limit for the account {} in {}. Current shard count "
        "for the account: {}. Limit: {}. Number of additional shards that would have resulted from "
        "this request: {}.",
        services.account, services.region, open, services.options.shards_max, stream.shards));
  }
  if (stream.mode == pipeline::StreamMode::kOnDemand &&
      on_demand_stream_count(services.streams) >= services.options.on_demand_streams_max) {
    return limit_reached(fmt::format("The account {} has {} streams in ON_DEMAND mode, its limit.",
                                     services.account, services.options.on_demand_streams_max));
  }
  return ok();
}

}  // namespace

Result<aws::Document> create_stream(const Call& call) {
  FRESHET_TRY(NewStream stream, decode(call));
  FRESHET_TRY_STATUS(authorize(call.principal, call.operation, stream.name));
  Services& services = call.services;
  MutexLock lock(services.settings_mutex);
  if (services.streams.find(stream.name)) {
    return resource_busy(
        fmt::format("Stream {} under account {} already exists.", stream.name, services.account));
  }
  FRESHET_TRY_STATUS(check_limits(services, stream));
  FRESHET_TRY(pipeline::StreamInfo made,
              services.streams.create(stream.name, stream.shards, stream.mode, stream.tags));
  if (stream.record_kib_max) {
    auto bytes = static_cast<std::uint64_t>(*stream.record_kib_max) * 1024;
    if (bytes != made.record_bytes_max) {
      FRESHET_TRY_STATUS(services.streams.set_record_bytes_max(stream.name, bytes));
    }
  }
  return aws::Document();
}

}  // namespace freshet::kinesis

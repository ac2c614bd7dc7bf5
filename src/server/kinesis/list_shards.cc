#include <fmt/format.h>

#include <algorithm>

#include "server/kinesis/operation.h"
#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {
namespace {

constexpr std::size_t kShardsPerPage = 1000;
constexpr std::int64_t kTokenLifeUs = 300'000'000;

// What to list, and where to begin: out of a request or out of a token.
struct Listing {
  pipeline::StreamInfo stream;
  ShardFilterType type = ShardFilterType::kAll;
  PartitionId filter_partition = 0;
  std::int64_t filter_us = 0;
  std::optional<PartitionId> after;
};

struct FilterName {
  std::string_view name;
  ShardFilterType type;
};
constexpr FilterName kFilters[] = {
    {"AFTER_SHARD_ID", ShardFilterType::kAfterShardId},
    {"AT_TRIM_HORIZON", ShardFilterType::kAtTrimHorizon},
    {"FROM_TRIM_HORIZON", ShardFilterType::kFromTrimHorizon},
    {"AT_LATEST", ShardFilterType::kAtLatest},
    {"AT_TIMESTAMP", ShardFilterType::kAtTimestamp},
    {"FROM_TIMESTAMP", ShardFilterType::kFromTimestamp},
};
constexpr std::string_view kFilterNames[] = {"AFTER_SHARD_ID",    "AT_TRIM_HORIZON",
                                             "FROM_TRIM_HORIZON", "AT_LATEST",
                                             "AT_TIMESTAMP",      "FROM_TIMESTAMP"};

struct Request {
  StreamReference reference;
  std::optional<std::string> token;
  std::optional<std::string> after;
  std::optional<std::int64_t> page;
  std::optional<std::int64_t> created_us;
  std::optional<std::string> filter;
  std::optional<std::string> filter_shard;
  std::optional<std::int64_t> filter_us;
};

Result<Request> decode(const Call& call) {
  Input input(call.request);
  Request request;
  request.reference = read_stream_reference(input);
  request.token = input.text("NextToken", kNextTokenRule);
  request.after = input.text("ExclusiveStartShardId", kNameRule);
  request.page = input.integer("MaxResults", {1, 10'000});
  request.created_us = input.timestamp_us("StreamCreationTimestamp");
  if (std::optional<Input> filter = input.structure("ShardFilter")) {
    request.filter = filter->text("Type", {.values = kFilterNames}, Input::kRequired);
    request.filter_shard = filter->text("ShardId", kNameRule);
    request.filter_us = filter->timestamp_us("Timestamp");
    input.take(*filter);
  }
  FRESHET_TRY_STATUS(input.status());
  return request;
}

Status apply_filter(const Request& request, std::int64_t now_us, Listing& listing) {
  if (!request.filter) return ok();
  for (const FilterName& filter : kFilters) {
    if (filter.name == *request.filter) listing.type = filter.type;
  }
  bool after_shard = listing.type == ShardFilterType::kAfterShardId;
  bool by_time = listing.type == ShardFilterType::kAtTimestamp ||
                 listing.type == ShardFilterType::kFromTimestamp;
  if (after_shard != request.filter_shard.has_value()) {
    return broken_meaning(fmt::format("A ShardFilter of type {} {} a ShardId.", *request.filter,
                                      after_shard ? "must have" : "cannot have"));
  }
  if (by_time != request.filter_us.has_value()) {
    return broken_meaning(fmt::format("A ShardFilter of type {} {} a Timestamp.", *request.filter,
                                      by_time ? "must have" : "cannot have"));
  }
  if (after_shard) {
    std::optional<PartitionId> shard = parse_shard_id(*request.filter_shard);
    if (!shard) {
      return broken_meaning(fmt::format("{} is not the id of a shard.", *request.filter_shard));
    }
    listing.filter_partition = *shard;
  }
  if (by_time) {
    if (*request.filter_us > now_us) {
      return broken_meaning("The Timestamp of a ShardFilter cannot be in the future.");
    }
    listing.filter_us = *request.filter_us;
  }
  return ok();
}

Result<Listing> begin(const Call& call, const Request& request, std::int64_t now_us) {
  Listing listing;
  FRESHET_TRY(listing.stream,
              open_stream(call.services, call.principal, call.operation, request.reference));
  if (request.created_us && *request.created_us / 1000 != listing.stream.created_us / 1000) {
    return stream_not_found(call.services, listing.stream.name);
  }
  FRESHET_TRY_STATUS(apply_filter(request, now_us, listing));
  if (request.after) {
    listing.after = parse_shard_id(*request.after);
    if (!listing.after) {
      return broken_meaning(fmt::format("{} is not the id of a shard.", *request.after));
    }
  }
  return listing;
}

Result<Listing> go_on(const Call& call, const Request& request, std::int64_t now_us) {
  if (request.reference.name || request.reference.arn) {
    return broken_meaning("NextToken and StreamName cannot be provided together.");
  }
  if (request.after || request.created_us || request.filter) {
    return broken_meaning(
        "NextToken cannot be provided together with ExclusiveStartShardId, "
        "StreamCreationTimestamp or ShardFilter.");
  }
  std::optional<ShardListToken> token = call.services.sealer.open_list_token(*request.token);
  if (!token) return broken_meaning("Invalid NextToken.");
  if (now_us - token->issued_us > kTokenLifeUs) {
    return Error(Code::kExpired, kOldListToken,
                 "The NextToken is older than 300 seconds. List the shards from the beginning.");
  }
  Listing listing;
  FRESHET_TRY(listing.stream, open_stream(call.services, call.principal, call.operation,
                                          {.name = token->stream_name, .arn = std::nullopt}));
  if (listing.stream.id != token->stream) {
    return stream_not_found(call.services, token->stream_name);
  }
  listing.type = token->filter;
  listing.filter_partition = token->filter_partition;
  listing.filter_us = token->filter_us;
  listing.after = token->after;
  return listing;
}

bool was_open_at(const pipeline::PartitionInfo& partition, std::int64_t us) {
  // A shard without a parent was there from the stream's beginning.
  bool begun = !partition.parent || partition.created_us <= us;
  return begun && (!partition.last || partition.closed_us >= us);
}

bool is_wanted(const Listing& listing, const pipeline::PartitionInfo& partition,
               std::int64_t now_us) {
  std::int64_t horizon_us =
      std::max(listing.stream.created_us, now_us - listing.stream.retention_us);
  std::int64_t at_us = std::max(listing.filter_us, horizon_us);
  switch (listing.type) {
    case ShardFilterType::kAll:
    case ShardFilterType::kFromTrimHorizon:
      return true;
    case ShardFilterType::kAfterShardId:
      return partition.id > listing.filter_partition;
    case ShardFilterType::kAtLatest:
      return !partition.last.has_value();
    case ShardFilterType::kAtTrimHorizon:
      return was_open_at(partition, horizon_us);
    case ShardFilterType::kAtTimestamp:
      return was_open_at(partition, at_us);
    case ShardFilterType::kFromTimestamp:
      return !partition.last || partition.closed_us >= at_us;
  }
  return false;
}

std::string next_token(const Services& services, const Listing& listing, PartitionId after,
                       std::int64_t now_us) {
  ShardListToken token;
  token.stream = listing.stream.id;
  token.stream_name = listing.stream.name;
  token.after = after;
  token.filter = listing.type;
  token.filter_partition = listing.filter_partition;
  token.filter_us = listing.filter_us;
  token.issued_us = now_us;
  return services.sealer.seal(token);
}

}  // namespace

Result<aws::Document> list_shards(const Call& call) {
  FRESHET_TRY(Request request, decode(call));
  std::int64_t now_us = call.services.clock.wall_us();
  FRESHET_TRY(Listing listing,
              request.token ? go_on(call, request, now_us) : begin(call, request, now_us));
  std::size_t page =
      std::min(kShardsPerPage, static_cast<std::size_t>(request.page.value_or(1000)));
  aws::Document shards = aws::Document::list();
  aws::Document document = aws::Document::map();
  std::size_t count = 0;
  PartitionId last = 0;
  for (const pipeline::PartitionInfo& partition : listing.stream.partitions) {
    if (listing.after && partition.id <= *listing.after) continue;
    if (!is_wanted(listing, partition, now_us)) continue;
    if (count == page) {
      document.set("NextToken", next_token(call.services, listing, last, now_us));
      break;
    }
    shards.push(shard_document(partition));
    last = partition.id;
    ++count;
  }
  document.set("Shards", std::move(shards));
  return document;
}

}  // namespace freshet::kinesis

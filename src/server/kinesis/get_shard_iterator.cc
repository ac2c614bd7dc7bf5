#include <fmt/format.h>

#include <algorithm>

#include "server/kinesis/operation.h"
#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {
namespace {

constexpr std::string_view kTypes[] = {"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER",
                                       "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"};

struct Request {
  StreamReference reference;
  std::string shard_id;
  std::string type;
  std::optional<std::string> sequence_number;
  std::optional<std::int64_t> time_us;

  bool by_number() const { return type == kTypes[0] || type == kTypes[1]; }
};

Result<Request> decode(const Call& call) {
  Input input(call.request);
  Request request;
  request.reference = read_stream_reference(input);
  std::optional<std::string> shard = input.text("ShardId", kNameRule, Input::kRequired);
  std::optional<std::string> type =
      input.text("ShardIteratorType", {.values = kTypes}, Input::kRequired);
  request.sequence_number = input.text("StartingSequenceNumber", kSequenceNumberRule);
  request.time_us = input.timestamp_us("Timestamp");
  FRESHET_TRY_STATUS(input.status());
  request.shard_id = *shard;
  request.type = *type;
  if (request.by_number() != request.sequence_number.has_value()) {
    return broken_meaning(
        fmt::format("Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                    "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST or AT_TIMESTAMP and no "
                    "StartingSequenceNumber. Request specified {} and {} StartingSequenceNumber.",
                    request.type, request.sequence_number ? "also a" : "no"));
  }
  if (request.type == "AT_TIMESTAMP" && !request.time_us) {
    return broken_meaning("AT_TIMESTAMP requires a Timestamp.");
  }
  return request;
}

// A number that this shard gave out: of a record, or a bound of its range.
Result<Position> position_of_number(const Call& call, const pipeline::StreamInfo& stream,
                                    const pipeline::PartitionInfo& partition,
                                    const Request& request) {
  std::optional<SequenceNumber> number = parse_sequence_number(*request.sequence_number);
  auto invalid = [&](std::string_view why) {
    return broken_meaning(fmt::format(
        "StartingSequenceNumber {} used in GetShardIterator on shard {} in stream {} under account "
        "{} is invalid{}.",
        *request.sequence_number, request.shard_id, stream.name, call.services.account, why));
  };
  if (!number) return invalid("");
  if (number->partition != partition.id) {
    return broken_meaning(fmt::format(
        "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a shard "
        "with {}",
        format_shard_id(number->partition), request.shard_id));
  }
  Position highest = std::max(call.services.streams.latest(stream.id), partition.first);
  if (partition.last) highest = std::max(highest, *partition.last);
  if (number->position < partition.first || number->position > highest) {
    return invalid(" because it did not come from this stream");
  }
  bool after = request.type == "AFTER_SEQUENCE_NUMBER";
  return Position{number->position.value + (after ? 1 : 0)};
}

Result<Position> start_position(const Call& call, const pipeline::StreamInfo& stream,
                                const pipeline::PartitionInfo& partition, const Request& request) {
  pipeline::StreamService& streams = call.services.streams;
  if (request.by_number()) return position_of_number(call, stream, partition, request);
  if (request.type == "TRIM_HORIZON") return streams.trim_horizon(stream.id);
  if (request.type == "LATEST") return streams.latest(stream.id);
  std::int64_t now_us = call.services.clock.wall_us();
  if (*request.time_us > now_us) {
    return broken_meaning(fmt::format(
        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
        "timestampInMillis: {}, currentTimestampInMillis: {}",
        *request.time_us / 1000, now_us / 1000));
  }
  return streams.position_at_time(stream.id, *request.time_us);
}

}  // namespace

Result<aws::Document> get_shard_iterator(const Call& call) {
  FRESHET_TRY(Request request, decode(call));
  FRESHET_TRY(pipeline::StreamInfo stream,
              open_stream(call.services, call.principal, call.operation, request.reference));
  FRESHET_TRY(const pipeline::PartitionInfo* partition,
              find_shard(call.services, stream, request.shard_id));
  FRESHET_TRY(Position position, start_position(call, stream, *partition, request));
  ShardIterator iterator;
  iterator.stream = stream.id;
  iterator.stream_name = stream.name;
  iterator.partition = partition->id;
  iterator.position = std::max(position, partition->first);
  iterator.issued_us = call.services.clock.wall_us();
  return aws::Document::map().set("ShardIterator", call.services.sealer.seal(iterator));
}

}  // namespace freshet::kinesis

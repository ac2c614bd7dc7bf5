// GetRecords: open the iterator, read in the background, answer with the records and the next
// iterator.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "common/base64.h"
#include "common/check.h"
#include "common/time_text.h"
#include "server/kinesis/operation.h"
#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {
namespace {

constexpr std::int64_t kRecordsMax = 10'000;
constexpr std::size_t kBytesMax = 10u << 20;
constexpr std::int64_t kIteratorLifeUs = 300'000'000;
// Retention may trim while we read: begin again at the new horizon, but not for ever.
constexpr int kTrimRetriesMax = 3;

struct Reading {
  Services& services;
  ShardIterator iterator;
  std::size_t records_max = kRecordsMax;
  int trims = 0;
  Answer answer;
};

struct Request {
  std::string iterator;
  std::int64_t limit = kRecordsMax;
  std::optional<std::string> arn;
};

Result<Request> decode(const aws::Document& document) {
  Input input(document);
  Request request;
  std::optional<std::string> iterator =
      input.text("ShardIterator", {.length_min = 1, .length_max = 512}, Input::kRequired);
  std::optional<std::int64_t> limit = input.integer("Limit", {.min = 1});
  request.arn = input.text("StreamARN", kStreamArnRule);
  FRESHET_TRY_STATUS(input.status());
  request.iterator = *iterator;
  request.limit = limit.value_or(kRecordsMax);
  if (request.limit > kRecordsMax) {
    return broken_meaning(fmt::format("Limit {} is above the {} records that GetRecords returns.",
                                      request.limit, kRecordsMax));
  }
  return request;
}

Error no_such_shard(const Services& services, const ShardIterator& iterator) {
  return no_such_resource(fmt::format("Shard {} in stream {} under account {} does not exist",
                                      format_shard_id(iterator.partition), iterator.stream_name,
                                      services.account));
}

// The iterator, once it is ours, young enough, its stream and shard still there, and the caller
// allowed.
Result<ShardIterator> open_iterator(Services& services, const gate::Principal& principal,
                                    const Request& request) {
  std::optional<ShardIterator> iterator = services.sealer.open_iterator(request.iterator);
  if (!iterator) return broken_meaning("Invalid ShardIterator.");
  if (request.arn) {
    FRESHET_TRY(std::string name, stream_name_of_arn(services, *request.arn));
    if (name != iterator->stream_name) {
      return broken_meaning(fmt::format("The ShardIterator belongs to stream {}, not to {}.",
                                        iterator->stream_name, *request.arn));
    }
  }
  FRESHET_TRY_STATUS(authorize(principal, "GetRecords", iterator->stream_name));
  std::int64_t now_us = services.clock.wall_us();
  if (now_us - iterator->issued_us > kIteratorLifeUs) {
    return Error(Code::kExpired, kOldIterator,
                 fmt::format("Iterator expired. The iterator was created at time {} while right "
                             "now it is {} which is further in the future than the tolerated delay "
                             "of {} milliseconds.",
                             format_rfc3339_us(iterator->issued_us), format_rfc3339_us(now_us),
                             kIteratorLifeUs / 1000));
  }
  std::optional<pipeline::StreamInfo> stream = services.streams.find(iterator->stream_name);
  if (!stream || stream->id != iterator->stream) return no_such_shard(services, *iterator);
  auto is_shard = [&](const pipeline::PartitionInfo& p) { return p.id == iterator->partition; };
  if (std::ranges::none_of(stream->partitions, is_shard)) {
    return no_such_shard(services, *iterator);
  }
  return *std::move(iterator);
}

// Kinesis's millisecond is the client library's "caught up" at 0: never round down to it.
std::int64_t behind_ms(const pipeline::StoredRecords& read) {
  return (std::max<std::int64_t>(read.behind_us, 0) + 999) / 1000;
}

aws::Document child_shards(Services& services, const ShardIterator& parent) {
  aws::Document children = aws::Document::list();
  std::optional<pipeline::StreamInfo> stream = services.streams.find(parent.stream_name);
  if (!stream || stream->id != parent.stream) return children;  // deleted meanwhile
  for (const pipeline::PartitionInfo& partition : stream->partitions) {
    if (partition.parent != parent.partition && partition.adjacent_parent != parent.partition) {
      continue;
    }
    aws::Document parents = aws::Document::list();
    if (partition.parent) parents.push(format_shard_id(*partition.parent));
    if (partition.adjacent_parent) parents.push(format_shard_id(*partition.adjacent_parent));
    aws::Document child = aws::Document::map();
    child.set("ShardId", format_shard_id(partition.id));
    child.set("ParentShards", std::move(parents));
    child.set("HashKeyRange", hash_key_range_document(partition));
    children.push(std::move(child));
  }
  return children;
}

// What stands beside the records.
aws::Document frame(const Reading& reading, const pipeline::StoredRecords& read) {
  aws::Document document = aws::Document::map();
  document.set("MillisBehindLatest", behind_ms(read));
  if (read.closed_and_read) {
    document.set("ChildShards", child_shards(reading.services, reading.iterator));
    return document;
  }
  ShardIterator next = reading.iterator;
  next.position = read.next;
  next.issued_us = reading.services.clock.wall_us();
  document.set("NextShardIterator", reading.services.sealer.seal(next));
  return document;
}

void append_json_record(std::string& to, const pipeline::StoredRecord& record,
                        PartitionId partition) {
  to += R"({"SequenceNumber":")";
  to += format_sequence_number({record.position, partition});
  // Milliseconds, as seconds with three decimals.
  fmt::format_to(std::back_inserter(to), R"(","ApproximateArrivalTimestamp":{}.{:03},"Data":")",
                 record.arrival_us / 1'000'000, record.arrival_us / 1000 % 1000);
  base64_append(to, record.data);
  to += R"(","PartitionKey":)";
  aws::append_json_text(to, record.partition_key);
  to += '}';
}

// By hand: a document would copy up to 10 MiB twice more.
std::string encode_json(const Reading& reading, const pipeline::StoredRecords& read) {
  std::size_t bytes = 1024;
  for (const pipeline::StoredRecord& record : read.records) {
    bytes += 160 + record.partition_key.size() + record.data.size() / 3 * 4;
  }
  std::string body;
  body.reserve(bytes);
  aws::write_json(frame(reading, read), body);
  body.back() = ',';  // the frame is an object with members: go on in it
  body += R"("Records":[)";
  for (const pipeline::StoredRecord& record : read.records) {
    append_json_record(body, record, reading.iterator.partition);
    body += ',';
  }
  if (!read.records.empty()) body.pop_back();
  body += "]}";
  return body;
}

std::string encode_cbor(const Reading& reading, pipeline::StoredRecords read) {
  aws::Document records = aws::Document::list();
  for (pipeline::StoredRecord& stored : read.records) {
    aws::Document record = aws::Document::map();
    record.set("SequenceNumber",
               format_sequence_number({stored.position, reading.iterator.partition}));
    record.set("ApproximateArrivalTimestamp", aws::Document::timestamp(stored.arrival_us / 1000));
    record.set("Data", aws::Document::blob(std::move(stored.data)));
    record.set("PartitionKey", std::move(stored.partition_key));
    records.push(std::move(record));
  }
  aws::Document document = frame(reading, read);
  document.set("Records", std::move(records));
  return aws::write(document, aws::Encoding::kCbor);
}

void read_on(std::shared_ptr<Reading> reading);

void finish(const std::shared_ptr<Reading>& reading, Result<pipeline::StoredRecords> read) {
  if (read) {
    FRESHET_CHECK(read->records.size() <= reading->records_max);
    return reading->answer.succeed_with(reading->answer.encoding() == aws::Encoding::kCbor
                                            ? encode_cbor(*reading, *std::move(read))
                                            : encode_json(*reading, *read));
  }
  const Error& error = read.error();
  if (error.code() == Code::kExpired && reading->trims < kTrimRetriesMax) {
    ++reading->trims;
    Position horizon = reading->services.streams.trim_horizon(reading->iterator.stream);
    reading->iterator.position = std::max(reading->iterator.position, horizon);
    return read_on(reading);
  }
  if (error.code() == Code::kThrottled) {
    return reading->answer.fail(Error(Code::kThrottled, kThroughputReached, error.message()));
  }
  // The iterator itself is good: kExpired must not reach the client as ExpiredIteratorException.
  if (error.code() == Code::kExpired) {
    return reading->answer.fail(Error(
        Code::kUnavailable, "Records are being trimmed faster than they are read; read again."));
  }
  reading->answer.fail(error);
}

void read_on(std::shared_ptr<Reading> reading) {
  const ShardIterator& at = reading->iterator;
  reading->services.streams.read(
      at.stream, at.partition, at.position, reading->records_max, kBytesMax,
      [reading](Result<pipeline::StoredRecords> read) { finish(reading, std::move(read)); });
}

}  // namespace

void get_records(Services& services, const gate::Principal& principal, gate::AwsRequest&& request,
                 Answer answer) {
  Result<aws::Document> document = aws::parse(request.body, answer.encoding());
  if (!document) return answer.fail(unreadable_body(document.error().message()));
  Result<Request> decoded = decode(*document);
  if (!decoded) return answer.fail(decoded.error());
  Result<ShardIterator> iterator = open_iterator(services, principal, *decoded);
  if (!iterator) return answer.fail(iterator.error());
  read_on(std::make_shared<Reading>(Reading{.services = services,
                                            .iterator = *std::move(iterator),
                                            .records_max = static_cast<std::size_t>(decoded->limit),
                                            .trims = 0,
                                            .answer = std::move(answer)}));
}

}  // namespace freshet::kinesis

#include "server/kinesis/put_answer.h"

#include <cstring>

#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {
namespace {

// One record of the JSON answer is always the same text but for its digits: copied whole and
// overwritten in two places, about 15 ns.
constexpr std::string_view kRecord =
    R"({"SequenceNumber":"000000000000000000000000000","ShardId":"shardId-000000000000"},)";
constexpr std::size_t kNumberAt = kRecord.find("000");
constexpr std::size_t kShardAt = kRecord.find("shardId-");
static_assert(kRecord.find('"', kNumberAt) == kNumberAt + kSequenceNumberBytes);
static_assert(kRecord.find('"', kShardAt) == kShardAt + kShardIdBytes);

void write_record(const pipeline::PutOutcome& outcome, char* to) {
  std::memcpy(to, kRecord.data(), kRecord.size());
  write_sequence_number({outcome.position, outcome.partition}, to + kNumberAt);
  write_shard_id(outcome.partition, to + kShardAt);
}

aws::Document record_document(const pipeline::PutOutcome& outcome) {
  aws::Document record = aws::Document::map();
  record.set("SequenceNumber", format_sequence_number({outcome.position, outcome.partition}));
  record.set("ShardId", format_shard_id(outcome.partition));
  return record;
}

}  // namespace

std::string encode_put_records(const std::vector<pipeline::PutOutcome>& outcomes,
                               aws::Encoding encoding) {
  if (encoding == aws::Encoding::kCbor) {
    aws::Document records = aws::Document::list();
    for (const pipeline::PutOutcome& outcome : outcomes) records.push(record_document(outcome));
    aws::Document document = aws::Document::map();
    document.set("FailedRecordCount", 0).set("Records", std::move(records));
    return aws::write(document, encoding);
  }
  std::string body = R"({"FailedRecordCount":0,"Records":[)";
  std::size_t at = body.size();
  body.resize(at + outcomes.size() * kRecord.size());
  for (const pipeline::PutOutcome& outcome : outcomes) {
    write_record(outcome, body.data() + at);
    at += kRecord.size();
  }
  if (!outcomes.empty()) body.pop_back();  // the last comma
  body += "]}";
  return body;
}

std::string encode_put_records_failed(std::size_t record_count, std::string_view code,
                                      std::string_view message, aws::Encoding encoding) {
  aws::Document records = aws::Document::list();
  for (std::size_t i = 0; i < record_count; ++i) {
    records.push(aws::Document::map().set("ErrorCode", code).set("ErrorMessage", message));
  }
  aws::Document document = aws::Document::map();
  document.set("FailedRecordCount", record_count).set("Records", std::move(records));
  return aws::write(document, encoding);
}

std::string encode_put_record(const pipeline::PutOutcome& outcome, aws::Encoding encoding) {
  if (encoding == aws::Encoding::kCbor) return aws::write(record_document(outcome), encoding);
  std::string body(kRecord.size(), '\0');
  write_record(outcome, body.data());
  body.pop_back();
  return body;
}

}  // namespace freshet::kinesis

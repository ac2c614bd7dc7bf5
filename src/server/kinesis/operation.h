// How an operation is written: decode, call, encode. server/ADDING_AN_OPERATION.md has the steps.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aws/document.h"
#include "common/result.h"
#include "pipeline/stream_service.h"
#include "server/gate/door.h"
#include "server/gate/principal.h"
#include "server/kinesis/answer.h"
#include "server/kinesis/errors.h"
#include "server/kinesis/input.h"
#include "server/kinesis/services.h"

namespace freshet::kinesis {

// A call whose whole request is one document.
struct Call {
  Services& services;
  const gate::Principal& principal;
  std::string_view operation;
  const aws::Document& request;
};

// The answer; a null document where the operation has no output.
using Run = Result<aws::Document> (*)(const Call&);
// For the data path: reads the body itself, answers itself, may do so on another thread later.
using Start = void (*)(Services&, const gate::Principal&, gate::AwsRequest&&, Answer);

struct Operation {
  std::string_view name;
  enum Where { kHere, kOnWorkers } where = kHere;  // kOnWorkers: may wait for the catalog
  Run run = nullptr;
  Start start = nullptr;
};
// operations.cc; nullptr where this door has no such operation.
const Operation* find_operation(std::string_view name);

// StreamName and StreamARN, as every call about a stream may carry them.
struct StreamReference {
  std::optional<std::string> name;
  std::optional<std::string> arn;
};
StreamReference read_stream_reference(Input& input);
// The stream's name: out of either, which must agree. kBrokenMeaning where neither is given.
Result<std::string> stream_name_of(const Services& services, const StreamReference& reference);
// The name that an ARN of ours holds; kNoSuchResource for another region or account.
Result<std::string> stream_name_of_arn(const Services& services, std::string_view arn);

Status authorize(const gate::Principal& principal, std::string_view operation,
                 std::string_view stream_name);
// For what is about no stream in particular.
Status authorize_account(const gate::Principal& principal, std::string_view operation);
// Authorizes before it looks, so that a stranger does not learn which streams exist.
Result<pipeline::StreamInfo> open_stream(Services& services, const gate::Principal& principal,
                                         std::string_view operation,
                                         const StreamReference& reference);
Error stream_not_found(const Services& services, std::string_view stream_name);

// The partition a shard id names in this stream.
Result<const pipeline::PartitionInfo*> find_shard(const Services& services,
                                                  const pipeline::StreamInfo& stream,
                                                  std::string_view shard_id);
std::uint32_t open_shard_count(const pipeline::StreamInfo& stream);
std::uint32_t open_shard_count(pipeline::StreamService& streams);
std::uint32_t on_demand_stream_count(pipeline::StreamService& streams);
std::string_view mode_name(pipeline::StreamMode mode);

// The shapes HashKeyRange and Shard of the API.
aws::Document hash_key_range_document(const pipeline::PartitionInfo& partition);
aws::Document shard_document(const pipeline::PartitionInfo& partition);

// One per operation.
Result<aws::Document> create_stream(const Call& call);
Result<aws::Document> delete_stream(const Call& call);
Result<aws::Document> describe_stream(const Call& call);
Result<aws::Document> describe_stream_summary(const Call& call);
Result<aws::Document> list_streams(const Call& call);
Result<aws::Document> list_shards(const Call& call);
Result<aws::Document> get_shard_iterator(const Call& call);
Result<aws::Document> split_shard(const Call& call);
Result<aws::Document> merge_shards(const Call& call);
Result<aws::Document> update_shard_count(const Call& call);
Result<aws::Document> increase_stream_retention_period(const Call& call);
Result<aws::Document> decrease_stream_retention_period(const Call& call);
Result<aws::Document> update_max_record_size(const Call& call);
Result<aws::Document> update_stream_mode(const Call& call);
Result<aws::Document> add_tags_to_stream(const Call& call);
Result<aws::Document> remove_tags_from_stream(const Call& call);
Result<aws::Document> list_tags_for_stream(const Call& call);
Result<aws::Document> tag_resource(const Call& call);
Result<aws::Document> untag_resource(const Call& call);
Result<aws::Document> list_tags_for_resource(const Call& call);
Result<aws::Document> describe_limits(const Call& call);
void put_record(Services& services, const gate::Principal& principal, gate::AwsRequest&& request,
                Answer answer);
void put_records(Services& services, const gate::Principal& principal, gate::AwsRequest&& request,
                 Answer answer);
void get_records(Services& services, const gate::Principal& principal, gate::AwsRequest&& request,
                 Answer answer);

}  // namespace freshet::kinesis

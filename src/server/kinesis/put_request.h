// PutRecord and PutRecords requests, decoded straight into the batch that goes to the stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "event/event_batch.h"
#include "server/gate/door.h"
#include "server/kinesis/operation.h"

namespace freshet::kinesis {

inline constexpr std::size_t kPutRecordsMax = 500;
inline constexpr std::size_t kPutBytesMax = 10u << 20;  // data and keys of one request

struct PutRequest {
  StreamReference reference;
  EventBatch batch;
};

// The hot path: about 100 ns a record of 174 bytes, base64 included. `body` may be changed and
// needs no particular capacity. kUnreadableBody, kBrokenShape or kBrokenMeaning.
Result<PutRequest> decode_put_records(gate::AwsRequest& request);
Result<PutRequest> decode_put_record(gate::AwsRequest& request);

// One record's members as they were found; nothing where they were missing.
struct PutFields {
  std::optional<std::string_view> partition_key;      // kept by the batch
  std::optional<std::string_view> data;               // kept by the batch
  std::optional<std::string_view> explicit_hash_key;  // needed during add() alone
};

// Builds the batch and checks every limit that does not depend on the stream. One request, one
// thread.
class PutBatchBuilder {
 public:
  // Records of PutRecords are named in errors by their place, that of PutRecord is not.
  enum class Kind { kOne, kList };
  // `arena_bytes`: at least what all keep calls together will ask for.
  PutBatchBuilder(Kind kind, std::size_t arena_bytes);

  // Copies into the batch's memory.
  std::string_view keep(std::string_view bytes);
  // Nothing where `text` is not base64.
  std::optional<std::string_view> keep_base64(std::string_view text);
  Status add(const PutFields& fields);
  std::size_t record_count() const { return batch_.records.size(); }
  // "records.3.member.data", as errors name the record that comes next.
  std::string path_of_next(std::string_view member) const;
  EventBatch finish() &&;

 private:
  char* room_for(std::size_t bytes);
  Status describe(const PutFields& fields) const;

  Kind kind_;
  std::string arena_;
  const char* arena_start_;
  EventBatch batch_;
  std::size_t bytes_ = 0;
};

// The two request encodings.
Result<PutRequest> decode_put_json(PutBatchBuilder::Kind kind, std::string& body);
Result<PutRequest> decode_put_cbor(PutBatchBuilder::Kind kind, std::string_view body);
// What is wrong with the members beside the records, of which `record_count` were given.
Status check_members(const StreamReference& reference, std::optional<std::size_t> record_count);
Status check_order_number(std::string_view number);
Error too_many_records();

}  // namespace freshet::kinesis

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

// The hot path: about 100 ns a record of 174 bytes, most of it base64. Takes the body, which
// becomes the batch's memory. kUnreadableBody, kBrokenShape or kBrokenMeaning.
Result<PutRequest> decode_put_records(gate::AwsRequest& request);
Result<PutRequest> decode_put_record(gate::AwsRequest& request);

// One record's members as they were found; nothing where they were missing.
struct PutFields {
  std::optional<std::string_view> partition_key;      // in the body, or kept by the builder
  std::optional<std::string_view> data;               // as above
  std::optional<std::string_view> explicit_hash_key;  // needed during add() alone
};

// Builds the batch around the body it came in, and checks every limit that does not depend on the
// stream. Bytes that stand in the body as they should are not copied: a request of 500 records
// costs no allocation for them. One request, one thread.
class PutBatchBuilder {
 public:
  // Records of PutRecords are named in errors by their place, that of PutRecord is not.
  enum class Kind { kOne, kList };
  PutBatchBuilder(Kind kind, std::string body);

  std::string& body() { return body_; }
  // Decodes base64 that stands in the body where it stands; nothing where it is not base64, and
  // then the text is spoilt.
  static std::optional<std::string_view> decode_in_place(std::string_view text);
  // Copies bytes that do not stand in the body. All of them together are no longer than the body.
  std::string_view keep(std::string_view bytes);
  Status add(const PutFields& fields);
  std::size_t record_count() const { return batch_.records.size(); }
  // "records.3.member.data", as errors name the record that comes next.
  std::string path_of_next(std::string_view member) const;
  EventBatch finish() &&;

 private:
  Status describe(const PutFields& fields) const;
  void compact();

  Kind kind_;
  std::string body_;
  std::string kept_;
  EventBatch batch_;
  std::size_t bytes_ = 0;
};

// The two request encodings.
Result<PutRequest> decode_put_json(PutBatchBuilder::Kind kind, std::string body);
Result<PutRequest> decode_put_cbor(PutBatchBuilder::Kind kind, std::string body);
// What is wrong with the members beside the records, of which `record_count` were given.
Status check_members(const StreamReference& reference, std::optional<std::size_t> record_count);
Status check_order_number(std::string_view number);
Error too_many_records();

}  // namespace freshet::kinesis

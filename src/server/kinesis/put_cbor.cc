// The CBOR of PutRecord and PutRecords: what is usual straight, the rest through the document.
#include <fmt/format.h>

#include "server/kinesis/put_cbor_reader.h"
#include "server/kinesis/put_request.h"

namespace freshet::kinesis {
namespace {

using Kind = PutBatchBuilder::Kind;

// A text member, or nothing. An error where it is of another kind.
Status read_text(const aws::Document& from, std::string_view name, const std::string& path,
                 std::optional<std::string_view>& text) {
  const aws::Document* member = from.find(name);
  if (member == nullptr) return ok();
  if (member->text() == nullptr) return unreadable_body(fmt::format("{} must be a string", path));
  text = *member->text();
  return ok();
}

Status read_record(const aws::Document& from, PutBatchBuilder& builder) {
  PutFields fields;
  FRESHET_TRY_STATUS(read_text(from, "ExplicitHashKey", builder.path_of_next("explicitHashKey"),
                               fields.explicit_hash_key));
  FRESHET_TRY_STATUS(
      read_text(from, "PartitionKey", builder.path_of_next("partitionKey"), fields.partition_key));
  if (fields.partition_key) fields.partition_key = builder.keep(*fields.partition_key);
  if (const aws::Document* data = from.find("Data")) {
    std::optional<std::string> bytes = data->blob_bytes();
    if (!bytes) {
      return unreadable_body(fmt::format("{} must be a byte string", builder.path_of_next("data")));
    }
    fields.data = builder.keep(*bytes);
  }
  return builder.add(fields);
}

// False where there are none.
Result<bool> read_records(const aws::Document& body, PutBatchBuilder& builder) {
  const aws::Document* records = body.find("Records");
  if (records == nullptr) return false;
  if (records->items() == nullptr) return unreadable_body("records must be a list");
  if (records->items()->size() > kPutRecordsMax) return too_many_records();
  for (const aws::Document& record : *records->items()) {
    if (record.members() == nullptr) {
      return unreadable_body(fmt::format("records.{} must be a map", builder.record_count() + 1));
    }
    FRESHET_TRY_STATUS(read_record(record, builder));
  }
  return true;
}

Result<StreamReference> read_reference(const aws::Document& body) {
  std::optional<std::string_view> name;
  std::optional<std::string_view> arn;
  FRESHET_TRY_STATUS(read_text(body, "StreamName", "streamName", name));
  FRESHET_TRY_STATUS(read_text(body, "StreamARN", "streamARN", arn));
  StreamReference reference;
  if (name) reference.name = std::string(*name);
  if (arn) reference.arn = std::string(*arn);
  return reference;
}

Result<PutRequest> decode_document(Kind kind, std::string body) {
  Result<aws::Document> document = aws::parse_cbor(body);
  if (!document) return unreadable_body(document.error().message());
  if (document->members() == nullptr) return unreadable_body("the request's body must be a map");
  PutBatchBuilder builder(kind, std::move(body));
  FRESHET_TRY(StreamReference reference, read_reference(*document));
  if (kind == Kind::kList) {
    FRESHET_TRY(bool given, read_records(*document, builder));
    std::optional<std::size_t> count;
    if (given) count = builder.record_count();
    FRESHET_TRY_STATUS(check_members(reference, count));
  } else {
    FRESHET_TRY_STATUS(check_members(reference, 1));
    FRESHET_TRY_STATUS(read_record(*document, builder));
    std::optional<std::string_view> order_number;
    FRESHET_TRY_STATUS(read_text(*document, "SequenceNumberForOrdering",
                                 "sequenceNumberForOrdering", order_number));
    if (order_number) FRESHET_TRY_STATUS(check_order_number(*order_number));
  }
  return PutRequest{std::move(reference), std::move(builder).finish()};
}

}  // namespace

Result<PutRequest> decode_put_cbor(Kind kind, std::string body) {
  if (kind == Kind::kOne) return decode_document(kind, std::move(body));
  PutBatchBuilder builder(kind, std::move(body));
  StreamReference reference;
  if (read_usual_put_records(builder, reference)) {
    return PutRequest{std::move(reference), std::move(builder).finish()};
  }
  return decode_document(kind, std::move(builder.body()));
}

}  // namespace freshet::kinesis

#include "server/kinesis/put_request.h"

#include <fmt/format.h>

#include "common/base64.h"
#include "common/check.h"
#include "server/kinesis/hash_key.h"
#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {
namespace {

constexpr std::size_t kPartitionKeyCharactersMax = 256;
constexpr TextRule kPartitionKeyRule{1, kPartitionKeyCharactersMax};
constexpr std::size_t kDataBytesMax = 10u << 20;
constexpr std::size_t kBodySpareBytes = 64;

bool is_partition_key(std::string_view key) {
  if (key.empty()) return false;
  return key.size() <= kPartitionKeyCharactersMax ||
         character_count(key) <= kPartitionKeyCharactersMax;
}

Result<PutRequest> decode(PutBatchBuilder::Kind kind, gate::AwsRequest& request) {
  if (request.encoding == gate::Encoding::kCbor)
    return decode_put_cbor(kind, std::move(request.body));
  return decode_put_json(kind, std::move(request.body));
}

}  // namespace

Result<PutRequest> decode_put_records(gate::AwsRequest& request) {
  return decode(PutBatchBuilder::Kind::kList, request);
}

Result<PutRequest> decode_put_record(gate::AwsRequest& request) {
  return decode(PutBatchBuilder::Kind::kOne, request);
}

PutBatchBuilder::PutBatchBuilder(Kind kind, std::string body)
    : kind_(kind), body_(std::move(body)) {
  // simdjson reads so far behind the text; and a short string would move its bytes with itself.
  body_.reserve(body_.size() + kBodySpareBytes);
  if (kind == Kind::kList) batch_.records.reserve(kPutRecordsMax);
}

std::optional<std::string_view> PutBatchBuilder::decode_in_place(std::string_view text) {
  // The text stands in body_, which is ours to change.
  char* here = const_cast<char*>(text.data());
  std::ptrdiff_t bytes = base64_decode(text, here);
  if (bytes < 0) return std::nullopt;
  return std::string_view(here, static_cast<std::size_t>(bytes));
}

std::string_view PutBatchBuilder::keep(std::string_view bytes) {
  if (kept_.capacity() < body_.size()) kept_.reserve(body_.size() + kBodySpareBytes);
  FRESHET_CHECK(kept_.size() + bytes.size() <= kept_.capacity());
  std::size_t start = kept_.size();
  kept_ += bytes;
  return std::string_view(kept_).substr(start);
}

Status PutBatchBuilder::add(const PutFields& fields) {
  bool well_shaped = fields.partition_key && is_partition_key(*fields.partition_key) &&
                     fields.data && fields.data->size() <= kDataBytesMax &&
                     (!fields.explicit_hash_key || is_hash_key_text(*fields.explicit_hash_key));
  if (!well_shaped) return describe(fields);
  EventRecord record;
  record.partition_key = *fields.partition_key;
  record.data = *fields.data;
  if (fields.explicit_hash_key) {
    std::optional<HashKey> hash = parse_hash_key(*fields.explicit_hash_key);
    if (!hash) {
      return broken_meaning(
          fmt::format("Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, "
                      "2^128-1]. Specified value was {}",
                      *fields.explicit_hash_key));
    }
    record.hash_key = *hash;
  } else {
    record.hash_key = hash_of_partition_key(record.partition_key);
  }
  bytes_ += record.partition_key.size() + record.data.size();
  if (kind_ == Kind::kList && bytes_ > kPutBytesMax) {
    return broken_meaning(fmt::format(
        "Records size exceeds {} MB limit. Put fewer records in one request.", kPutBytesMax >> 20));
  }
  batch_.records.push_back(record);
  return ok();
}

std::string PutBatchBuilder::path_of_next(std::string_view member) const {
  if (kind_ == Kind::kOne) return std::string(member);
  return fmt::format("records.{}.member.{}", record_count() + 1, member);
}

Status PutBatchBuilder::describe(const PutFields& fields) const {
  constexpr std::string_view kNull = "Member must not be null";
  ShapeErrors errors;
  std::string key_path = path_of_next("partitionKey");
  if (!fields.partition_key) {
    errors.add(key_path, std::nullopt, kNull);
  } else {
    errors.check_text(key_path, *fields.partition_key, kPartitionKeyRule);
  }
  if (fields.explicit_hash_key) {
    errors.check_text(path_of_next("explicitHashKey"), *fields.explicit_hash_key, kHashKeyRule);
  }
  if (!fields.data) {
    errors.add(path_of_next("data"), std::nullopt, kNull);
  } else if (fields.data->size() > kDataBytesMax) {
    errors.add(path_of_next("data"), fmt::format("{} bytes", fields.data->size()),
               fmt::format("Member must have length less than or equal to {}", kDataBytesMax));
  }
  return errors.status();
}

// A body may be large around little data, and budgets count data: then it is not worth keeping.
void PutBatchBuilder::compact() {
  std::string arena;
  arena.reserve(bytes_ + kBodySpareBytes);
  auto move_to_arena = [&](std::string_view& view) {
    std::size_t start = arena.size();
    arena += view;
    view = std::string_view(arena).substr(start);
  };
  for (EventRecord& record : batch_.records) {
    move_to_arena(record.partition_key);
    move_to_arena(record.data);
  }
  body_.clear();
  kept_.clear();
  batch_.arenas.push_back(std::move(arena));
}

EventBatch PutBatchBuilder::finish() && {
  if (bytes_ * 2 < body_.capacity() + kept_.capacity()) {
    compact();
  } else {
    batch_.arenas.push_back(std::move(body_));
    if (!kept_.empty()) batch_.arenas.push_back(std::move(kept_));
  }
  return std::move(batch_);
}

Status check_members(const StreamReference& reference, std::optional<std::size_t> record_count) {
  ShapeErrors errors;
  if (!record_count) errors.add("records", std::nullopt, "Member must not be null");
  if (record_count == 0) {
    errors.add("records", "[]", "Member must have length greater than or equal to 1");
  }
  if (reference.name) errors.check_text("streamName", *reference.name, kNameRule);
  if (reference.arn) errors.check_text("streamARN", *reference.arn, kStreamArnRule);
  return errors.status();
}

// Order is what a client gets that waits for each answer, with this number or without: positions
// only rise. So the number is checked and has no other effect.
Status check_order_number(std::string_view number) {
  ShapeErrors errors;
  errors.check_text("sequenceNumberForOrdering", number, kSequenceNumberRule);
  FRESHET_TRY_STATUS(errors.status());
  if (parse_sequence_number(number)) return ok();
  return broken_meaning(
      fmt::format("SequenceNumberForOrdering {} is not a sequence number of this server.", number));
}

Error too_many_records() {
  ShapeErrors errors;
  errors.add("records", "[…]",
             fmt::format("Member must have length less than or equal to {}", kPutRecordsMax));
  return errors.status().error();
}

}  // namespace freshet::kinesis

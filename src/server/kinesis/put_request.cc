#include "server/kinesis/put_request.h"

#include <fmt/format.h>

#include <cstring>

#include "common/base64.h"
#include "common/check.h"
#include "server/kinesis/hash_key.h"
#include "server/kinesis/sequence_number.h"

namespace freshet::kinesis {
namespace {

constexpr std::size_t kPartitionKeyCharactersMax = 256;
constexpr TextRule kPartitionKeyRule{1, kPartitionKeyCharactersMax};
constexpr std::size_t kDataBytesMax = 10u << 20;

bool is_partition_key(std::string_view key) {
  if (key.empty()) return false;
  return key.size() <= kPartitionKeyCharactersMax ||
         character_count(key) <= kPartitionKeyCharactersMax;
}

Result<PutRequest> decode(PutBatchBuilder::Kind kind, gate::AwsRequest& request) {
  if (request.encoding == gate::Encoding::kCbor) return decode_put_cbor(kind, request.body);
  return decode_put_json(kind, request.body);
}

}  // namespace

Result<PutRequest> decode_put_records(gate::AwsRequest& request) {
  return decode(PutBatchBuilder::Kind::kList, request);
}

Result<PutRequest> decode_put_record(gate::AwsRequest& request) {
  return decode(PutBatchBuilder::Kind::kOne, request);
}

PutBatchBuilder::PutBatchBuilder(Kind kind, std::size_t arena_bytes) : kind_(kind) {
  arena_.reserve(arena_bytes + 64);  // never short: a view must survive the batch's moves
  arena_start_ = arena_.data();
  if (kind == Kind::kList) batch_.records.reserve(kPutRecordsMax);
}

char* PutBatchBuilder::room_for(std::size_t bytes) {
  std::size_t start = arena_.size();
  arena_.resize(start + bytes);
  FRESHET_CHECK(arena_.data() == arena_start_);
  return arena_.data() + start;
}

std::string_view PutBatchBuilder::keep(std::string_view bytes) {
  char* kept = room_for(bytes.size());
  std::memcpy(kept, bytes.data(), bytes.size());
  return {kept, bytes.size()};
}

std::optional<std::string_view> PutBatchBuilder::keep_base64(std::string_view text) {
  std::size_t start = arena_.size();
  char* kept = room_for(base64_decoded_bytes_max(text.size()));
  std::ptrdiff_t bytes = base64_decode(text, kept);
  if (bytes < 0) {
    arena_.resize(start);
    return std::nullopt;
  }
  arena_.resize(start + static_cast<std::size_t>(bytes));
  return std::string_view(kept, static_cast<std::size_t>(bytes));
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

EventBatch PutBatchBuilder::finish() && {
  batch_.arenas.push_back(std::move(arena_));
  FRESHET_CHECK(batch_.arenas.back().data() == arena_start_);
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

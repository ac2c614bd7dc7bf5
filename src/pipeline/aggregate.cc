#include "pipeline/aggregate.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <cstring>
#include <vector>

#include "common/check.h"

namespace freshet::pipeline {
namespace {

constexpr std::string_view kMagic = "\xF3\x89\x9A\xC2";
constexpr std::size_t kDigestBytes = 16;
constexpr int kDanglingKey = 2590;

// Wire types of https://protobuf.dev/programming-guides/encoding/. Groups (3, 4) never occur in
// this message; bytes that hold one are no aggregate.
enum WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

// Reads a protobuf message field by field and never past its end.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}

  bool at_end() const { return rest_.empty(); }
  std::uint64_t number() const { return number_; }
  std::uint64_t varint() const { return varint_; }
  std::string_view bytes() const { return bytes_; }
  bool is(std::uint64_t number, WireType type) const { return number_ == number && type_ == type; }

  // False where the bytes are not a message.
  bool next() {
    std::uint64_t tag = 0;
    if (!read_varint(tag) || tag > UINT32_MAX) return false;
    number_ = tag >> 3;
    type_ = static_cast<std::uint8_t>(tag & 7);
    if (number_ == 0) return false;
    switch (type_) {
      case kVarint:
        return read_varint(varint_);
      case kFixed64:
        return take(8);
      case kFixed32:
        return take(4);
      case kLengthDelimited: {
        std::uint64_t length = 0;
        return read_varint(length) && take(length);
      }
      default:
        return false;
    }
  }

 private:
  bool take(std::uint64_t length) {
    if (length > rest_.size()) return false;
    bytes_ = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }
  bool read_varint(std::uint64_t& value) {
    value = 0;
    for (std::size_t i = 0; i < 10 && i < rest_.size(); ++i) {
      auto byte = static_cast<unsigned char>(rest_[i]);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
      if ((byte & 0x80) == 0) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  std::string_view rest_;
  std::uint64_t number_ = 0;
  std::uint8_t type_ = 0;
  std::uint64_t varint_ = 0;
  std::string_view bytes_;
};

constexpr std::uint64_t kErasedCameraField = 4;  // of a record; ours

struct PackedRecord {
  std::optional<std::uint64_t> partition_key_index;
  std::optional<std::uint64_t> explicit_hash_key_index;
  std::optional<std::string_view> data;
  std::optional<std::string_view> erased_camera;
};

struct Message {
  std::vector<std::string_view> partition_keys;
  std::vector<std::string_view> explicit_hash_keys;
  std::vector<PackedRecord> records;
};

std::optional<PackedRecord> parse_record(std::string_view bytes) {
  PackedRecord record;
  for (FieldReader field(bytes); !field.at_end();) {
    if (!field.next()) return std::nullopt;
    if (field.is(1, kVarint)) record.partition_key_index = field.varint();
    if (field.is(2, kVarint)) record.explicit_hash_key_index = field.varint();
    if (field.is(3, kLengthDelimited)) record.data = field.bytes();
    if (field.is(kErasedCameraField, kLengthDelimited)) record.erased_camera = field.bytes();
  }
  if (!record.partition_key_index || !record.data) return std::nullopt;  // both are `required`
  return record;
}

std::optional<Message> parse_message(std::string_view bytes) {
  Message message;
  for (FieldReader field(bytes); !field.at_end();) {
    if (!field.next()) return std::nullopt;
    if (field.is(1, kLengthDelimited)) message.partition_keys.push_back(field.bytes());
    if (field.is(2, kLengthDelimited)) message.explicit_hash_keys.push_back(field.bytes());
    if (field.is(3, kLengthDelimited)) {
      std::optional<PackedRecord> record = parse_record(field.bytes());
      if (!record) return std::nullopt;
      message.records.push_back(*record);
    }
  }
  return message;
}

std::string digest_of(std::string_view message) {
  // Fetched once: a look-up by name costs more than hashing a small message in OpenSSL 3.
  static EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  FRESHET_CHECK(md5 != nullptr);
  unsigned char computed[EVP_MAX_MD_SIZE];
  unsigned int computed_bytes = 0;
  FRESHET_CHECK(
      EVP_Digest(message.data(), message.size(), computed, &computed_bytes, md5, nullptr) == 1);
  return {reinterpret_cast<const char*>(computed), kDigestBytes};
}

void append_varint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to += static_cast<char>(value | 0x80);
  to += static_cast<char>(value);
}

void append_number(std::string& to, std::uint64_t field, std::uint64_t value) {
  append_varint(to, field << 3 | kVarint);
  append_varint(to, value);
}

void append_bytes(std::string& to, std::uint64_t field, std::string_view bytes) {
  append_varint(to, field << 3 | kLengthDelimited);
  append_varint(to, bytes.size());
  to += bytes;
}

Error dangling_key(std::size_t index, std::string_view table, std::uint64_t key, std::size_t keys) {
  return Error(Code::kInvalid, kDanglingKey,
               fmt::format("record {} of a KPL aggregate names {} {}, but the aggregate has {}; "
                           "the producer that packed it is faulty",
                           index, table, key, keys));
}

// Every record must name keys that exist, before the first is shown: all of it or nothing.
Status check_keys(const Message& message) {
  for (std::size_t i = 0; i < message.records.size(); ++i) {
    const PackedRecord& record = message.records[i];
    if (*record.partition_key_index >= message.partition_keys.size()) {
      return dangling_key(i, "partition key", *record.partition_key_index,
                          message.partition_keys.size());
    }
    if (record.explicit_hash_key_index &&
        *record.explicit_hash_key_index >= message.explicit_hash_keys.size()) {
      return dangling_key(i, "explicit hash key", *record.explicit_hash_key_index,
                          message.explicit_hash_keys.size());
    }
  }
  return ok();
}

}  // namespace

bool looks_aggregated(std::string_view data) {
  return data.size() > kMagic.size() + kDigestBytes && data.starts_with(kMagic);
}

Result<bool> visit_aggregate(std::string_view data, const UserRecordVisitor& visit) {
  if (!looks_aggregated(data)) return false;
  std::string_view body = data.substr(kMagic.size(), data.size() - kMagic.size() - kDigestBytes);
  if (digest_of(body) != data.substr(data.size() - kDigestBytes)) return false;
  std::optional<Message> message = parse_message(body);
  if (!message) return false;
  FRESHET_TRY_STATUS(check_keys(*message));
  std::uint32_t index = 0;
  for (const PackedRecord& packed : message->records) {
    UserRecord record;
    record.index = index++;
    record.partition_key = message->partition_keys[*packed.partition_key_index];
    if (packed.explicit_hash_key_index) {
      record.explicit_hash_key = message->explicit_hash_keys[*packed.explicit_hash_key_index];
    }
    record.data = *packed.data;
    record.erased_camera = packed.erased_camera;
    visit(record);
  }
  return true;
}

std::optional<std::string> erase_in_aggregate(std::string_view data,
                                              const UserRecordEraser& erased) {
  std::vector<std::optional<std::string>> cameras;  // by record: of those that are erased
  bool any = false;
  Result<bool> visited = visit_aggregate(data, [&](const UserRecord& record) {
    std::optional<std::string>& camera = cameras.emplace_back();
    if (record.erased_camera) {
      camera = *record.erased_camera;
    } else if ((camera = erased(record))) {
      any = true;
    }
  });
  if (!visited || !*visited || !any) return std::nullopt;
  std::string_view body = data.substr(kMagic.size(), data.size() - kMagic.size() - kDigestBytes);
  Message message = *parse_message(body);
  std::vector<bool> key_stays(message.partition_keys.size());
  std::vector<bool> hash_key_stays(message.explicit_hash_keys.size());
  for (std::size_t i = 0; i < message.records.size(); ++i) {
    if (cameras[i]) continue;
    const PackedRecord& record = message.records[i];
    key_stays[*record.partition_key_index] = true;
    if (record.explicit_hash_key_index) hash_key_stays[*record.explicit_hash_key_index] = true;
  }
  std::string rest;
  for (std::size_t i = 0; i < message.partition_keys.size(); ++i)
    append_bytes(rest, 1, key_stays[i] ? message.partition_keys[i] : "erased");
  for (std::size_t i = 0; i < message.explicit_hash_keys.size(); ++i)
    append_bytes(rest, 2, hash_key_stays[i] ? message.explicit_hash_keys[i] : "0");
  for (std::size_t i = 0; i < message.records.size(); ++i) {
    const PackedRecord& record = message.records[i];
    std::string packed;
    append_number(packed, 1, *record.partition_key_index);
    if (record.explicit_hash_key_index) append_number(packed, 2, *record.explicit_hash_key_index);
    append_bytes(packed, 3, cameras[i] ? std::string_view() : *record.data);
    if (cameras[i]) append_bytes(packed, kErasedCameraField, *cameras[i]);
    append_bytes(rest, 3, packed);
  }
  return fmt::format("{}{}{}", kMagic, rest, digest_of(rest));
}

}  // namespace freshet::pipeline

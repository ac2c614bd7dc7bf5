#include "server/kinesis/token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base64.h"
#include "common/bytes.h"
#include "common/check.h"

namespace freshet::kinesis {
namespace {

// The first byte tells kind and version, and stands under the MAC: an iterator is never a listing.
constexpr char kIteratorKind = 0x01;
constexpr char kListKind = 0x11;
constexpr std::size_t kMacBytes = 16;       // of HMAC-SHA256's 32 (RFC 2104 section 5)
constexpr std::size_t kTokenTextMax = 512;  // the API's bound for iterators

template <typename T>
void append_le(std::string& to, T value) {
  char bytes[sizeof(T)];
  store_le(bytes, value);
  to.append(bytes, sizeof(T));
}

class PayloadReader {
 public:
  explicit PayloadReader(std::string_view rest) : rest_(rest) {}
  template <typename T>
  T take() {
    if (rest_.size() < sizeof(T)) {
      whole_ = false;
      return T{};
    }
    T value = load_le<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::string take_rest() {
    std::string rest(rest_);
    rest_ = {};
    return rest;
  }
  bool whole() const { return whole_; }

 private:
  std::string_view rest_;
  bool whole_ = true;
};

}  // namespace

std::string TokenSealer::mac_of(std::string_view payload) const {
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  FRESHET_CHECK(sha256 != nullptr);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int mac_bytes = 0;
  FRESHET_CHECK(HMAC(sha256, secret_.data(), static_cast<int>(secret_.size()),
                     reinterpret_cast<const unsigned char*>(payload.data()), payload.size(), mac,
                     &mac_bytes) != nullptr);
  return std::string(reinterpret_cast<char*>(mac), kMacBytes);
}

std::string TokenSealer::seal_payload(std::string payload) const {
  payload += mac_of(payload);
  return base64_encode(payload);
}

std::optional<std::string> TokenSealer::open_payload(std::string_view text, char kind) const {
  if (text.size() > kTokenTextMax) return std::nullopt;
  std::string bytes(base64_decoded_bytes_max(text.size()), '\0');
  std::ptrdiff_t size = base64_decode(text, bytes.data());
  if (size <= static_cast<std::ptrdiff_t>(kMacBytes)) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size));
  std::string mac = bytes.substr(bytes.size() - kMacBytes);
  bytes.resize(bytes.size() - kMacBytes);
  if (!equal_in_constant_time(mac_of(bytes), mac)) return std::nullopt;
  if (bytes[0] != kind) return std::nullopt;
  return bytes.substr(1);
}

std::string TokenSealer::seal(const ShardIterator& iterator) const {
  std::string payload(1, kIteratorKind);
  append_le(payload, iterator.stream);
  append_le(payload, iterator.partition);
  append_le(payload, iterator.position.value);
  append_le(payload, iterator.issued_us);
  payload += iterator.stream_name;
  return seal_payload(std::move(payload));
}

std::optional<ShardIterator> TokenSealer::open_iterator(std::string_view text) const {
  std::optional<std::string> payload = open_payload(text, kIteratorKind);
  if (!payload) return std::nullopt;
  PayloadReader reader(*payload);
  ShardIterator iterator;
  iterator.stream = reader.take<StreamId>();
  iterator.partition = reader.take<PartitionId>();
  iterator.position.value = reader.take<std::uint64_t>();
  iterator.issued_us = reader.take<std::int64_t>();
  iterator.stream_name = reader.take_rest();
  if (!reader.whole()) return std::nullopt;
  return iterator;
}

std::string TokenSealer::seal(const ShardListToken& token) const {
  std::string payload(1, kListKind);
  append_le(payload, token.stream);
  append_le(payload, token.after);
  append_le(payload, static_cast<std::uint8_t>(token.filter));
  append_le(payload, token.filter_partition);
  append_le(payload, token.filter_us);
  append_le(payload, token.issued_us);
  payload += token.stream_name;
  return seal_payload(std::move(payload));
}

std::optional<ShardListToken> TokenSealer::open_list_token(std::string_view text) const {
  std::optional<std::string> payload = open_payload(text, kListKind);
  if (!payload) return std::nullopt;
  PayloadReader reader(*payload);
  ShardListToken token;
  token.stream = reader.take<StreamId>();
  token.after = reader.take<PartitionId>();
  token.filter = static_cast<ShardFilterType>(reader.take<std::uint8_t>());
  token.filter_partition = reader.take<PartitionId>();
  token.filter_us = reader.take<std::int64_t>();
  token.issued_us = reader.take<std::int64_t>();
  token.stream_name = reader.take_rest();
  if (!reader.whole()) return std::nullopt;
  return token;
}

}  // namespace freshet::kinesis

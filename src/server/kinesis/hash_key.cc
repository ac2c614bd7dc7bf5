#include "server/kinesis/hash_key.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <memory>

#include "common/check.h"

namespace freshet::kinesis {
namespace {

// Fetched once: a look-up by name costs more than the hash in OpenSSL 3.
EVP_MD* md5() {
  static EVP_MD* const digest = EVP_MD_fetch(nullptr, "MD5", nullptr);
  FRESHET_CHECK(digest != nullptr);
  return digest;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

HashKey md5_of(std::string_view key) {
  thread_local std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  FRESHET_CHECK(context != nullptr);
  std::array<unsigned char, 16> digest;
  unsigned int bytes = 0;
  FRESHET_CHECK(EVP_DigestInit_ex2(context.get(), md5(), nullptr) == 1);
  FRESHET_CHECK(EVP_DigestUpdate(context.get(), key.data(), key.size()) == 1);
  FRESHET_CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), &bytes) == 1);
  FRESHET_CHECK(bytes == digest.size());
  HashKey number = 0;
  for (unsigned char byte : digest) number = number << 8 | byte;
  return number;
}

// Direct-mapped: a slot holds the last key that fell into it. 80 KB a thread.
struct Slot {
  static constexpr std::size_t kKeyBytesMax = 55;
  std::uint8_t key_bytes = 0;
  std::array<char, kKeyBytesMax> key;
  HashKey hash = 0;

  bool holds(std::string_view wanted) const {
    return key_bytes == wanted.size() && std::memcmp(key.data(), wanted.data(), key_bytes) == 0;
  }
};
constexpr std::size_t kSlotCount = 1024;

}  // namespace

bool is_hash_key_text(std::string_view text) {
  if (text == "0") return true;
  return !text.empty() && text.size() <= 39 && text[0] != '0' &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<HashKey> parse_hash_key(std::string_view text) {
  if (!is_hash_key_text(text)) return std::nullopt;
  HashKey value = 0;
  for (char digit : text) {
    auto added = static_cast<HashKey>(digit - '0');
    if (value > (kHashKeyMax - added) / 10) return std::nullopt;
    value = value * 10 + added;
  }
  return value;
}

std::string format_hash_key(HashKey key) {
  std::string text;
  do {
    text.push_back(static_cast<char>('0' + static_cast<int>(key % 10)));
    key /= 10;
  } while (key != 0);
  std::ranges::reverse(text);
  return text;
}

HashKey hash_of_partition_key(std::string_view key) {
  if (key.empty() || key.size() > Slot::kKeyBytesMax) return md5_of(key);
  thread_local std::array<Slot, kSlotCount> slots;
  Slot& slot = slots[std::hash<std::string_view>{}(key) % kSlotCount];
  if (slot.holds(key)) return slot.hash;
  slot.hash = md5_of(key);
  slot.key_bytes = static_cast<std::uint8_t>(key.size());
  std::memcpy(slot.key.data(), key.data(), key.size());
  return slot.hash;
}

}  // namespace freshet::kinesis

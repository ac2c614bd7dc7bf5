#include "aws/sha256.h"

#include <openssl/evp.h>

#include "common/bytes.h"
#include "common/check.h"

namespace freshet::aws {

namespace {

constexpr std::size_t kBlockBytes = 64;  // of SHA-256, RFC 6234

const EVP_MD* method() {
  // Lives as long as the process: contexts on any thread refer to it.
  static const EVP_MD* fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  FRESHET_CHECK(fetched != nullptr);
  return fetched;
}

// A context of this thread: making one costs more than hashing a header.
struct Context {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Context() { FRESHET_CHECK(context != nullptr); }
  ~Context() { EVP_MD_CTX_free(context); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

Sha256 hash_two(std::string_view first, std::string_view second) {
  thread_local Context kept;
  Sha256 digest;
  unsigned int bytes = 0;
  FRESHET_CHECK(EVP_DigestInit_ex2(kept.context, method(), nullptr) == 1);
  FRESHET_CHECK(EVP_DigestUpdate(kept.context, first.data(), first.size()) == 1);
  FRESHET_CHECK(EVP_DigestUpdate(kept.context, second.data(), second.size()) == 1);
  FRESHET_CHECK(EVP_DigestFinal_ex(kept.context, digest.data(), &bytes) == 1);
  FRESHET_CHECK(bytes == digest.size());
  return digest;
}

}  // namespace

Sha256 sha256(std::string_view bytes) {
  return hash_two(bytes, {});
}

std::string sha256_hex(std::string_view bytes) {
  return to_hex(as_string_view(sha256(bytes)));
}

Sha256 hmac_sha256(std::string_view key, std::string_view bytes) {
  Sha256 hashed_key;
  if (key.size() > kBlockBytes) {
    hashed_key = sha256(key);
    key = as_string_view(hashed_key);
  }
  char inner[kBlockBytes];
  char outer[kBlockBytes];
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    char symbol = i < key.size() ? key[i] : '\0';
    inner[i] = static_cast<char>(symbol ^ 0x36);
    outer[i] = static_cast<char>(symbol ^ 0x5c);
  }
  Sha256 inside = hash_two({inner, kBlockBytes}, bytes);
  return hash_two({outer, kBlockBytes}, as_string_view(inside));
}

}  // namespace freshet::aws

#include "object_store/content_hash.h"

#include <xxhash.h>

#include "common/bytes.h"
#include "common/check.h"

namespace freshet::object_store {

struct ContentHash::State {
  XXH3_state_t* hash = XXH3_createState();
  ~State() { XXH3_freeState(hash); }
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
  FRESHET_CHECK(state_->hash != nullptr);
  FRESHET_CHECK(XXH3_128bits_reset(state_->hash) == XXH_OK);
}

ContentHash::~ContentHash() = default;

void ContentHash::update(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  bytes_ += bytes.size();
  FRESHET_CHECK(XXH3_128bits_update(state_->hash, bytes.data(), bytes.size()) == XXH_OK);
}

std::string ContentHash::etag() const {
  XXH128_canonical_t digest;
  XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(state_->hash));
  char size[20];
  int length = std::snprintf(size, sizeof size, "%llx-", static_cast<unsigned long long>(bytes_));
  std::string_view hash(reinterpret_cast<const char*>(digest.digest), sizeof digest.digest);
  return std::string(size, static_cast<std::size_t>(length)) + to_hex(hash);
}

}  // namespace freshet::object_store

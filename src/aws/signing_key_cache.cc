#include <unordered_map>

#include "aws/sigv4.h"
#include "aws/sigv4_canonical.h"
#include "common/mutex.h"

namespace freshet::aws {

namespace {
// Keys × services × the two dates that the clock's tolerance admits stay far below.
constexpr std::size_t kEntriesMax = 1'024;
}  // namespace

struct SigningKeyCache::State {
  Mutex mutex;
  std::unordered_map<std::string, Sha256> keys FRESHET_GUARDED_BY(mutex);
};

SigningKeyCache::SigningKeyCache() : state_(std::make_unique<State>()) {}
SigningKeyCache::~SigningKeyCache() = default;

Sha256 SigningKeyCache::key(const Credential& credential, const Scope& scope) {
  std::string name = credential.id + "/" + scope_text(scope);
  MutexLock lock(state_->mutex);
  auto found = state_->keys.find(name);
  if (found != state_->keys.end()) return found->second;
  if (state_->keys.size() >= kEntriesMax) state_->keys.clear();
  return state_->keys.emplace(std::move(name), derive_signing_key(credential.secret, scope))
      .first->second;
}

}  // namespace freshet::aws

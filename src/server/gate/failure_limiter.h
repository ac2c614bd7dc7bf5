// Counts failed signatures by source address and key, so that guessing and flooding are slowed
// without slowing anyone else.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/mutex.h"
#include "io/random.h"
#include "server/gate/token_bucket.h"

namespace freshet::gate {

// Thread-safe. A fixed table: two pairs that share a place forget each other, which errs on the
// side of letting in; the hash is seeded, so that nobody can choose to share.
class FailureLimiter {
 public:
  FailureLimiter(double per_second, double burst, io::Random& random);

  bool is_limited(std::string_view source, std::string_view key_id, std::int64_t now_ns);
  void note_failure(std::string_view source, std::string_view key_id, std::int64_t now_ns);

 private:
  struct Place {
    std::uint64_t pair = 0;  // hash of source and key
    TokenBucket left;
  };
  std::uint64_t hash(std::string_view source, std::string_view key_id) const;

  const double per_second_;
  const double burst_;
  const std::uint64_t seed_;
  Mutex mutex_;
  std::vector<Place> places_ FRESHET_GUARDED_BY(mutex_);
};

}  // namespace freshet::gate

#include "server/gate/failure_limiter.h"

#include <string>

namespace freshet::gate {

namespace {
constexpr std::size_t kPlaces = 4'096;
}

FailureLimiter::FailureLimiter(double per_second, double burst, io::Random& random)
    : per_second_(per_second),
      burst_(burst),
      seed_(random.next_u64()),
      places_(kPlaces, Place{0, TokenBucket(per_second, burst)}) {}

// FNV-1a from a secret seed, then the finaliser of SplitMix64 to spread it over the table.
std::uint64_t FailureLimiter::hash(std::string_view source, std::string_view key_id) const {
  std::uint64_t value = seed_;
  auto mix = [&value](std::string_view text) {
    for (char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    value = (value ^ 0xff) * 0x100000001b3;
  };
  mix(source);
  mix(key_id);
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

bool FailureLimiter::is_limited(std::string_view source, std::string_view key_id,
                                std::int64_t now_ns) {
  std::uint64_t pair = hash(source, key_id);
  MutexLock lock(mutex_);
  Place& place = places_[pair % kPlaces];
  return place.pair == pair && place.left.is_empty(now_ns);
}

void FailureLimiter::note_failure(std::string_view source, std::string_view key_id,
                                  std::int64_t now_ns) {
  std::uint64_t pair = hash(source, key_id);
  MutexLock lock(mutex_);
  Place& place = places_[pair % kPlaces];
  if (place.pair != pair) place = Place{pair, TokenBucket(per_second_, burst_)};
  (void)place.left.try_take(now_ns);  // an empty bucket stays empty
}

}  // namespace freshet::gate

#include "dedup/dedup_entry.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace freshet::dedup {

std::uint64_t id_hash(EventId id, std::uint64_t seed) {
  std::uint64_t words[2] = {id.high, id.low};
  return XXH3_64bits_withSeed(words, sizeof(words), seed);
}

}  // namespace freshet::dedup

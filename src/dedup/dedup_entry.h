// What is remembered of an event id.
#pragma once

#include <cstdint>

#include "event/position.h"

namespace freshet::dedup {

inline constexpr std::uint64_t kDedupNoRow = ~std::uint64_t{0};

// Where an event's first occurrence went.
struct DedupEntry {
  EventId id;
  ContentHash content;
  Position first;                 // position of the first occurrence
  std::uint32_t first_sub = 0;    // index inside a KPL aggregate
  std::int64_t last_seen_us = 0;  // log time
  std::uint64_t row =
      kDedupNoRow;  // its row number in hot; kDedupNoRow where the user's SQL filtered it
  friend bool operator==(const DedupEntry&, const DedupEntry&) = default;
};

// The order of entries in a run: by hash, and where hashes are equal by id.
struct HashedId {
  std::uint64_t hash = 0;
  EventId id;
  friend auto operator<=>(const HashedId&, const HashedId&) = default;
};

// The seed is secret, so that nobody can choose ids that collide.
std::uint64_t id_hash(EventId id, std::uint64_t seed);

}  // namespace freshet::dedup

// Where a record stands in the log.
#pragma once

#include <compare>
#include <cstdint>

namespace freshet {

using StreamId = std::uint32_t;     // given by the catalog, never reused
using PartitionId = std::uint32_t;  // number of a Kinesis shard inside its stream, never reused

// The place of a record in its journal: rises strictly, with gaps, and is never given twice. Each
// start of the server begins at the next multiple of kPositionsPerEpoch, so that a position lost in
// a crash before anybody saw it is not given again. 0 is "before everything".
struct Position {
  std::uint64_t value = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

inline constexpr std::uint64_t kPositionsPerEpoch = std::uint64_t{1} << 40;

// A 128-bit number: MD5 of a partition key, a bound of a partition's hash range.
using HashKey = unsigned __int128;
inline constexpr HashKey kHashKeyMax = ~HashKey{0};

// 128 bits that name an event inside its stream, in UUID byte order.
struct EventId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const EventId&, const EventId&) = default;
};

struct ContentHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const ContentHash&, const ContentHash&) = default;
};

}  // namespace freshet

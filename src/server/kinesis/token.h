// What the door gives a client to hand back later: shard iterators and the tokens of ListShards.
// Each is a payload and a MAC under the server's secret, so a client can neither read on where it
// was not let in nor make the server parse bytes it did not write. Bytes: docs/formats/tokens.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "event/position.h"

namespace freshet::kinesis {

using TokenSecret = std::array<std::byte, 32>;

struct ShardIterator {
  StreamId stream = 0;  // the name alone may belong to a younger stream by now
  std::string stream_name;
  PartitionId partition = 0;
  Position position;
  std::int64_t issued_us = 0;
};

enum class ShardFilterType : std::uint8_t {
  kAll = 0,
  kAfterShardId,
  kAtTrimHorizon,
  kFromTrimHorizon,
  kAtLatest,
  kAtTimestamp,
  kFromTimestamp,
};

// Where a listing of shards goes on, with the filter it began with.
struct ShardListToken {
  StreamId stream = 0;
  std::string stream_name;
  PartitionId after = 0;
  ShardFilterType filter = ShardFilterType::kAll;
  PartitionId filter_partition = 0;
  std::int64_t filter_us = 0;
  std::int64_t issued_us = 0;
};

// Thread-safe: holds nothing but the secret. Opening gives nothing where the text was not sealed
// here as that very kind of token; whether it is too old is for the caller.
class TokenSealer {
 public:
  explicit TokenSealer(const TokenSecret& secret) : secret_(secret) {}
  std::string seal(const ShardIterator& iterator) const;  // at most 228 characters
  std::string seal(const ShardListToken& token) const;
  std::optional<ShardIterator> open_iterator(std::string_view text) const;
  std::optional<ShardListToken> open_list_token(std::string_view text) const;

 private:
  std::string seal_payload(std::string payload) const;
  std::optional<std::string> open_payload(std::string_view text, char kind) const;
  std::string mac_of(std::string_view payload) const;
  TokenSecret secret_;
};

}  // namespace freshet::kinesis

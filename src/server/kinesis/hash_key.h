// Hash keys: 128-bit numbers as decimal text, and the MD5 that leads a partition key to its shard.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "event/position.h"

namespace freshet::kinesis {

// The API's pattern 0|([1-9]\d{0,38}).
bool is_hash_key_text(std::string_view text);
// Nothing where `text` is not a number, or 2^128 and above.
std::optional<HashKey> parse_hash_key(std::string_view text);
std::string format_hash_key(HashKey key);

// MD5 of the UTF-8 key as a big-endian number. Each thread remembers the last keys (cameras come
// back), which makes the usual case about 10 ns instead of 200.
HashKey hash_of_partition_key(std::string_view key);

}  // namespace freshet::kinesis

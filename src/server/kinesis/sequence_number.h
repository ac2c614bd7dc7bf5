// Sequence numbers and shard ids as text.
//
// A sequence number is '4', 20 digits of the record's position, 6 digits of its partition. The
// width never changes, so text order is number order inside a shard, and the client library, which
// parses them as big integers, sorts them the same way. The leading '4' keeps it clear of zero.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "event/position.h"

namespace freshet::kinesis {

inline constexpr std::size_t kSequenceNumberBytes = 27;
inline constexpr PartitionId kPartitionIdMax = 999'999;
inline constexpr std::size_t kShardIdBytes = 20;

struct SequenceNumber {
  Position position;
  PartitionId partition = 0;
};

// Writes kSequenceNumberBytes digits; `number.partition` is at most kPartitionIdMax.
void write_sequence_number(SequenceNumber number, char* to);
std::string format_sequence_number(SequenceNumber number);
// Only what format_sequence_number() could have written.
std::optional<SequenceNumber> parse_sequence_number(std::string_view text);

// "shardId-000000000007": writes kShardIdBytes characters.
void write_shard_id(PartitionId partition, char* to);
std::string format_shard_id(PartitionId partition);
std::optional<PartitionId> parse_shard_id(std::string_view text);

}  // namespace freshet::kinesis

#include "server/kinesis/sequence_number.h"

#include <array>
#include <cstring>

#include "common/check.h"

namespace freshet::kinesis {
namespace {

constexpr std::string_view kShardPrefix = "shardId-";
constexpr int kPositionDigits = 20;  // of 2^64 - 1
constexpr int kPartitionDigits = 6;
static_assert(1 + kPositionDigits + kPartitionDigits == kSequenceNumberBytes);
static_assert(kShardPrefix.size() + 12 == kShardIdBytes);

// Two digits a step: a put answers with 38 digits a record, and each division is 5 ns.
constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

// `digits` is even.
void write_digits(std::uint64_t value, int digits, char* to) {
  for (int i = digits - 2; i >= 0; i -= 2) {
    std::memcpy(to + i, kPairs.data() + 2 * (value % 100), 2);
    value /= 100;
  }
}

std::optional<std::uint64_t> read_digits(std::string_view text) {
  std::uint64_t value = 0;
  for (char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, static_cast<std::uint64_t>(digit - '0'), &value)) {
      return std::nullopt;
    }
  }
  return value;
}

}  // namespace

void write_sequence_number(SequenceNumber number, char* to) {
  FRESHET_CHECK(number.partition <= kPartitionIdMax);
  to[0] = '4';
  write_digits(number.position.value, kPositionDigits, to + 1);
  write_digits(number.partition, kPartitionDigits, to + 1 + kPositionDigits);
}

std::string format_sequence_number(SequenceNumber number) {
  std::string text(kSequenceNumberBytes, '\0');
  write_sequence_number(number, text.data());
  return text;
}

std::optional<SequenceNumber> parse_sequence_number(std::string_view text) {
  if (text.size() != kSequenceNumberBytes || text[0] != '4') return std::nullopt;
  std::optional<std::uint64_t> position = read_digits(text.substr(1, kPositionDigits));
  std::optional<std::uint64_t> partition = read_digits(text.substr(1 + kPositionDigits));
  if (!position || !partition) return std::nullopt;
  return SequenceNumber{Position{*position}, static_cast<PartitionId>(*partition)};
}

void write_shard_id(PartitionId partition, char* to) {
  std::memcpy(to, kShardPrefix.data(), kShardPrefix.size());
  write_digits(partition, 12, to + kShardPrefix.size());
}

std::string format_shard_id(PartitionId partition) {
  std::string text(kShardIdBytes, '\0');
  write_shard_id(partition, text.data());
  return text;
}

std::optional<PartitionId> parse_shard_id(std::string_view text) {
  if (text.size() != kShardIdBytes || !text.starts_with(kShardPrefix)) return std::nullopt;
  std::optional<std::uint64_t> number = read_digits(text.substr(kShardPrefix.size()));
  if (!number || *number > UINT32_MAX) return std::nullopt;
  return static_cast<PartitionId>(*number);
}

}  // namespace freshet::kinesis

#include "archive/iceberg/transform.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "common/bytes.h"
#include "common/check.h"

namespace freshet::archive::iceberg {
namespace {

constexpr std::int64_t kHourUs = std::int64_t{3'600} * 1'000'000;

// Division in C++ rounds towards zero. Hours leave 32 bits in the year 246,953: they stop there, so
// that a range without an end still covers every partition.
std::int32_t floor_divide(std::int64_t value, std::int64_t by) {
  std::int64_t quotient = value / by;
  if (value % by < 0) --quotient;
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(quotient, std::numeric_limits<std::int32_t>::min(),
                               std::numeric_limits<std::int32_t>::max()));
}

std::uint32_t mix(std::uint32_t block) {
  return std::rotl(block * 0xcc9e2d51u, 15) * 0x1b873593u;
}

std::uint32_t finish(std::uint32_t hash) {
  hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
  return hash ^ (hash >> 16);
}

}  // namespace

std::int32_t day_of_us(std::int64_t time_us) {
  return floor_divide(time_us, 24 * kHourUs);
}

std::int32_t hour_of_us(std::int64_t time_us) {
  return floor_divide(time_us, kHourUs);
}

std::uint32_t murmur3_x86_32(std::string_view bytes, std::uint32_t seed) {
  std::uint32_t hash = seed;
  std::size_t whole = bytes.size() / 4 * 4;
  for (std::size_t i = 0; i < whole; i += 4) {
    hash = std::rotl(hash ^ mix(load_le<std::uint32_t>(bytes.data() + i)), 13) * 5 + 0xe6546b64u;
  }
  std::uint32_t tail = 0;
  for (std::size_t i = bytes.size(); i > whole; --i) {
    tail = tail << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  if (bytes.size() > whole) hash ^= mix(tail);
  return finish(hash ^ static_cast<std::uint32_t>(bytes.size()));
}

std::int32_t bucket_of_bytes(std::string_view bytes, std::int32_t bucket_count) {
  FRESHET_CHECK(bucket_count > 0);
  auto hash = static_cast<std::int32_t>(murmur3_x86_32(bytes) & 0x7fffffffu);
  return hash % bucket_count;
}

std::int32_t bucket_of_long(std::int64_t value, std::int32_t bucket_count) {
  char bytes[8];
  store_le(bytes, value);
  return bucket_of_bytes({bytes, sizeof bytes}, bucket_count);
}

std::int32_t bucket_of_uuid(EventId value, std::int32_t bucket_count) {
  std::string bytes;
  for (std::uint64_t half : {value.high, value.low}) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(half >> shift);
  }
  return bucket_of_bytes(bytes, bucket_count);
}

}  // namespace freshet::archive::iceberg

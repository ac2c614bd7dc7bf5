// Iceberg's partition transforms: how a value of a column becomes the value of its partition.
#pragma once

#include <cstdint>
#include <string_view>

#include "event/position.h"

namespace freshet::archive::iceberg {

// Days and hours since 1970-01-01T00:00:00Z. Rounded down, before 1970 too: the microsecond before
// the epoch lies in day -1.
std::int32_t day_of_us(std::int64_t time_us);
std::int32_t hour_of_us(std::int64_t time_us);

// MurmurHash3, x86, 32 bits, as Iceberg's bucket transform wants it.
std::uint32_t murmur3_x86_32(std::string_view bytes, std::uint32_t seed = 0);

// 0 … bucket_count - 1. int, long, date and times hash as 8 bytes little-endian; texts and blobs as
// they are; a UUID as 16 bytes big-endian.
std::int32_t bucket_of_long(std::int64_t value, std::int32_t bucket_count);
std::int32_t bucket_of_bytes(std::string_view bytes, std::int32_t bucket_count);
std::int32_t bucket_of_uuid(EventId value, std::int32_t bucket_count);

}  // namespace freshet::archive::iceberg

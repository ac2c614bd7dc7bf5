// Durations and sizes as people write them: "15m", "1h30m", "64MiB", "800GB". And the way back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace freshet {

// Microseconds. Units us, ms, s, m, h, d; several may follow each other, largest first.
Result<std::int64_t> parse_duration_us(std::string_view text);
// Bytes. KB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB of 1024; a bare number is bytes.
Result<std::uint64_t> parse_bytes(std::string_view text);
std::string format_duration_us(std::int64_t us);
std::string format_bytes(std::uint64_t bytes);

// The candidate nearest to `word` by edit distance (at most a third of its length), or "".
std::string_view nearest_word(std::string_view word, const std::string_view* candidates,
                              std::size_t count);

}  // namespace freshet

// Raw deflate (RFC 1951, without zlib's header), as Avro's codec of that name has it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/result.h"

namespace freshet::archive::iceberg {

std::string deflate_bytes(std::string_view bytes);

// Puts what `bytes` hold behind `to`. FRS-3612 where they are not deflated, do not end, or `to`
// would become longer than `bytes_max`.
Status inflate_append(std::string_view bytes, std::size_t bytes_max, std::string& to);

}  // namespace freshet::archive::iceberg

// What the folder side does with single files.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"
#include "io/disk.h"

namespace freshet::object_store {

inline constexpr std::string_view kOwnPrefix = ".freshet";
inline constexpr std::string_view kTemporaryFolder = ".freshet-temporary";
inline constexpr std::string_view kLockFile = ".freshet-lock";

// Also where a folder on the way is a file (ENOTDIR): then there is no such name either.
bool is_not_there(const Error& error);
// Exactly `bytes` bytes; FRS-3709 where the file has become shorter.
Result<std::string> read_part(io::File& file, std::uint64_t offset, std::uint64_t bytes);
// The whole file, in pieces of a megabyte. An error of `use` ends it.
Status read_pieces(io::File& file, const std::function<Status(std::span<const std::byte>)>& use);

}  // namespace freshet::object_store

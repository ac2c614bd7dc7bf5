// What the operating system refused, as an Error with a file, a reason and a next step.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace freshet::io {

// `action` is a verb ("write", "sync folder"); `errno_value` what the call left in errno.
//   FRS-3001 no space, FRS-3002 not found, FRS-3003 exists, FRS-3004 permission, FRS-3005 other.
Error disk_error(int errno_value, std::string_view action, const std::string& path);

}  // namespace freshet::io

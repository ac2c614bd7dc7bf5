// Which Freshet this is.
#pragma once

#include <string_view>

namespace freshet::cli {

std::string_view version_number();  // "0.1.0"
std::string_view version_commit();  // "3f2a…", "+" behind it where the tree was changed; "unknown"

}  // namespace freshet::cli

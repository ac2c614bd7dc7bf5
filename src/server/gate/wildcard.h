// Patterns of allow rules.
#pragma once

#include <string_view>

namespace freshet::gate {

// '*' matches any run of characters, everything else itself. Takes time linear in the two lengths,
// because a pattern like a*a*a*b must not stall a net thread.
bool matches_wildcard(std::string_view pattern, std::string_view text);

}  // namespace freshet::gate

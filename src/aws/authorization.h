// The Authorization header of SigV4, taken apart. Views into the header's value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/sigv4.h"

namespace freshet::aws {

struct Authorization {
  std::string_view key_id;
  std::string_view date;
  std::string_view region;
  std::string_view service;
  std::vector<std::string_view> signed_names;  // strictly ascending
  std::string_view signature;                  // 64 lower-case hexadecimal digits
};

// Refuses (kInvalid, with words for the caller) everything but exactly one of each part, well
// formed.
Result<Authorization> parse_authorization(std::string_view value);

}  // namespace freshet::aws

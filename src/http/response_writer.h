// An answer as HTTP/1.1 bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "http/message.h"

namespace freshet::http {

// Appends the head, and the body where there is one: a small one in the same string, a large one
// moved behind it. Adds Date, Content-Length and, where `close`, Connection.
void append_http1_response(Response&& response, bool to_head_method, bool close,
                           std::int64_t wall_us, std::vector<std::string>& to);
// Control characters in a header's value would let whoever chose it write headers of his own.
std::string safe_header_value(const std::string& value);

}  // namespace freshet::http

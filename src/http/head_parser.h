// The head of an HTTP/1.1 request, read strictly (RFC 9112): whatever two servers in a row could
// understand differently is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "http/message.h"
#include "http/server.h"

namespace freshet::http {

// Finds the empty line that ends a head. Only CRLF ends a line: a line feed alone let requests be
// smuggled past other parsers (Go CVE-2025-22871).
struct HeadScan {
  enum class State { kMore, kFound, kBareLineFeed } state;
  std::size_t end = 0;  // behind the empty line
};
// `from`: how many bytes an earlier call with the same beginning has seen.
HeadScan scan_head(std::string_view bytes, std::size_t from);

struct ParsedHead {
  enum class Body { kNone, kFixed, kChunked };
  Request request;  // peer and body are not filled in
  Body body = Body::kNone;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool expects_continue = false;
};

struct HeadRefusal {
  int status;
  std::string reason;
};

// `head` includes the empty line.
std::variant<ParsedHead, HeadRefusal> parse_head(std::string_view head, const ServerLimits& limits);

}  // namespace freshet::http

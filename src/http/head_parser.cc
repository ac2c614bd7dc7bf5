#include "http/head_parser.h"

#include <algorithm>
#include <cstring>

#include "http/syntax.h"

namespace freshet::http {

namespace {

using Refusal = std::optional<HeadRefusal>;

Refusal bad(std::string reason) {
  return HeadRefusal{400, std::move(reason)};
}

Refusal read_request_line(std::string_view line, Request& to) {
  std::size_t first = line.find(' ');
  std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return bad("the request line must be METHOD TARGET HTTP/1.1");
  }
  std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return bad("the method is not a token");
  if (version != "HTTP/1.1") {
    if (version.starts_with("HTTP/")) return HeadRefusal{505, "HTTP/1.1 or HTTP/2 is needed"};
    return bad("the request line must end with HTTP/1.1");
  }
  if (!is_origin_form(target)) return bad("the target must be a path that starts with '/'");
  to.method = method;
  to.target = target;
  to.scheme = "http";
  return std::nullopt;
}

Refusal read_header_line(std::string_view line, Request& to) {
  if (line.front() == ' ' || line.front() == '\t') return bad("a header line must not be folded");
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("a header line lacks its colon");
  std::string_view name = line.substr(0, colon);
  // Also refuses a blank before the colon.
  if (!is_token(name)) return bad("a header name holds a foreign character");
  std::string_view value = trim_blanks(line.substr(colon + 1));
  if (!is_field_value(value)) return bad("a header value holds a control character");
  to.headers.push_back(Header{to_lower(name), std::string(value)});
  return std::nullopt;
}

Refusal read_lines(std::string_view head, const ServerLimits& limits, Request& to) {
  bool first = true;
  while (true) {
    std::size_t end = head.find("\r\n");
    std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.find('\r') != std::string_view::npos) return bad("a carriage return stands alone");
    if (first) {
      if (Refusal refusal = read_request_line(line, to)) return refusal;
      first = false;
      continue;
    }
    if (line.empty()) return std::nullopt;
    if (to.headers.size() == limits.headers_max) return HeadRefusal{431, "too many headers"};
    if (Refusal refusal = read_header_line(line, to)) return refusal;
  }
}

// How long the body is. Two answers to that are the classic way to smuggle a request (RFC 9112
// section 11.2), so exactly one is taken.
Refusal read_framing(ParsedHead& to) {
  const Request& request = to.request;
  std::size_t lengths = request.header_count("content-length");
  std::size_t codings = request.header_count("transfer-encoding");
  if (lengths + codings > 1) {
    return bad("the body's length is given twice (Content-Length, Transfer-Encoding)");
  }
  if (codings == 1) {
    if (!equal_ignoring_case(*request.header("transfer-encoding"), "chunked")) {
      return HeadRefusal{501, "no transfer coding is known but chunked"};
    }
    to.body = ParsedHead::Body::kChunked;
    return std::nullopt;
  }
  if (lengths == 0) return std::nullopt;
  std::optional<std::uint64_t> length = parse_content_length(*request.header("content-length"));
  if (!length) return bad("Content-Length is not a number");
  to.content_length = *length;
  if (*length > 0) to.body = ParsedHead::Body::kFixed;
  return std::nullopt;
}

bool is_host(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~[]:%").find(c) != std::string_view::npos;
  });
}

Refusal read_connection(ParsedHead& to) {
  const Request& request = to.request;
  if (request.header_count("host") != 1 || !is_host(*request.header("host"))) {
    return bad("exactly one well-formed Host header is needed");
  }
  for (const Header& header : request.headers) {
    if (header.name == "connection" && list_has(header.value, "close")) to.keep_alive = false;
  }
  if (auto expect = request.header("expect")) {
    if (!equal_ignoring_case(*expect, "100-continue") || request.header_count("expect") > 1) {
      return HeadRefusal{417, "no expectation is known but 100-continue"};
    }
    to.expects_continue = to.body != ParsedHead::Body::kNone;
  }
  return std::nullopt;
}

}  // namespace

HeadScan scan_head(std::string_view bytes, std::size_t from) {
  std::size_t at = from;
  while (true) {
    const void* found =
        at < bytes.size() ? std::memchr(bytes.data() + at, '\n', bytes.size() - at) : nullptr;
    if (found == nullptr) return {HeadScan::State::kMore, 0};
    at = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (at == 0 || bytes[at - 1] != '\r') return {HeadScan::State::kBareLineFeed, 0};
    bool empty_line = at >= 3 && bytes[at - 2] == '\n';
    // An empty first line is found too, and refused as a request line.
    if (empty_line || at == 1) return {HeadScan::State::kFound, at + 1};
    ++at;
  }
}

std::variant<ParsedHead, HeadRefusal> parse_head(std::string_view head,
                                                 const ServerLimits& limits) {
  ParsedHead parsed;
  parsed.request.headers.reserve(16);
  if (Refusal refusal = read_lines(head, limits, parsed.request)) return *std::move(refusal);
  if (Refusal refusal = read_framing(parsed)) return *std::move(refusal);
  if (Refusal refusal = read_connection(parsed)) return *std::move(refusal);
  return parsed;
}

}  // namespace freshet::http

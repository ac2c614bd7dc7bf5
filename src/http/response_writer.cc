#include "http/response_writer.h"

#include <algorithm>

#include "http/syntax.h"

namespace freshet::http {

namespace {

// Below this, one more copy is cheaper than one more buffer for the kernel to gather.
constexpr std::size_t kCopiedBodyBytesMax = 4'096;

bool has_no_body(int status) {
  return status == 204 || status == 304;
}

}  // namespace

std::string safe_header_value(const std::string& value) {
  if (is_field_value(value)) return value;
  std::string safe = value;
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return !is_field_value(std::string_view(&c, 1)); },
      '?');
  return safe;
}

void append_http1_response(Response&& response, bool to_head_method, bool close,
                           std::int64_t wall_us, std::vector<std::string>& to) {
  std::string& head = to.emplace_back();
  bool copies = response.body.size() <= kCopiedBodyBytesMax;
  head.reserve(256 + response.headers.size() * 48 + (copies ? response.body.size() : 0));
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(status_reason(response.status)).append("\r\n");
  for (const Header& header : response.headers) {
    head.append(header.name).append(": ").append(safe_header_value(header.value)).append("\r\n");
  }
  head.append("Date: ").append(date_text(wall_us)).append("\r\n");
  if (!has_no_body(response.status)) {
    head.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  }
  if (close) head.append("Connection: close\r\n");
  head.append("\r\n");
  if (to_head_method || has_no_body(response.status) || response.body.empty()) return;
  if (copies) {
    head.append(response.body);
  } else {
    to.push_back(std::move(response.body));
  }
}

}  // namespace freshet::http

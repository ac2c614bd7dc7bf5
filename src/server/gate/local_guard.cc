#include "server/gate/local_guard.h"

#include <algorithm>

namespace freshet::gate {

namespace {

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_local_host(std::string_view host) {
  for (std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) {
    if (!host.starts_with(name)) continue;
    std::string_view rest = host.substr(name.size());
    if (rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)))) return true;
  }
  return false;
}

bool is_local_origin(std::string_view origin) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme)) return is_local_host(origin.substr(scheme.size()));
  }
  return false;  // "null" too: a sandboxed page is as foreign as any
}

}  // namespace

bool is_local_request(const http::Request& request) {
  bool any_host = false;
  for (const http::Header& header : request.headers) {
    if (header.name == "host" || header.name == ":authority") {
      if (!is_local_host(header.value)) return false;
      any_host = true;
    }
    if (header.name == "origin" && !is_local_origin(header.value)) return false;
  }
  return any_host;
}

}  // namespace freshet::gate

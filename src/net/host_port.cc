#include <charconv>

#include "net/server.h"

namespace freshet::net {

namespace {

Error malformed(std::string_view text) {
  return Error(Code::kInvalid, 1150,
               "\"" + std::string(text) +
                   "\" is not an address to listen on; write HOST:PORT, such as 127.0.0.1:4566 or "
                   "[::1]:4566");
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed(text);
  std::string_view host = text.substr(0, colon);
  std::string_view digits = text.substr(colon + 1);
  unsigned port = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port > 65'535) {
    return malformed(text);
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return malformed(text);  // an IPv6 address without its brackets
  }
  return HostPort{host.empty() ? "127.0.0.1" : std::string(host), static_cast<std::uint16_t>(port)};
}

}  // namespace freshet::net

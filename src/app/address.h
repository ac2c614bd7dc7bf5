// "127.0.0.1:4566", "[::1]:0", "localhost:8080".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freshet::app {

struct HostAndPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};

std::optional<HostAndPort> parse_address(std::string_view text);
// True for 127.0.0.0/8, ::1 and localhost: nobody outside this machine reaches it.
bool is_loopback(std::string_view host);

}  // namespace freshet::app

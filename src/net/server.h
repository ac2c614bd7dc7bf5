// Listens on one address and drives a protocol over each connection, on event loop threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "common/result.h"
#include "io/clock.h"
#include "net/protocol.h"

namespace freshet::net {

struct ServerConfig {
  std::string name = "net";  // names the threads and the metrics: "aws", "http"
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the system chooses
  std::size_t threads = 1;
  std::size_t connections_max = 10'000;
  std::size_t connections_per_address_max = 4'000;  // loopback is not limited by address
  std::int64_t write_stall_us = 30'000'000;         // a peer that takes nothing for so long is cut
  std::int64_t linger_us = 2'000'000;  // after our last byte, wait so long for the peer's close
};

// Owned by app. open() and stop() from one thread. Holds nothing that a crash could lose.
class Server {
 public:
  static Result<std::unique_ptr<Server>> open(ServerConfig config, ProtocolFactory factory,
                                              io::Clock& clock);
  ~Server();  // stop(0)
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // "127.0.0.1:4566", with the port that was really bound.
  const std::string& address() const;
  std::uint16_t port() const;
  bool bound_to_loopback() const;
  std::size_t connection_count() const;

  // Accepts nothing more, lets requests in flight finish for at most `grace_us`, closes what is
  // left, ends the threads. Idempotent. Answers that come later are dropped.
  void stop(std::int64_t grace_us);

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// "127.0.0.1:4566", "[::1]:0", "localhost:80", ":4566" (loopback) -> host and port.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
Result<HostPort> parse_host_port(std::string_view text);

}  // namespace freshet::net

// A small blocking HTTP/1.1 client with keep-alive: for the command line, bench and demo.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/result.h"
#include "http/message.h"

namespace freshet::http {

struct ClientConfig {
  std::int64_t connect_timeout_us = 5'000'000;
  std::int64_t request_timeout_us = 60'000'000;  // from the first byte sent to the last received
  std::uint64_t response_bytes_max = 256ull << 20;
};

// One connection, one thread at a time. Connects at the first request, and again where the server
// has closed the connection between two requests. Never sends a request twice: whether a request
// whose answer was lost was carried out is for the caller to judge.
class Client {
 public:
  // Only remembers the address; request() connects, so that a server may come later.
  static Result<std::unique_ptr<Client>> open(const std::string& host, std::uint16_t port,
                                              ClientConfig config = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Adds Host and Content-Length where they are missing. kUnavailable: not connected or the
  // connection broke; kTimeout; kCorruption: the answer is not HTTP.
  Result<Response> request(const Request& request);
  // "127.0.0.1:4566", for Host: sign with it.
  const std::string& host_header() const;

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::http

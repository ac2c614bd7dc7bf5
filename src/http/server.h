// HTTP/1.1 and HTTP/2 with prior knowledge on one port, told apart by the first bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "common/memory_budget.h"
#include "http/message.h"
#include "io/clock.h"
#include "net/protocol.h"

namespace freshet::http {

struct ServerLimits {
  std::size_t head_bytes_max = 32 * 1024;
  std::size_t headers_max = 100;
  std::size_t pipelined_max = 64;  // requests of one HTTP/1.1 connection in flight
  std::size_t streams_max = 256;   // of one HTTP/2 connection
  std::int64_t head_deadline_us = 10'000'000;
  std::int64_t idle_us = 300'000'000;
  std::int64_t body_grace_us = 10'000'000;      // after which a body must have come at …
  std::uint64_t body_bytes_per_second = 4'096;  // … this rate at least, counted from its start
};

// Shared by all connections of a server; everything in it is thread-safe and outlives them.
struct ServerOptions {
  Handler handler;
  // The most bytes that the body of this request (head only) may have. Beyond: 413.
  std::function<std::uint64_t(const Request& head)> body_limit;
  // Bounds the bytes of all requests from their head to their answer. Beyond: 503, before the body
  // is read.
  MemoryBudget* budget = nullptr;
  // Words an answer to a request (head only) that is refused by the server itself: 413, 503. Where
  // empty, a line of plain text.
  std::function<Response(int status, std::string_view reason, const Request& head)> refusal;
  io::Clock* clock = nullptr;  // for Date; the same that drives the connection
  ServerLimits limits;
};

net::ProtocolFactory server_protocol(std::shared_ptr<const ServerOptions> options);

}  // namespace freshet::http

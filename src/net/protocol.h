// The seam between sockets and protocols: a protocol is a state machine that is fed bytes and times
// and gives bytes and times back. net::Server drives it over TCP, tests and simulation from memory.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::net {

constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();

// The thread on which a connection lives. Shared, because an answer may come after the connection
// and even the server are gone.
class Loop {
 public:
  virtual ~Loop() = default;
  // Any thread. Runs `task` on the loop's thread, never inside this call. Many posts make one
  // wakeup. Dropped once the loop has stopped.
  virtual void post(std::function<void()> task) = 0;
  virtual bool on_loop_thread() const = 0;
};

struct ConnectionInfo {
  std::string peer;  // "127.0.0.1:51234", "[::1]:51234"
  bool peer_is_loopback = false;
  std::int64_t opened_ns = 0;
  std::shared_ptr<Loop> loop;
  // On the loop's thread: the protocol has output, or wants to close, without having been called.
  // Does nothing once the connection is gone.
  std::function<void()> wake;
};

// One connection. Everything runs on its loop's thread. Times are monotonic nanoseconds. After each
// call the driver takes the output, looks at wants_close(), wants_bytes() and deadline_ns().
class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual void on_bytes(std::string_view bytes, std::int64_t now_ns) = 0;
  // The peer will send no more. What it asked for may still be answered.
  virtual void on_end(std::int64_t now_ns) = 0;
  virtual void on_deadline(std::int64_t now_ns) = 0;
  // Finish what is in flight, accept nothing new, then want to close.
  virtual void stop(std::int64_t now_ns) = 0;

  // Moves output to the end of `to`, about `bytes_max` of it; called again only when all of that is
  // sent.
  virtual void take_output(std::vector<std::string>& to, std::size_t bytes_max) = 0;
  // False while the protocol holds as much input as it may; no bytes are read meanwhile.
  virtual bool wants_bytes() const = 0;
  // True once the connection is to be closed after all output is sent.
  virtual bool wants_close() const = 0;
  // When on_deadline() is due, or kNoDeadline. It may be called up to a second late.
  virtual std::int64_t deadline_ns() const = 0;
};

using ProtocolFactory = std::function<std::unique_ptr<Protocol>(ConnectionInfo)>;

}  // namespace freshet::net

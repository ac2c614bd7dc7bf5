// One TCP connection: moves bytes between its socket and its protocol.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "net/protocol.h"
#include "net/server.h"

namespace freshet::net {

// Owned by its loop, and by the waits that Asio holds; loop thread only.
class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
 public:
  // `on_closed` runs once, when the socket is closed.
  TcpConnection(AsioLoop& loop, boost::asio::ip::tcp::socket socket, const ServerConfig& config,
                std::function<void()> on_closed);
  ~TcpConnection();

  void start(const ProtocolFactory& factory, const std::string& peer, bool peer_is_loopback);
  void tick(std::int64_t now_ns);
  void stop();   // asks the protocol to finish
  void close();  // at once

 private:
  void pump();
  bool take_output();
  void write_some();
  void drop_sent(std::size_t bytes);
  void wait_readable();
  void on_readable();
  void wait_writable();
  void begin_linger();

  AsioLoop& loop_;
  boost::asio::ip::tcp::socket socket_;
  const ServerConfig& config_;  // the server's, which outlives its connections
  std::int64_t linger_us_;
  std::function<void()> on_closed_;
  std::unique_ptr<Protocol> protocol_;
  std::deque<std::string> output_;
  std::size_t front_sent_ = 0;
  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool peer_ended_ = false;
  bool lingering_ = false;  // our side is shut; what still comes is thrown away
  bool closed_ = false;
  std::int64_t write_progress_ns_ = 0;
  std::int64_t linger_until_ns_ = 0;
};

}  // namespace freshet::net

#include "net/tcp_connection.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <span>

#include "common/metrics.h"

namespace freshet::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kOutputBytesMax = 256 * 1024;  // taken from the protocol at a time
constexpr std::size_t kGatherMax = 16;
constexpr std::int64_t kLingerWhileStoppingUs = 200'000;

metrics::Gauge& open_connections() {
  static metrics::Gauge& gauge =
      metrics::gauge("freshet_net_connections", "Open TCP connections of all listeners");
  return gauge;
}

bool would_block(error_code error) {
  return error == asio::error::would_block || error == asio::error::try_again;
}

}  // namespace

TcpConnection::TcpConnection(AsioLoop& loop, asio::ip::tcp::socket socket,
                             const ServerConfig& config, std::function<void()> on_closed)
    : loop_(loop),
      socket_(std::move(socket)),
      config_(config),
      linger_us_(config.linger_us),
      on_closed_(std::move(on_closed)) {
  open_connections().add(1);
}

TcpConnection::~TcpConnection() {
  open_connections().add(-1);
}

void TcpConnection::start(const ProtocolFactory& factory, const std::string& peer,
                          bool peer_is_loopback) {
  error_code error;
  socket_.non_blocking(true, error);
  // Answers are written whole: waiting for more to fill a packet would only delay them.
  if (!error) socket_.set_option(asio::ip::tcp::no_delay(true), error);
  if (error) return close();
  ConnectionInfo info;
  info.peer = peer;
  info.peer_is_loopback = peer_is_loopback;
  info.opened_ns = loop_.now_ns();
  info.loop = loop_.shared_from_this();
  info.wake = [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->pump();
  };
  protocol_ = factory(std::move(info));
  pump();
}

// After every event: send what there is, close or read on.
void TcpConnection::pump() {
  if (closed_ || lingering_) return;
  while (!waits_writable_ && !closed_) {
    if (output_.empty() && !take_output()) break;
    write_some();
  }
  if (closed_) return;
  if (output_.empty() && protocol_->wants_close()) return begin_linger();
  if (!peer_ended_ && protocol_->wants_bytes()) wait_readable();
}

bool TcpConnection::take_output() {
  std::vector<std::string> taken;
  protocol_->take_output(taken, kOutputBytesMax);
  for (std::string& bytes : taken) {
    if (!bytes.empty()) output_.push_back(std::move(bytes));
  }
  write_progress_ns_ = loop_.now_ns();
  return !output_.empty();
}

void TcpConnection::write_some() {
  std::array<asio::const_buffer, kGatherMax> buffers;
  std::size_t count = 0;
  for (auto it = output_.begin(); it != output_.end() && count < kGatherMax; ++it, ++count) {
    std::size_t skip = count == 0 ? front_sent_ : 0;
    buffers[count] = asio::buffer(it->data() + skip, it->size() - skip);
  }
  error_code error;
  std::size_t sent =
      socket_.write_some(std::span<const asio::const_buffer>(buffers.data(), count), error);
  if (would_block(error)) return wait_writable();
  if (error) return close();
  drop_sent(sent);
}

void TcpConnection::drop_sent(std::size_t bytes) {
  write_progress_ns_ = loop_.now_ns();
  front_sent_ += bytes;
  while (!output_.empty() && front_sent_ >= output_.front().size()) {
    front_sent_ -= output_.front().size();
    output_.pop_front();
  }
}

void TcpConnection::wait_readable() {
  if (waits_readable_) return;
  waits_readable_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](error_code error) {
                       self->waits_readable_ = false;
                       if (self->closed_) return;
                       if (error) return self->close();
                       self->on_readable();
                     });
}

void TcpConnection::on_readable() {
  std::vector<char>& buffer = loop_.read_buffer();
  error_code error;
  std::size_t bytes = socket_.read_some(asio::buffer(buffer), error);
  if (would_block(error)) return wait_readable();
  if (error == asio::error::eof) {
    if (lingering_) return close();
    peer_ended_ = true;
    protocol_->on_end(loop_.now_ns());
    return pump();
  }
  if (error) return close();
  if (lingering_) return wait_readable();
  protocol_->on_bytes({buffer.data(), bytes}, loop_.now_ns());
  pump();
}

void TcpConnection::wait_writable() {
  waits_writable_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](error_code error) {
                       self->waits_writable_ = false;
                       if (self->closed_) return;
                       if (error) return self->close();
                       self->pump();
                     });
}

// Closing with unread input makes the kernel reset the connection, and the peer may lose our last
// answer. So shut our side and read the rest away, for a while.
void TcpConnection::begin_linger() {
  error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error || peer_ended_) return close();
  lingering_ = true;
  linger_until_ns_ = loop_.now_ns() + linger_us_ * 1'000;
  wait_readable();
}

void TcpConnection::tick(std::int64_t now_ns) {
  if (closed_) return;
  if (lingering_) {
    if (now_ns >= linger_until_ns_) close();
    return;
  }
  if (!output_.empty() && now_ns - write_progress_ns_ >= config_.write_stall_us * 1'000) {
    return close();
  }
  if (now_ns < protocol_->deadline_ns()) return;
  protocol_->on_deadline(now_ns);
  pump();
}

void TcpConnection::stop() {
  if (closed_ || lingering_) return;
  protocol_->stop(loop_.now_ns());
  // Nothing of ours is on its way that a reset could destroy.
  bool idle = output_.empty() && !take_output() && protocol_->wants_close();
  if (idle) return close();
  linger_us_ = std::min(linger_us_, kLingerWhileStoppingUs);
  pump();
}

void TcpConnection::close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;  // the descriptor is released in any case
  socket_.close(ignored);
  output_.clear();
  auto self = shared_from_this();
  // The protocol may be further up the stack.
  asio::post(loop_.context(), [self] { self->protocol_.reset(); });
  loop_.remove(self);
  on_closed_();
}

}  // namespace freshet::net

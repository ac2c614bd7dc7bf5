#include "net/server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <unordered_map>

#include "common/logging.h"
#include "common/metrics.h"
#include "common/mutex.h"
#include "net/loop.h"
#include "net/tcp_connection.h"

namespace freshet::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// After an accept that failed (no file descriptor left), try again so much later.
constexpr auto kAcceptPause = std::chrono::milliseconds(200);
constexpr std::int64_t kRefusalLineEveryNs = 10'000'000'000;

std::string to_text(const tcp::endpoint& endpoint) {
  std::string host = endpoint.address().to_string();
  if (endpoint.address().is_v6()) host = "[" + host + "]";
  return host + ":" + std::to_string(endpoint.port());
}

Error cannot_listen(const ServerConfig& config, const error_code& error) {
  return Error(Code::kUnavailable, 1151,
               "cannot listen on " + config.host + ":" + std::to_string(config.port) + ": " +
                   error.message() + "; is another server running there? Port 0 lets the system " +
                   "choose a free one");
}

}  // namespace

struct Server::State {
  State(ServerConfig c, ProtocolFactory f, io::Clock& k)
      : config(std::move(c)), factory(std::move(f)), clock(k) {}

  Status listen();
  void accept_next();
  void on_accept(AsioLoop& loop, error_code error, tcp::socket socket);
  void pause_accepting();
  bool admit(const asio::ip::address& address);
  void forget(const asio::ip::address& address);
  void log_refusal(std::string_view why);
  void stop(std::int64_t grace_us);
  bool wait_until_empty(std::int64_t us);

  const ServerConfig config;
  const ProtocolFactory factory;
  io::Clock& clock;
  std::vector<std::shared_ptr<AsioLoop>> loops;
  std::unique_ptr<tcp::acceptor> acceptor;  // on loops[0], as the rest of this block
  std::unique_ptr<asio::steady_timer> accept_timer;
  std::size_t next_loop = 0;
  std::int64_t next_refusal_line_ns = 0;

  std::string address;
  std::uint16_t port = 0;
  bool loopback = false;
  bool stopped = false;

  mutable Mutex mutex;
  ConditionVariable changed;
  std::size_t connection_count FRESHET_GUARDED_BY(mutex) = 0;
  std::unordered_map<std::string, std::size_t> per_address FRESHET_GUARDED_BY(mutex);
};

Status Server::State::listen() {
  error_code error;
  std::string host = config.host == "localhost" ? "127.0.0.1" : config.host;
  asio::ip::address parsed = asio::ip::make_address(host, error);
  if (error) {
    tcp::resolver resolver(loops[0]->context());
    auto found = resolver.resolve(host, std::to_string(config.port), error);
    if (error || found.empty()) return cannot_listen(config, error);
    parsed = found.begin()->endpoint().address();
  }
  tcp::endpoint endpoint(parsed, config.port);
  acceptor = std::make_unique<tcp::acceptor>(loops[0]->context());
  accept_timer = std::make_unique<asio::steady_timer>(loops[0]->context());
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) return cannot_listen(config, error);
  tcp::endpoint bound = acceptor->local_endpoint(error);
  if (error) return cannot_listen(config, error);
  address = to_text(bound);
  port = bound.port();
  loopback = bound.address().is_loopback();
  return ok();
}

void Server::State::accept_next() {
  AsioLoop& loop = *loops[next_loop++ % loops.size()];
  acceptor->async_accept(loop.context(), [this, &loop](error_code error, tcp::socket socket) {
    on_accept(loop, error, std::move(socket));
  });
}

void Server::State::on_accept(AsioLoop& loop, error_code error, tcp::socket socket) {
  if (error == asio::error::operation_aborted || !acceptor->is_open()) return;
  if (error) {
    log_refusal(error.message());
    return pause_accepting();
  }
  tcp::endpoint peer = socket.remote_endpoint(error);
  if (!error && admit(peer.address())) {
    auto connection = std::make_shared<TcpConnection>(
        loop, std::move(socket), config, [this, from = peer.address()] { forget(from); });
    auto start = [this, &loop, connection, peer] {
      loop.add(connection);
      connection->start(factory, to_text(peer), peer.address().is_loopback());
    };
    // Straight to Asio, not through Loop::post(): it must not be dropped while stopping, or the
    // count of connections would never come down.
    asio::post(loop.context(), start);
  }
  accept_next();
}

void Server::State::pause_accepting() {
  accept_timer->expires_after(kAcceptPause);
  accept_timer->async_wait([this](error_code error) {
    if (!error && acceptor->is_open()) accept_next();
  });
}

bool Server::State::admit(const asio::ip::address& from) {
  MutexLock lock(mutex);
  if (connection_count >= config.connections_max) {
    log_refusal("as many connections are open as may be");
    return false;
  }
  std::size_t& of_address = per_address[from.to_string()];
  if (!from.is_loopback() && of_address >= config.connections_per_address_max) {
    log_refusal("one address has opened as many connections as it may");
    return false;
  }
  ++of_address;
  ++connection_count;
  return true;
}

void Server::State::forget(const asio::ip::address& from) {
  MutexLock lock(mutex);
  auto found = per_address.find(from.to_string());
  if (--found->second == 0) per_address.erase(found);
  if (--connection_count == 0) changed.notify_all();
}

void Server::State::log_refusal(std::string_view why) {
  static metrics::Counter& refused =
      metrics::counter("freshet_net_refused_connections_total", "Connections closed at accept");
  refused.add();
  std::int64_t now = clock.monotonic_ns();
  if (now < next_refusal_line_ns) return;
  next_refusal_line_ns = now + kRefusalLineEveryNs;
  log_warning("a connection was refused", {{"listener", config.name}, {"why", why}});
}

bool Server::State::wait_until_empty(std::int64_t us) {
  auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(us);
  MutexLock lock(mutex);
  while (connection_count > 0) {
    if (changed.wait_until(mutex, until) == std::cv_status::timeout) return connection_count == 0;
  }
  return true;
}

void Server::State::stop(std::int64_t grace_us) {
  if (stopped) return;
  stopped = true;
  // Wait for that, so that no connection reaches its loop after it was told to stop.
  std::promise<void> accepting_ended;
  asio::post(loops[0]->context(), [this, &accepting_ended] {
    error_code ignored;  // it listens no more in any case
    acceptor->close(ignored);
    accept_timer->cancel();
    accepting_ended.set_value();
  });
  accepting_ended.get_future().wait();
  for (auto& loop : loops) asio::post(loop->context(), [loop] { loop->stop_connections(); });
  if (!wait_until_empty(grace_us)) {
    for (auto& loop : loops) asio::post(loop->context(), [loop] { loop->close_connections(); });
  }
  for (auto& loop : loops) loop->join();
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  stop(0);
}

Result<std::unique_ptr<Server>> Server::open(ServerConfig config, ProtocolFactory factory,
                                             io::Clock& clock) {
  auto state = std::make_unique<State>(std::move(config), std::move(factory), clock);
  for (std::size_t i = 0; i < std::max<std::size_t>(state->config.threads, 1); ++i) {
    state->loops.push_back(std::make_shared<AsioLoop>(clock));
  }
  FRESHET_TRY_STATUS(state->listen());
  state->accept_next();
  for (std::size_t i = 0; i < state->loops.size(); ++i) {
    state->loops[i]->start(state->config.name + "-" + std::to_string(i));
  }
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

const std::string& Server::address() const {
  return state_->address;
}

std::uint16_t Server::port() const {
  return state_->port;
}

bool Server::bound_to_loopback() const {
  return state_->loopback;
}

std::size_t Server::connection_count() const {
  MutexLock lock(state_->mutex);
  return state_->connection_count;
}

void Server::stop(std::int64_t grace_us) {
  state_->stop(grace_us);
}

}  // namespace freshet::net

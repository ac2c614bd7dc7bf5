// One thread that runs Asio's reactor, and the connections that live on it.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "common/mutex.h"
#include "io/clock.h"
#include "net/protocol.h"

namespace freshet::net {

class TcpConnection;

// Made and joined by Server; kept alive by answers that are still to come. Except for post() and
// on_loop_thread(), loop thread only.
class AsioLoop : public Loop, public std::enable_shared_from_this<AsioLoop> {
 public:
  explicit AsioLoop(io::Clock& clock);
  ~AsioLoop() override;

  void start(const std::string& thread_name);
  // From another thread: drops what is posted from now on, lets the thread end once nothing is
  // pending, joins it.
  void join();

  void post(std::function<void()> task) override;
  bool on_loop_thread() const override;

  boost::asio::io_context& context() { return context_; }
  std::int64_t now_ns() { return clock_.monotonic_ns(); }
  // What a read fills before the protocol sees it: one for all connections, so that an idle one
  // costs none.
  std::vector<char>& read_buffer() { return read_buffer_; }

  void add(std::shared_ptr<TcpConnection> connection);
  void remove(const std::shared_ptr<TcpConnection>& connection);
  void stop_connections();
  void close_connections();

 private:
  void wait_for_posted();
  void run_posted();
  void arm_tick();
  void tick();
  std::vector<std::shared_ptr<TcpConnection>> connections() const;

  io::Clock& clock_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  // Deadlines are looked at by one timer for all, running only while there are connections: a timer
  // of each connection's own would be set anew with every request.
  boost::asio::steady_timer tick_timer_;
  bool ticking_ = false;
  std::thread thread_;
  std::atomic<std::thread::id> thread_id_;  // set by the thread itself, before it runs anything
  std::vector<char> read_buffer_;
  std::unordered_set<std::shared_ptr<TcpConnection>> connections_;
  // An eventfd: Asio's own post() wakes the loop while it holds a lock that the loop takes first.
  boost::asio::posix::stream_descriptor wake_;
  std::uint64_t wakes_ = 0;  // what is read of it
  bool ending_ = false;
  Mutex mutex_;
  std::vector<std::function<void()>> posted_ FRESHET_GUARDED_BY(mutex_);
  bool wakeup_pending_ FRESHET_GUARDED_BY(mutex_) = false;
  bool stopped_ FRESHET_GUARDED_BY(mutex_) = false;
};

}  // namespace freshet::net

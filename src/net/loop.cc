#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include "common/check.h"
#include "net/tcp_connection.h"

namespace freshet::net {

namespace {

constexpr auto kTickEvery = std::chrono::milliseconds(250);
constexpr std::size_t kReadBufferBytes = 256 * 1024;

int make_eventfd() {
  int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  FRESHET_CHECK(descriptor >= 0);
  return descriptor;
}

// Signals belong to the main thread.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

AsioLoop::AsioLoop(io::Clock& clock)
    : clock_(clock),
      work_(boost::asio::make_work_guard(context_)),
      tick_timer_(context_),
      read_buffer_(kReadBufferBytes),
      wake_(context_, make_eventfd()) {
  wait_for_posted();
}

AsioLoop::~AsioLoop() = default;

void AsioLoop::start(const std::string& thread_name) {
  thread_ = std::thread([this, thread_name] {
    pthread_setname_np(pthread_self(), thread_name.substr(0, 15).c_str());
    block_signals();
    thread_id_.store(std::this_thread::get_id());
    context_.run();
  });
}

void AsioLoop::join() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  boost::asio::post(context_, [this] {
    tick_timer_.cancel();
    run_posted();
    ending_ = true;
    wake_.cancel();
    work_.reset();
  });
  if (thread_.joinable()) thread_.join();
  MutexLock lock(mutex_);
  posted_.clear();
}

void AsioLoop::post(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    if (stopped_) return;
    posted_.push_back(std::move(task));
    if (wakeup_pending_) return;
    wakeup_pending_ = true;
  }
  // Not under the lock, which the loop would wake up only to wait for. Behind join() nobody reads
  // this, which is as well: it has run what was posted.
  std::uint64_t one = 1;
  (void)!::write(wake_.native_handle(), &one, sizeof(one));
}

void AsioLoop::wait_for_posted() {
  wake_.async_read_some(boost::asio::buffer(&wakes_, sizeof(wakes_)),
                        [this](boost::system::error_code error, std::size_t) {
                          if (error) return;
                          run_posted();
                          // A read that was done before join() cancelled it.
                          if (!ending_) wait_for_posted();
                        });
}

bool AsioLoop::on_loop_thread() const {
  return std::this_thread::get_id() == thread_id_.load(std::memory_order_relaxed);
}

void AsioLoop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    MutexLock lock(mutex_);
    wakeup_pending_ = false;
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void AsioLoop::add(std::shared_ptr<TcpConnection> connection) {
  connections_.insert(std::move(connection));
  if (!ticking_) arm_tick();
}

void AsioLoop::remove(const std::shared_ptr<TcpConnection>& connection) {
  connections_.erase(connection);
}

void AsioLoop::arm_tick() {
  ticking_ = true;
  tick_timer_.expires_after(kTickEvery);
  tick_timer_.async_wait([this](boost::system::error_code error) {
    ticking_ = false;
    if (!error) tick();
  });
}

void AsioLoop::tick() {
  std::int64_t now = now_ns();
  for (auto& connection : connections()) connection->tick(now);
  if (!connections_.empty()) arm_tick();
}

// A copy: a connection may remove itself meanwhile.
std::vector<std::shared_ptr<TcpConnection>> AsioLoop::connections() const {
  return {connections_.begin(), connections_.end()};
}

void AsioLoop::stop_connections() {
  for (auto& connection : connections()) connection->stop();
}

void AsioLoop::close_connections() {
  for (auto& connection : connections()) connection->close();
}

}  // namespace freshet::net

// Carries answers from any thread to the connection's loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "http/budget_hold.h"
#include "http/message.h"
#include "http/server.h"
#include "net/protocol.h"

namespace freshet::http {

// Shared between a connection and the answers that are still to come, because either may be gone
// first. deliver() from any thread; the rest on the loop's thread.
class Outbox : public std::enable_shared_from_this<Outbox> {
 public:
  struct Answer {
    std::uint64_t id;
    Response response;
    BudgetHold hold;  // of the response's body, until it is sent
  };

  // `collect` runs on the loop's thread when answers wait.
  Outbox(std::shared_ptr<net::Loop> loop, std::function<void()> collect)
      : loop_(std::move(loop)), collect_(std::move(collect)) {}

  void deliver(Answer&& answer);
  std::vector<Answer> take();
  // While busy the connection will look here by itself, so that no task is posted for answers that
  // are given at once.
  void set_busy(bool busy) { busy_ = busy; }
  // The connection is gone: later answers are dropped.
  void close() {
    collect_ = nullptr;
    open_.store(false, std::memory_order_relaxed);
  }
  bool is_open() const { return open_.load(std::memory_order_relaxed); }  // any thread

 private:
  std::shared_ptr<net::Loop> loop_;
  std::function<void()> collect_;
  bool busy_ = false;
  std::atomic<bool> open_{true};
  Mutex mutex_;
  std::vector<Answer> answers_ FRESHET_GUARDED_BY(mutex_);
  bool posted_ FRESHET_GUARDED_BY(mutex_) = false;
};

// What a handler calls with its answer. Dropped without an answer, it answers 500 by itself. `hold`
// is the request's; a large answer takes the budget anew, and becomes a 503 where that is full: a
// peer that asks and never reads must not fill the memory.
Respond make_respond(std::shared_ptr<Outbox> outbox, std::shared_ptr<const ServerOptions> options,
                     std::uint64_t id, BudgetHold hold);

}  // namespace freshet::http

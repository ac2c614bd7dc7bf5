// Where work runs that may wait: catalog writes, reads of the log, queries.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace freshet::io {

class Executor {
 public:
  virtual ~Executor() = default;
  // Any thread. False where the queue is full or stopping: the work will not run, tell the caller
  // to come again (kThrottled).
  [[nodiscard]] virtual bool post(std::function<void()> work) = 0;
};

// Threads behind one bounded queue, at a lower priority than net and shard threads (nice +5).
class ThreadPool : public Executor {
 public:
  ThreadPool(const char* name, std::size_t threads, std::size_t queue_max);
  ~ThreadPool() override;  // stop()
  bool post(std::function<void()> work) override;
  // Runs what was accepted, then ends the threads. Idempotent.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs the work inside post(): for tests and simulation.
class InlineExecutor : public Executor {
 public:
  bool post(std::function<void()> work) override {
    work();
    return true;
  }
};

}  // namespace freshet::io

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <deque>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "io/executor.h"

namespace freshet::io {

struct ThreadPool::State {
  Mutex mutex;
  ConditionVariable changed;
  std::deque<std::function<void()>> queue FRESHET_GUARDED_BY(mutex);
  bool stopping FRESHET_GUARDED_BY(mutex) = false;
  std::size_t queue_max;
  std::vector<std::thread> threads;

  void run(const char* name) {
    pthread_setname_np(pthread_self(), name);
    // On Linux the nice value belongs to the thread; a refusal only means equal priority.
    (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 5);
    for (;;) {
      std::function<void()> work;
      {
        MutexLock lock(mutex);
        while (!stopping && queue.empty()) changed.wait(mutex);
        if (queue.empty()) return;
        work = std::move(queue.front());
        queue.pop_front();
      }
      work();
    }
  }
};

ThreadPool::ThreadPool(const char* name, std::size_t threads, std::size_t queue_max)
    : state_(std::make_unique<State>()) {
  state_->queue_max = queue_max;
  for (std::size_t i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get(), name] { state->run(name); });
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

bool ThreadPool::post(std::function<void()> work) {
  {
    MutexLock lock(state_->mutex);
    if (state_->stopping || state_->queue.size() >= state_->queue_max) return false;
    state_->queue.push_back(std::move(work));
  }
  state_->changed.notify_one();
  return true;
}

void ThreadPool::stop() {
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace freshet::io

#include "io/parallel.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include "common/mutex.h"

namespace freshet::io {
namespace {

// Shared: a helper may come when everything is done and the caller gone.
struct Loop {
  Loop(std::size_t n, const std::function<void(std::size_t)>& w) : count(n), work(&w) {}

  void run() {
    for (;;) {
      std::size_t index = next.fetch_add(1);
      if (index >= count) return;
      (*work)(index);
      MutexLock lock(mutex);
      if (++done == count) all_done.notify_all();
    }
  }

  const std::size_t count;
  const std::function<void(std::size_t)>* work;  // lives until all calls have returned
  std::atomic<std::size_t> next{0};
  Mutex mutex;
  ConditionVariable all_done;
  std::size_t done FRESHET_GUARDED_BY(mutex) = 0;
};

}  // namespace

void parallel_for(Executor* executor, std::size_t helpers, std::size_t count,
                  const std::function<void(std::size_t)>& work) {
  if (executor == nullptr) helpers = 0;
  if (count == 0) return;
  auto loop = std::make_shared<Loop>(count, work);
  for (std::size_t i = 0; i < std::min(helpers, count - 1); ++i) {
    if (!executor->post([loop] { loop->run(); })) break;  // then with those that there are
  }
  loop->run();
  MutexLock lock(loop->mutex);
  while (loop->done < loop->count) loop->all_done.wait(loop->mutex);
}

}  // namespace freshet::io

// A mutex that clang's -Wthread-safety understands. Shared state wears FRESHET_GUARDED_BY(mutex_).
#pragma once

#include <condition_variable>
#include <mutex>

#ifdef __clang__
#define FRESHET_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define FRESHET_THREAD_ANNOTATION(x)
#endif
#define FRESHET_GUARDED_BY(x) FRESHET_THREAD_ANNOTATION(guarded_by(x))
#define FRESHET_REQUIRES(x) FRESHET_THREAD_ANNOTATION(requires_capability(x))

namespace freshet {

class FRESHET_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void lock() FRESHET_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() FRESHET_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
  bool try_lock() FRESHET_THREAD_ANNOTATION(try_acquire_capability(true)) {
    return mutex_.try_lock();
  }

 private:
  std::mutex mutex_;
};

class FRESHET_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) FRESHET_THREAD_ANNOTATION(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() FRESHET_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits on a Mutex: std::condition_variable_any, named once. Under a MutexLock, as a loop:
//   while (!ready_) changed_.wait(mutex_);
// A std::unique_lock, and a predicate in a lambda, are beyond what -Wthread-safety follows.
using ConditionVariable = std::condition_variable_any;

}  // namespace freshet

// The fall-back where io_uring is not permitted: one thread that writes and syncs, in the order of
// submission.
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <thread>

#include "common/logging.h"
#include "common/mutex.h"
#include "io/write_queue.h"

namespace freshet::io {
namespace {

// With both cores busy an ordinary thread wakes up to a time slice (3–4 ms) late, so ask for a
// real-time class, then for a better nice value.
const char* raise_priority() {
  sched_param priority{};
  priority.sched_priority = 1;
  if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) == 0) return "SCHED_FIFO";
  if (setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), -10) == 0) return "nice -10";
  return "none";
}

class ThreadWriteQueue : public WriteQueue {
 public:
  ThreadWriteQueue() : thread_([this] { run(); }) {}
  ~ThreadWriteQueue() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    work_.notify_one();
    thread_.join();
  }

  void submit(File& file, std::uint64_t offset, std::span<const std::byte> bytes,
              std::uint64_t tag) override {
    {
      MutexLock lock(mutex_);
      writes_.push_back({&file, offset, bytes, tag});
    }
    work_.notify_one();
  }

  void wait(std::vector<Completion>& done, std::int64_t timeout_us) override {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(timeout_us);
    MutexLock lock(mutex_);
    while (done_.empty() && !woken_ && timeout_us > 0) {
      if (finished_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
    }
    woken_ = false;
    for (Completion& completion : done_) done.push_back(std::move(completion));
    done_.clear();
  }

  void wake() override {
    {
      MutexLock lock(mutex_);
      woken_ = true;
    }
    finished_.notify_one();
  }

  std::string_view kind() const override { return "thread"; }

 private:
  struct Write {
    File* file = nullptr;
    std::uint64_t offset = 0;
    std::span<const std::byte> bytes;
    std::uint64_t tag = 0;
  };

  void run() {
    pthread_setname_np(pthread_self(), "log-writer");
    std::string_view raised = raise_priority();
    log_info("log write thread started",
             {{"raised_priority", raised},
              {"advice", raised == "none" ? "grant CAP_SYS_NICE, or permit io_uring, for lower and "
                                            "steadier acknowledgement times"
                                          : ""}});
    for (;;) {
      Write write;
      {
        MutexLock lock(mutex_);
        while (!stopping_ && writes_.empty()) work_.wait(mutex_);
        // What was submitted is written even while stopping: its buffers live until then.
        if (writes_.empty()) return;
        write = writes_.front();
        writes_.pop_front();
      }
      Status status = write.file->write(write.offset, write.bytes);
      if (status.has_value()) status = write.file->sync();
      {
        MutexLock lock(mutex_);
        done_.push_back({write.tag, std::move(status)});
      }
      finished_.notify_one();
    }
  }

  Mutex mutex_;
  ConditionVariable work_;
  ConditionVariable finished_;
  std::deque<Write> writes_ FRESHET_GUARDED_BY(mutex_);
  std::vector<Completion> done_ FRESHET_GUARDED_BY(mutex_);
  bool woken_ FRESHET_GUARDED_BY(mutex_) = false;
  bool stopping_ FRESHET_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when all else stands
};

}  // namespace

std::unique_ptr<WriteQueue> make_thread_write_queue() {
  return std::make_unique<ThreadWriteQueue>();
}

std::unique_ptr<WriteQueue> make_write_queue() {
  Result<std::unique_ptr<WriteQueue>> ring = make_uring_write_queue();
  if (ring.has_value()) return *std::move(ring);
  log_warning("log writes go through a thread", {{"reason", ring.error().message()}});
  return make_thread_write_queue();
}

}  // namespace freshet::io

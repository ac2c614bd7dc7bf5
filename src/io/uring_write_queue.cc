// Writes through io_uring, submitted and reaped by the thread that owns the queue: no second thread
// has to be scheduled between a finished write and its acknowledgement (with both cores busy an
// ordinary commit thread wakes 3–4 ms late).
#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>

#include "common/check.h"
#include "io/disk_error.h"
#include "io/write_queue.h"

namespace freshet::io {
namespace {

constexpr unsigned kRingEntries = 64;
constexpr std::uint64_t kWakeUserData = ~std::uint64_t{0};

struct Write {
  std::uint64_t tag = 0;
  int descriptor = -1;
  std::uint64_t offset = 0;
  std::span<const std::byte> left;  // shrinks when the kernel takes only a part
};

class UringWriteQueue : public WriteQueue {
 public:
  UringWriteQueue() = default;
  ~UringWriteQueue() override {
    if (event_descriptor_ >= 0 && ring_open_) drain();
    if (ring_open_) io_uring_queue_exit(&ring_);
    if (event_descriptor_ >= 0) ::close(event_descriptor_);
  }

  Status open() {
    int failure = io_uring_queue_init(kRingEntries, &ring_, 0);
    if (failure < 0) return unsupported(-failure, "io_uring_setup");
    ring_open_ = true;
    FRESHET_TRY_STATUS(probe());
    // Blocking, so that the ring waits for it; nobody else reads it.
    event_descriptor_ = ::eventfd(0, EFD_CLOEXEC);
    if (event_descriptor_ < 0) return unsupported(errno, "eventfd");
    arm_wake();
    int submitted = io_uring_submit(&ring_);
    if (submitted < 0) return unsupported(-submitted, "io_uring_enter");
    return ok();
  }

  void submit(File& file, std::uint64_t offset, std::span<const std::byte> bytes,
              std::uint64_t tag) override {
    FRESHET_CHECK(file.descriptor() >= 0);
    std::size_t slot = take_slot();
    writes_[slot] = {tag, file.descriptor(), offset, bytes};
    ++in_flight_;
    start(slot);
  }

  void wait(std::vector<Completion>& done, std::int64_t timeout_us) override {
    std::size_t before = done.size();
    if (reap(done) || done.size() > before || timeout_us <= 0) return;
    __kernel_timespec limit{.tv_sec = timeout_us / 1'000'000,
                            .tv_nsec = timeout_us % 1'000'000 * 1000};
    io_uring_cqe* entry = nullptr;
    // A signal or the end of the time both mean: go back to the caller's loop.
    (void)io_uring_submit_and_wait_timeout(&ring_, &entry, 1, &limit, nullptr);
    (void)reap(done);
  }

  void wake() override {
    std::uint64_t one = 1;
    // Fails only when the counter is at its maximum, and then the wake is there already.
    (void)!::write(event_descriptor_, &one, sizeof(one));
  }

  std::string_view kind() const override { return "io_uring"; }

 private:
  static Error unsupported(int failure, const char* call) {
    return Error(Code::kUnsupported, std::string("io_uring is not permitted here (") + call + ": " +
                                         std::strerror(failure) + ")");
  }

  Status probe() {
    io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
    if (probe == nullptr) return unsupported(ENOSYS, "io_uring_register");
    bool able = io_uring_opcode_supported(probe, IORING_OP_WRITE) != 0 &&
                io_uring_opcode_supported(probe, IORING_OP_READ) != 0;
    io_uring_free_probe(probe);
    // Without EXT_ARG a timed wait costs a submission of its own.
    able = able && (ring_.features & IORING_FEAT_EXT_ARG) != 0;
    return able ? ok() : Status(unsupported(ENOSYS, "a kernel before 5.11"));
  }

  std::size_t take_slot() {
    if (free_slots_.empty()) {
      writes_.emplace_back();
      return writes_.size() - 1;
    }
    std::size_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }

  io_uring_sqe* next_entry() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) {
      flush();
      entry = io_uring_get_sqe(&ring_);
    }
    FRESHET_CHECK(entry != nullptr);
    return entry;
  }

  void start(std::size_t slot) {
    const Write& write = writes_[slot];
    io_uring_sqe* entry = next_entry();
    io_uring_prep_write(entry, write.descriptor, write.left.data(),
                        static_cast<unsigned>(write.left.size()), write.offset);
    // Durable also where the file was opened without O_DSYNC.
    entry->rw_flags = RWF_DSYNC;
    entry->user_data = slot;
    flush();
  }

  // Submitted with the next write or the next wait, whichever is first: whoever does neither looks
  // for work by itself.
  void arm_wake() {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_read(entry, event_descriptor_, &wakes_, sizeof(wakes_), 0);
    entry->user_data = kWakeUserData;
  }

  void flush() {
    for (;;) {
      int submitted = io_uring_submit(&ring_);
      if (submitted >= 0) return;
      // EAGAIN and EBUSY: the kernel has no memory or completions to hand over first.
      FRESHET_CHECK(submitted == -EINTR || submitted == -EAGAIN || submitted == -EBUSY);
      if (submitted == -EBUSY) (void)reap(early_);
    }
  }

  // Takes everything that has finished. True where a wake() was among it.
  bool reap(std::vector<Completion>& done) {
    if (&done != &early_ && !early_.empty()) {
      for (Completion& completion : early_) done.push_back(std::move(completion));
      early_.clear();
    }
    bool woken = std::exchange(woken_early_, false);
    io_uring_cqe* entry = nullptr;
    while (io_uring_peek_cqe(&ring_, &entry) == 0 && entry != nullptr) {
      std::uint64_t user_data = entry->user_data;
      int outcome = entry->res;
      io_uring_cqe_seen(&ring_, entry);
      if (user_data == kWakeUserData) {
        woken = true;
        arm_wake();
      } else {
        finish(static_cast<std::size_t>(user_data), outcome, done);
      }
    }
    if (&done == &early_) woken_early_ = woken;
    return woken;
  }

  void finish(std::size_t slot, int outcome, std::vector<Completion>& done) {
    Write& write = writes_[slot];
    if (outcome == -EINTR || outcome == -EAGAIN) return start(slot);
    if (outcome > 0 && static_cast<std::size_t>(outcome) < write.left.size()) {
      write.offset += static_cast<std::uint64_t>(outcome);
      write.left = write.left.subspan(static_cast<std::size_t>(outcome));
      return start(slot);
    }
    Status status = ok();
    if (outcome <= 0) {
      status = disk_error(outcome == 0 ? ENOSPC : -outcome, "write",
                          "descriptor " + std::to_string(write.descriptor));
    }
    done.push_back({write.tag, std::move(status)});
    free_slots_.push_back(slot);
    --in_flight_;
  }

  // The kernel may still read the callers' buffers; nobody is left to hear the outcome.
  void drain() {
    std::vector<Completion> unheard;
    while (in_flight_ > 0) wait(unheard, 1'000'000);
  }

  io_uring ring_{};
  bool ring_open_ = false;
  int event_descriptor_ = -1;
  std::uint64_t wakes_ = 0;   // what is read of it
  std::deque<Write> writes_;  // stable addresses; slot numbers are the ring's user data
  std::vector<std::size_t> free_slots_;
  std::size_t in_flight_ = 0;
  std::vector<Completion> early_;  // reaped while submitting, not yet handed out
  bool woken_early_ = false;
};

}  // namespace

Result<std::unique_ptr<WriteQueue>> make_uring_write_queue() {
  auto queue = std::make_unique<UringWriteQueue>();
  FRESHET_TRY_STATUS(queue->open());
  return std::unique_ptr<WriteQueue>(std::move(queue));
}

}  // namespace freshet::io

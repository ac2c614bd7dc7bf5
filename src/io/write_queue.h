// Durable writes in the background, and the one place where a shard thread sleeps.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "io/disk.h"

namespace freshet::io {

struct Completion {
  std::uint64_t tag = 0;
  Status status;  // ok: all bytes are on stable storage
};

// Owned and called by one shard thread, but for wake(). Three sides: io_uring; a thread with pwrite
// and fdatasync, where io_uring is not permitted; the simulated disk.
class WriteQueue {
 public:
  virtual ~WriteQueue() = default;
  // Starts a durable write. `bytes` (kDirectBytes-aligned in address, offset and length) and `file`
  // must outlive its completion. Completions may come in any order.
  virtual void submit(File& file, std::uint64_t offset, std::span<const std::byte> bytes,
                      std::uint64_t tag) = 0;
  // Appends what has finished. Returns at once if something has, else sleeps until a completion, a
  // wake() or the timeout. A wake() that came before is not lost. timeout_us 0 only looks.
  virtual void wait(std::vector<Completion>& done, std::int64_t timeout_us) = 0;
  // Any thread: makes a present or the next wait() return.
  virtual void wake() = 0;
  // "io_uring", "thread" or "simulated": said at start.
  virtual std::string_view kind() const = 0;
};

// io_uring where the kernel permits it, else the thread.
std::unique_ptr<WriteQueue> make_write_queue();
// kUnsupported where the kernel forbids io_uring.
Result<std::unique_ptr<WriteQueue>> make_uring_write_queue();
std::unique_ptr<WriteQueue> make_thread_write_queue();

}  // namespace freshet::io

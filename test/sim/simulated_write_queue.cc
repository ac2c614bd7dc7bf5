#include "sim/simulated_write_queue.h"

#include <utility>

namespace freshet::sim {

void SimulatedWriteQueue::submit(io::File& file, std::uint64_t offset,
                                 std::span<const std::byte> bytes, std::uint64_t tag) {
  writes_.push_back({&file, offset, bytes, tag});
}

void SimulatedWriteQueue::wait(std::vector<io::Completion>& done, std::int64_t timeout_us) {
  for (io::Completion& completion : interrupted_) done.push_back(std::move(completion));
  interrupted_.clear();
  bool must = timeout_us > 0 && done.empty() && !std::exchange(woken_, false);
  std::uint64_t count = writes_.empty() ? 0 : random_.below(writes_.size() + 1);
  if (must && count == 0 && !writes_.empty()) count = 1;
  for (; count > 0; --count) {
    auto chosen = writes_.begin() + static_cast<std::ptrdiff_t>(random_.below(writes_.size()));
    Write write = *chosen;
    writes_.erase(chosen);
    // The file was opened for durable writes, or is made durable here: either way a good answer is
    // a promise. Faults and crashes come from the disk.
    done.push_back({write.tag, write.file->write(write.offset, write.bytes)});
    if (disk_.is_off()) break;
  }
  if (timeout_us > 0) clock_.advance_us(static_cast<std::int64_t>(1 + random_.below(500)));
}

void SimulatedWriteQueue::interrupt() {
  for (const Write& write : std::exchange(writes_, {})) {
    if (!disk_.is_off()) disk_.begin_write(*write.file, write.offset, write.bytes);
    interrupted_.push_back({write.tag, Error(Code::kIo, "the process that wrote is gone")});
  }
}

}  // namespace freshet::sim

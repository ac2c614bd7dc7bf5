// Memory on a page boundary, as direct writes need it. Grows by doubling, keeps its content.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "common/bytes.h"
#include "common/check.h"
#include "log/format.h"

namespace freshet::log {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t capacity) { grow(capacity, 0); }

  std::byte* data() { return memory_.get(); }
  const std::byte* data() const { return memory_.get(); }
  std::size_t capacity() const { return capacity_; }

  // Makes room for `capacity` bytes; the first `keep` bytes stay.
  void grow(std::size_t capacity, std::size_t keep) {
    if (capacity <= capacity_) return;
    std::size_t wanted = capacity_ * 2 > capacity ? capacity_ * 2 : capacity;
    wanted = round_up(wanted, kPageBytes);
    std::unique_ptr<std::byte, Free> bigger(
        static_cast<std::byte*>(std::aligned_alloc(kPageBytes, wanted)));
    FRESHET_CHECK(bigger != nullptr);
    if (keep > 0) std::memcpy(bigger.get(), memory_.get(), keep);
    memory_ = std::move(bigger);
    capacity_ = wanted;
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t capacity_ = 0;
};

}  // namespace freshet::log

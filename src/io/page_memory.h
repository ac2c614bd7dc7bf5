// A piece of zeroed memory that is made present as it is touched and goes back to the system at its
// end, whatever else was allocated meanwhile. A large one is on large pages where the kernel has
// them, and can be given back from its front.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace freshet::io {

class PageMemory {
 public:
  PageMemory() = default;
  // Ends the process where the address space is used up, as operator new does.
  explicit PageMemory(std::size_t bytes);
  PageMemory(PageMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)),
        released_(std::exchange(other.released_, 0)) {}
  PageMemory& operator=(PageMemory&& other) noexcept;
  ~PageMemory();

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  // Nobody will read the first `end` bytes again.
  void release_front(std::size_t end);

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t released_ = 0;
};

}  // namespace freshet::io

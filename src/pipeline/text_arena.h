// Memory for texts of unknown number whose addresses must not move: blocks that are filled one
// after another and let go all at once.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace freshet::pipeline {

// One thread. The views it gives live until release() or its end.
class TextArena {
 public:
  static constexpr std::size_t kBlockBytes = 64 * 1024;

  // Room for `bytes` bytes, not initialised.
  char* allocate(std::size_t bytes) {
    if (bytes > room_) next_block(bytes);
    char* at = next_;
    next_ += bytes;
    room_ -= bytes;
    return at;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = allocate(text.size());
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }
  // Everything given so far is void. The first block stays, so that steady use allocates nothing.
  void release() {
    if (blocks_.empty()) return;
    blocks_.resize(1);
    bytes_ = first_bytes_;
    next_ = blocks_[0].get();
    room_ = first_bytes_;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  void next_block(std::size_t bytes) {
    std::size_t size = bytes > kBlockBytes ? bytes : kBlockBytes;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    if (blocks_.size() == 1) first_bytes_ = size;
    bytes_ += size;
    next_ = blocks_.back().get();
    room_ = size;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t bytes_ = 0;
  std::size_t first_bytes_ = 0;
  char* next_ = nullptr;
  std::size_t room_ = 0;
};

}  // namespace freshet::pipeline

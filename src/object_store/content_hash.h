// The folder side's etag, made while the bytes pass: size and XXH3, "1f4-0123…".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace freshet::object_store {

class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;
  void update(std::span<const std::byte> bytes);
  std::uint64_t bytes() const { return bytes_; }
  std::string etag() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::uint64_t bytes_ = 0;
};

}  // namespace freshet::object_store

// A file that lasts as long as its object: bytes on their way to a reader that wants a path.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/result.h"

namespace freshet::app {

class TemporaryFile {
 public:
  // An empty file; its folder is made where it is missing.
  static Result<TemporaryFile> make(std::string path);
  TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile();

  Status append(std::string_view bytes);
  const std::string& path() const { return path_; }
  // An error about this file, as one about what the caller knows it by.
  Error about(const Error& error, std::string_view name) const;

 private:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace freshet::app

// The files of a server that demo and bench run on: configuration and both reference tables.
#pragma once

#include <string>

#include "common/result.h"

namespace freshet::cli {

// Writes freshet.toml, cameras.csv and locations.csv; gives the path of the first.
Result<std::string> write_fleet_files(const std::string& directory);

// A folder that is removed with its contents at the end, unless it is to be kept.
class TemporaryFolder {
 public:
  // Inside `parent`, or in the system's folder for temporary files where that is "".
  static Result<TemporaryFolder> make(const std::string& parent);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  const std::string& path() const { return path_; }
  void keep() { is_kept_ = true; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
  bool is_kept_ = false;
};

}  // namespace freshet::cli

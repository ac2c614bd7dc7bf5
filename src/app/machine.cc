#include "app/machine.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace freshet::app {
namespace {

namespace fs = std::filesystem;

// The number in the file; the largest one where it is missing or says "max".
std::uint64_t limit_in(const char* path) {
  std::ifstream file(path);
  std::string text;
  std::uint64_t limit = 0;
  if (!(file >> text)) return UINT64_MAX;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), limit);
  return failed == std::errc() && limit > 0 ? limit : UINT64_MAX;
}

std::uint64_t bytes_below(const fs::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  fs::recursive_directory_iterator it(directory, fs::directory_options::skip_permission_denied,
                                      failed);
  for (fs::recursive_directory_iterator end; !failed && it != end; it.increment(failed)) {
    std::error_code gone;  // files come and go under a running server
    if (!it->is_regular_file(gone)) continue;
    auto size = it->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace

std::uint64_t machine_memory_bytes() {
  auto physical = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                  static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return std::min({physical, limit_in("/sys/fs/cgroup/memory.max"),
                   limit_in("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
}

std::uint64_t disk_room_bytes(const std::string& directory) {
  std::error_code failed;
  fs::path at = fs::absolute(directory, failed);
  while (!failed && !fs::exists(at, failed) && at.has_relative_path()) at = at.parent_path();
  auto space = fs::space(at, failed);
  if (failed) return 0;
  return space.available + bytes_below(directory);
}

}  // namespace freshet::app

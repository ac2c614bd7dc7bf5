#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "common/bytes.h"
#include "io/disk.h"
#include "io/disk_error.h"

namespace freshet::io {
namespace {

std::string holder_of(int descriptor) {
  char text[32] = {};
  ssize_t got = ::pread(descriptor, text, sizeof(text) - 1, 0);
  if (got <= 0) return "another process";
  std::string holder(text, static_cast<std::size_t>(got));
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return "process " + holder;
}

// Only words for whoever finds the lock taken; the flock itself is what excludes.
void write_holder(int descriptor) {
  std::string text = std::to_string(::getpid()) + "\n";
  bool written =
      ::ftruncate(descriptor, 0) == 0 &&
      ::pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  // A full disk must not keep a server from starting to serve reads.
  (void)written;
}

}  // namespace

Result<DirectoryLock> DirectoryLock::acquire(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (descriptor < 0) return disk_error(errno, "open lock", path);
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    int failure = errno;
    if (failure == EINTR) continue;
    std::string holder = holder_of(descriptor);
    ::close(descriptor);
    if (failure != EWOULDBLOCK) return disk_error(failure, "lock", path);
    return Error(Code::kExists, 3010,
                 path + " is held by " + holder +
                     ": one process writes a data directory; stop that one, or choose another "
                     "directory");
  }
  write_holder(descriptor);
  return DirectoryLock(descriptor);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : descriptor_(other.descriptor_) {
  other.descriptor_ = -1;
}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace freshet::io

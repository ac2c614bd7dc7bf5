#include "hot/arena.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/check.h"

namespace freshet::hot {
namespace {

Error system_error(const std::string& table, const char* what, const char* hint) {
  return Error(Code::kIo, 3303,
               fmt::format("table {}: {} for a chunk in shared memory failed: {}; {}", table, what,
                           std::strerror(errno), hint));
}

}  // namespace

Arena::~Arena() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Arena::Range> Arena::map(std::uint64_t bytes) {
  if (fd_ < 0) {
    fd_ = ::memfd_create(("freshet-" + name_).substr(0, 200).c_str(), MFD_CLOEXEC);
    if (fd_ < 0) return system_error(name_, "memfd_create", "raise the limit of open files");
  }
  if (::ftruncate(fd_, static_cast<off_t>(end_ + bytes)) != 0)
    return system_error(name_, "ftruncate", "check the limit of file sizes (ulimit -f)");
  void* base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd_,
                      static_cast<off_t>(end_));
  if (base == MAP_FAILED)
    return system_error(name_, "mmap", "check ulimit -v and vm.max_map_count");
  Range range{static_cast<std::byte*>(base), end_, bytes};
  end_ += bytes;
  return range;
}

void Arena::discard(const Range& range, std::uint64_t from, std::uint64_t bytes) {
  if (bytes == 0) return;
  // Can fail only for a range or descriptor that is not ours.
  int failed = 0;
  do {
    failed = ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         static_cast<off_t>(range.offset + from), static_cast<off_t>(bytes));
  } while (failed != 0 && errno == EINTR);
  FRESHET_CHECK(failed == 0);
}

void Arena::unmap(const Range& range) {
  FRESHET_CHECK(::munmap(range.base, range.bytes) == 0);
  discard(range, 0, range.bytes);
}

Result<Arena::Range> Arena::map_file(int descriptor, std::uint64_t bytes) const {
  void* base = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  if (base == MAP_FAILED)
    return system_error(name_, "mmap of a file", "check ulimit -v and vm.max_map_count");
  // Rows are looked up here and there: reading around them would only push out other pages.
  (void)::madvise(base, bytes, MADV_RANDOM);
  return Range{static_cast<std::byte*>(base), 0, bytes};
}

void Arena::unmap_file(const Range& range) {
  FRESHET_CHECK(::munmap(range.base, range.bytes) == 0);
}

void Arena::populate(const Range& range, std::uint64_t from, std::uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  // Linux before 5.14 answers EINVAL; then each page faults in when it is written. So no error
  // matters.
  (void)::madvise(range.base + from, bytes, MADV_POPULATE_WRITE);
#else
  (void)range, (void)from, (void)bytes;
#endif
}

bool Arena::try_take(std::uint64_t bytes) {
  if (!budget_.try_take(bytes)) return false;
  used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

void Arena::give_back(std::uint64_t bytes) {
  used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  budget_.give_back(bytes);
}

}  // namespace freshet::hot

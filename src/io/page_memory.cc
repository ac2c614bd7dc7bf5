#include "io/page_memory.h"

#include <sys/mman.h>

#include "common/bytes.h"
#include "common/check.h"

namespace freshet::io {
namespace {

// Random reads over gigabytes miss the TLB each time on small pages.
constexpr std::size_t kLargePageBytes = 2u << 20;
constexpr std::size_t kPageBytes = 4096;

}  // namespace

PageMemory::PageMemory(std::size_t bytes)
    : bytes_(round_up(bytes, bytes < kLargePageBytes ? kPageBytes : kLargePageBytes)) {
  if (bytes == 0) return;
  void* at = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  FRESHET_CHECK(at != MAP_FAILED);
  data_ = static_cast<std::byte*>(at);
  // A hint: without it everything works, slower. For little memory it would only cost more.
  if (bytes_ > 8 * kLargePageBytes) ::madvise(at, bytes_, MADV_HUGEPAGE);
}

PageMemory& PageMemory::operator=(PageMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(released_, other.released_);
  return *this;
}

PageMemory::~PageMemory() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

void PageMemory::release_front(std::size_t end) {
  std::size_t whole = end / kLargePageBytes * kLargePageBytes;
  if (whole <= released_) return;
  FRESHET_CHECK(::madvise(data_ + released_, whole - released_, MADV_DONTNEED) == 0);
  released_ = whole;
}

}  // namespace freshet::io

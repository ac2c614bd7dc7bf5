#include "pipeline/crash_marker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace freshet::pipeline {

Result<std::unique_ptr<CrashMarker>> CrashMarker::open(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return Error(Code::kIo, 3401,
                 fmt::format("{}: cannot open the crash marker: {}", path, std::strerror(errno)));
  }
  void* memory = MAP_FAILED;
  if (ftruncate(descriptor, sizeof(Page)) == 0) {
    memory = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  }
  int error = errno;
  ::close(descriptor);
  if (memory == MAP_FAILED) {
    return Error(Code::kIo, 3401,
                 fmt::format("{}: cannot map the crash marker: {}", path, std::strerror(error)));
  }
  auto* page = static_cast<Page*>(memory);
  std::optional<Found> found;
  if (page->state != kIdle) {
    found = Found{.record_hash = page->state == kInRecord ? page->record_hash : 0,
                  .first = Position{page->first_position},
                  .last = Position{page->last_position}};
  }
  *page = Page{};
  return std::unique_ptr<CrashMarker>(new CrashMarker(page, found));
}

CrashMarker::~CrashMarker() {
  munmap(page_, sizeof(Page));
}

void CrashMarker::begin_batch(Position first, Position last) {
  // Not read unless the state says that a batch is in work, and that is stored behind them.
  std::atomic_ref(page_->first_position).store(first.value, std::memory_order_relaxed);
  std::atomic_ref(page_->last_position).store(last.value, std::memory_order_relaxed);
  begin_all();
}

void CrashMarker::extend_batch(Position last) {
  std::atomic_ref(page_->last_position).store(last.value, std::memory_order_relaxed);
  begin_all();
}

void CrashMarker::shorten_batch(Position first) {
  std::atomic_ref(page_->first_position).store(first.value, std::memory_order_relaxed);
}

void CrashMarker::store(State state, std::uint64_t record_hash) {
  // The hash first: a crash between the two stores must not blame the record before.
  std::atomic_ref(page_->record_hash).store(record_hash, std::memory_order_relaxed);
  std::atomic_ref(page_->state).store(state, std::memory_order_release);
}

}  // namespace freshet::pipeline

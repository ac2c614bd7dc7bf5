#include "sql/deadline.h"

#include <chrono>

namespace freshet::sql {
namespace {

// DuckDB's work takes real time, so this is the machine's clock even in tests.
std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Deadlines::Deadlines() : thread_([this] { run(); }) {}

void Deadlines::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::uint64_t Deadlines::add(std::int64_t timeout_us, std::function<void()> expired) {
  std::uint64_t id = 0;
  {
    MutexLock lock(mutex_);
    id = next_id_++;
    entries_.emplace(now_ns() + timeout_us * 1000, Entry{id, std::move(expired)});
  }
  changed_.notify_all();
  return id;
}

void Deadlines::remove(std::uint64_t id) {
  MutexLock lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->second.id == id) {
      entries_.erase(entry);
      return;
    }
  }
}

void Deadlines::run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (entries_.empty()) {
      changed_.wait(mutex_);
      continue;
    }
    std::int64_t left_ns = entries_.begin()->first - now_ns();
    if (left_ns > 0) {
      changed_.wait_for(mutex_, std::chrono::nanoseconds(left_ns));
      continue;
    }
    entries_.begin()->second.expired();
    entries_.erase(entries_.begin());
  }
}

}  // namespace freshet::sql

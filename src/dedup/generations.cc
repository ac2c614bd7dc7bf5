#include "dedup/generations.h"

#include <limits>
#include <new>

namespace freshet::dedup {

void Generations::Spare::touch(std::size_t bytes) {
  static constexpr std::size_t kPageBytes = 4096;
  auto* at = reinterpret_cast<volatile char*>(memory->data());
  for (std::size_t offset = 0; offset < bytes; offset += kPageBytes) at[offset] = 0;
  is_ready.store(true, std::memory_order_release);
}

Generation Generations::make() {
  Generation fresh;
  fresh.last_seen_us = std::numeric_limits<std::int64_t>::min();
  if (spare_ != nullptr && spare_->is_ready.load(std::memory_order_acquire))
    fresh.memory = std::move(spare_->memory);
  spare_.reset();
  // A first generation may be the only one: ids come slowly then, and need nothing ahead.
  if (background_ != nullptr && !all_.empty()) {
    auto next = std::make_shared<Spare>(entries_each());
    std::size_t bytes = sizeof(DedupEntry) * entries_each();
    if (background_->post([next, bytes] { next->touch(bytes); })) spare_ = std::move(next);
  }
  if (fresh.memory == nullptr) fresh.memory = Generation::make_memory(entries_each());
  return fresh;
}

std::uint64_t Generations::append(const DedupEntry& entry) {
  Generation& youngest = all_.back();
  // No slot leads here yet, so no reader does.
  new (&youngest.entries()[youngest.used]) DedupEntry(entry);
  std::uint64_t number = first_number_ + ((all_.size() - 1) << bits_) + youngest.used;
  ++youngest.used;
  ++youngest.living;
  youngest.last_seen_us = std::max(youngest.last_seen_us, entry.last_seen_us);
  if (entry.row != kDedupNoRow) youngest.rows_end = std::max(youngest.rows_end, entry.row + 1);
  return number;
}

}  // namespace freshet::dedup

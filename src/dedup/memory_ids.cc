#include "dedup/memory_ids.h"

#include <utility>

#include "common/check.h"

namespace freshet::dedup {
namespace {

constexpr std::uint32_t kSlotsMin = 16;
// Numbers alive at once stay well below 2^32, so that low bits tell them apart.
constexpr std::uint64_t kEntriesMax = (std::uint64_t{1} << 32) - (1u << 26);
// Of the index, per slot in use: 8 bytes, half as many again after a rebuild, over the lowest load.
constexpr std::uint64_t kIndexBytesPerSlot = 18;
constexpr std::uint64_t kFixedBytes = 640 * 1024;  // parts, stripes, the smallest tables

constexpr std::uint64_t slot_of(std::uint32_t hash, std::uint64_t number) {
  return std::uint64_t{hash} << 32 | (number & 0xFFFF'FFFF);
}

}  // namespace

MemoryIds::MemoryIds(const MemoryIdsConfig& config, io::Executor* background)
    : fingerprint_mask_(config.fingerprint_bits >= 32 ? ~0u : (1u << config.fingerprint_bits) - 1),
      plant_unconfirmed_hits_(config.plant_unconfirmed_hits),
      parts_(kPartCount),
      generations_(config.generation_bits, background) {
  FRESHET_CHECK(config.fingerprint_bits >= 1);
}

// The order of places is that of hashes, so a rebuild writes its slots nearly in order.
std::uint32_t MemoryIds::place_of(std::uint32_t hash, std::uint32_t capacity) {
  std::uint64_t rest = hash & ((1u << kPlaceBits) - 1);
  return static_cast<std::uint32_t>(rest * capacity >> kPlaceBits);
}

// Parts are rebuilt at loads between 0.70 and 0.85.
std::uint64_t MemoryIds::load_per_mille(std::uint32_t part) {
  return 700 + 150ull * part / kPartCount;
}

void MemoryIds::lock_all() const {
  for (Stripe& stripe : stripes_) stripe.mutex.lock();
}

void MemoryIds::unlock_all() const {
  for (Stripe& stripe : stripes_) stripe.mutex.unlock();
}

std::optional<DedupEntry> MemoryIds::find(EventId id, std::uint32_t hash) const {
  MutexLock lock(stripe_of(hash));
  auto found = probe(id, hash);
  if (found.slot == nullptr) return std::nullopt;
  return generations_.entry_at(found.number);
}

void MemoryIds::prefetch(std::uint32_t hash) const {
  const Part& part = parts_[part_of(hash)];
  if (part.capacity != 0) __builtin_prefetch(&part.slots[place_of(hash, part.capacity)]);
}

MemoryIds::Probe MemoryIds::probe(EventId id, std::uint32_t hash) const {
  const Part& part = parts_[part_of(hash)];
  Probe result;
  if (part.capacity == 0) return result;
  std::uint32_t place = place_of(hash, part.capacity);
  while (true) {
    std::uint64_t& slot = part.slots[place];
    if (slot == 0) {
      if (result.free_slot == nullptr) result.free_slot = &slot;
      return result;
    }
    auto number = generations_.number_of(slot);
    if (!number) {
      if (result.free_slot == nullptr) result.free_slot = &slot;
    } else if (fingerprint_equal(slot, hash) &&
               (plant_unconfirmed_hits_ || generations_.entry_at(*number).id == id)) {
      result.slot = &slot;
      result.number = *number;
      return result;
    }
    if (++place == part.capacity) place = 0;
  }
}

void MemoryIds::add_generation() {
  Generation fresh = generations_.make();
  lock_all();
  generations_.push(std::move(fresh));
  unlock_all();
  FRESHET_CHECK(can_number(0));
}

void MemoryIds::pop_oldest() {
  lock_all();
  Generation gone = generations_.pop();
  unlock_all();
  living_.fetch_sub(gone.living, std::memory_order_relaxed);
}

// Makes a part anew from its living slots. `slots` of the old table stay whole until readers have
// left it: they hold the stripe.
void MemoryIds::rebuild(std::uint32_t part_index) {
  Part& part = parts_[part_index];
  std::uint32_t living_slots = 0;
  for (std::uint32_t i = 0; i < part.capacity; ++i)
    living_slots += part.slots[i] != 0 && generations_.number_of(part.slots[i]) ? 1 : 0;
  auto capacity = static_cast<std::uint32_t>(living_slots * 1500ull / load_per_mille(part_index));
  capacity = std::max(kSlotsMin, capacity + 1);
  auto slots = std::make_unique<std::uint64_t[]>(capacity);
  for (std::uint32_t i = 0; i < part.capacity; ++i) {
    std::uint64_t slot = part.slots[i];
    if (slot == 0 || !generations_.number_of(slot)) continue;
    std::uint32_t place = place_of(static_cast<std::uint32_t>(slot >> 32), capacity);
    while (slots[place] != 0) place = place + 1 == capacity ? 0 : place + 1;
    slots[place] = slot;
  }
  used_slots_ = used_slots_ - part.used + living_slots;
  MutexLock lock(stripes_[part_index % kStripeCount].mutex);
  part.slots.swap(slots);
  part.capacity = capacity;
  part.used = living_slots;
}

void MemoryIds::rebuild_next() {
  rebuild(next_rebuild_);
  next_rebuild_ = (next_rebuild_ + 1) % kPartCount;
}

void MemoryIds::fill_slot(std::uint32_t hash, std::uint64_t* slot, std::uint64_t number) {
  if (*slot == 0) {
    ++parts_[part_of(hash)].used;
    ++used_slots_;
  }
  MutexLock lock(stripe_of(hash));
  *slot = slot_of(hash, number);
}

// Gives the entry's number.
std::uint64_t MemoryIds::insert(std::uint32_t hash, std::uint64_t* slot, const DedupEntry& entry) {
  bool is_new_generation = generations_.is_full();
  if (is_new_generation) add_generation();
  std::uint64_t number = generations_.append(entry);
  const Part& part = parts_[part_of(hash)];
  bool has_room = part.used * 1000ull < part.capacity * load_per_mille(part_of(hash));
  // A stale or an empty slot; or the id's own, whose entry has moved.
  if (slot == nullptr || (*slot == 0 && !has_room)) {
    rebuild(part_of(hash));
    slot = probe(entry.id, hash).free_slot;
    FRESHET_CHECK(slot != nullptr);
  }
  fill_slot(hash, slot, number);
  if (is_new_generation) rebuild_next();
  return number;
}

std::uint64_t MemoryIds::add(std::uint32_t hash, const Probe& probe, const DedupEntry& entry) {
  living_.fetch_add(1, std::memory_order_relaxed);
  return insert(hash, probe.free_slot, entry);
}

std::uint64_t MemoryIds::renew(std::uint32_t hash, const Probe& probe, const DedupEntry& next) {
  Generation& generation = generations_.generation_of(probe.number);
  if (&generation != &generations_.back()) {
    --generation.living;
    ++moves_;
    return insert(hash, probe.slot, next);
  }
  MutexLock lock(stripe_of(hash));
  generations_.entry_at(probe.number) = next;
  generation.last_seen_us = std::max(generation.last_seen_us, next.last_seen_us);
  return probe.number;
}

void MemoryIds::set_row(std::uint32_t hash, std::uint64_t number, EventId id, std::uint64_t row) {
  Generation& generation = generations_.generation_of(number);
  if (row != kDedupNoRow) generation.rows_end = std::max(generation.rows_end, row + 1);
  MutexLock lock(stripe_of(hash));
  DedupEntry& entry = generations_.entry_at(number);
  FRESHET_CHECK(entry.id == id);
  entry.row = row;
}

void MemoryIds::sweep() {
  if (used_slots_ <= 2 * living() + kPartCount) return;
  for (int i = 0; i < 4; ++i) rebuild_next();
}

std::uint64_t MemoryIds::needed_bytes(std::uint64_t more) const {
  std::uint64_t each = generations_.entries_each();
  std::uint64_t room = generations_.room();
  std::uint64_t missing = more > room ? more - room : 0;
  std::uint64_t added = (missing + each - 1) / each;
  return kFixedBytes + (generations_.size() + added) * generations_.bytes_each() +
         (used_slots_ + more) * kIndexBytesPerSlot;
}

bool MemoryIds::can_number(std::uint64_t more) const {
  return generations_.size() * std::uint64_t{generations_.entries_each()} + more <= kEntriesMax;
}

}  // namespace freshet::dedup

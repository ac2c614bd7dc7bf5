// How the index works
//
// Entries lie in generations of 8,192, filled one after another and let go whole, oldest first. An
// id that is seen again moves to the generation in work, so a generation is as old as its youngest
// entry. An entry's number counts on for ever; generation = number / 8,192.
//
// The index is 4,096 small open-addressing tables ("parts"), chosen by the hash's top bits. A slot
// is the hash's 32 bits and the entry number's low 32. The hash gives part, place and fingerprint,
// so a part is rebuilt from its slots alone, in microseconds: growing never stops the world, where
// one big table would pause for 100 ms at 50 million ids. Parts fill up to different loads, so that
// they do not all grow at once.
//
// A slot whose number lies outside the living generations is stale: nobody deletes it, inserts
// reuse it, a rebuild drops it. Each new generation rebuilds one part in turn, so no slot outlives
// 2^25 entries, long before its 32 bits could mean a later entry. And if they did, nothing would be
// wrong: a hit counts only where the entry holds the whole id.
//
// Threads: the owner is the only writer, so it reads without a lock, and takes the lock of a slot's
// stripe only to write what a reader could see; readers hold the stripe's lock while they probe.
// Adding or freeing generations takes all stripes.

#include "pipeline/dedup.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "common/check.h"
#include "common/mutex.h"

namespace freshet::pipeline {
namespace {

constexpr std::uint32_t kGenerationEntries = 8192;
constexpr std::uint32_t kPartBits = 12;
constexpr std::uint32_t kPartCount = 1u << kPartBits;
constexpr std::uint32_t kPlaceBits = 32 - kPartBits;
constexpr std::uint32_t kSlotsMin = 16;
constexpr std::size_t kStripeCount = 32;
// Numbers alive at once stay well below 2^32, so that low bits tell them apart.
constexpr std::uint64_t kEntriesMax = (std::uint64_t{1} << 32) - (1u << 26);
// Of the index, per slot in use: 8 bytes, half as many again after a rebuild, over the lowest load.
constexpr std::uint64_t kIndexBytesPerSlot = 18;

struct Generation {
  // One cache line each: to confirm a hit costs one miss.
  struct alignas(64) Line {
    DedupEntry entry;
  };
  static_assert(sizeof(Line) == 64);
  struct Free {
    void operator()(Line* lines) const { ::operator delete(lines, std::align_val_t{64}); }
  };
  using Lines = std::unique_ptr<Line[], Free>;
  // Not initialised: pages are touched as entries come, not in one pause.
  static Lines make_lines() {
    return Lines(static_cast<Line*>(
        ::operator new(sizeof(Line) * kGenerationEntries, std::align_val_t{64})));
  }
  Lines lines;
  std::uint32_t used = 0;
  std::uint32_t living = 0;  // entries that a slot leads to; the others were seen again, elsewhere
  std::int64_t last_seen_us = 0;  // of the youngest
  std::uint64_t row_max = 0;      // one past the highest row
};
constexpr std::uint64_t kGenerationBytes = sizeof(Generation) + 64ull * kGenerationEntries + 64;
constexpr std::uint64_t kFixedBytes = 640 * 1024;  // parts, stripes, the smallest tables

struct Part {
  std::unique_ptr<std::uint64_t[]> slots;
  std::uint32_t capacity = 0;
  std::uint32_t used = 0;  // slots that are not empty, stale ones too
};

// Lines of the generation to come, whose pages the background has touched. Shared with it: it may
// come too late.
struct SpareLines {
  Generation::Lines lines = Generation::make_lines();
  std::atomic<bool> is_ready{false};

  void touch() {
    static constexpr std::size_t kPageBytes = 4096;
    auto* bytes = reinterpret_cast<volatile char*>(lines.get());
    for (std::size_t at = 0; at < sizeof(Generation::Line) * kGenerationEntries; at += kPageBytes)
      bytes[at] = 0;
    is_ready.store(true, std::memory_order_release);
  }
};

// 0 is no slot: a hash is never 0.
constexpr std::uint64_t slot_of(std::uint32_t hash, std::uint64_t number) {
  return std::uint64_t{hash} << 32 | (number & 0xFFFF'FFFF);
}
constexpr std::uint32_t part_of(std::uint32_t hash) {
  return hash >> kPlaceBits;
}
// The order of places is that of hashes, so a rebuild writes its slots nearly in order.
constexpr std::uint32_t place_of(std::uint32_t hash, std::uint32_t capacity) {
  std::uint64_t rest = hash & ((1u << kPlaceBits) - 1);
  return static_cast<std::uint32_t>(rest * capacity >> kPlaceBits);
}
// Parts are rebuilt at loads between 0.70 and 0.85.
constexpr std::uint32_t slots_max(std::uint32_t part, std::uint32_t capacity) {
  std::uint64_t per_mille = 700 + 150ull * part / kPartCount;
  return static_cast<std::uint32_t>(capacity * per_mille / 1000);
}

struct alignas(64) Stripe {
  Mutex mutex;
};

}  // namespace

struct Dedup::State {
  State(const DedupConfig& c, MemoryBudget& b, io::Executor* e)
      : config(c), budget(b), background(e), parts(kPartCount) {}

  std::uint32_t hash_of(EventId id) const {
    std::uint64_t words[2] = {id.high, id.low};
    auto hash =
        static_cast<std::uint32_t>(XXH3_64bits_withSeed(words, sizeof(words), config.hash_seed));
    return hash == 0 ? 1 : hash;
  }
  // The lower bits decide, because entries near each other share the upper ones.
  bool fingerprint_equal(std::uint64_t slot, std::uint32_t hash) const {
    auto difference = static_cast<std::uint32_t>(slot >> 32) ^ hash;
    return (difference & fingerprint_mask) == 0;
  }
  Mutex& stripe_of(std::uint32_t hash) const { return stripes[part_of(hash) % kStripeCount].mutex; }
  // Always in one order, and a reader takes one only, so this cannot lock up.
  void lock_all() const FRESHET_THREAD_ANNOTATION(no_thread_safety_analysis) {
    for (Stripe& stripe : stripes) stripe.mutex.lock();
  }
  void unlock_all() const FRESHET_THREAD_ANNOTATION(no_thread_safety_analysis) {
    for (Stripe& stripe : stripes) stripe.mutex.unlock();
  }

  // The full number of a slot's entry, or nothing where the slot is stale.
  std::optional<std::uint64_t> number_of(std::uint64_t slot) const {
    auto ahead = static_cast<std::uint32_t>(slot) - static_cast<std::uint32_t>(first_number);
    if (ahead >= generations.size() * std::uint64_t{kGenerationEntries}) return std::nullopt;
    return first_number + ahead;
  }
  Generation& generation_of(std::uint64_t number) {
    return generations[(number - first_number) / kGenerationEntries];
  }
  const DedupEntry& entry_at(std::uint64_t number) const {
    std::uint64_t ahead = number - first_number;
    return generations[ahead / kGenerationEntries].lines[ahead % kGenerationEntries].entry;
  }
  DedupEntry& entry_at(std::uint64_t number) {
    return const_cast<DedupEntry&>(std::as_const(*this).entry_at(number));
  }

  struct Probe {
    std::uint64_t* slot = nullptr;       // of the id; null where it has none
    std::uint64_t* free_slot = nullptr;  // where it may be put: the first stale or empty one
    std::uint64_t number = 0;
  };
  Probe probe(EventId id, std::uint32_t hash) const;

  DedupOutcome decide(EventId id, const DedupEntry& candidate);
  std::uint64_t insert(std::uint32_t hash, std::uint64_t* slot, const DedupEntry& entry);
  std::uint64_t append(const DedupEntry& entry);
  void add_generation();
  Generation::Lines take_lines();
  void rebuild(std::uint32_t part_index);
  std::uint64_t needed_bytes(std::uint64_t more) const;
  void settle();

  DedupConfig config;
  MemoryBudget& budget;
  io::Executor* background;  // may be null
  std::shared_ptr<SpareLines> spare;
  std::uint32_t fingerprint_mask =
      config.fingerprint_bits >= 32 ? ~0u : (1u << config.fingerprint_bits) - 1;
  mutable std::array<Stripe, kStripeCount> stripes;
  // Written by the owner: slots under their stripe, the rest of these three under all stripes.
  std::vector<Part> parts;
  std::deque<Generation> generations;
  std::uint64_t first_number = 0;  // of the oldest generation
  // The owner's alone.
  std::uint64_t used_slots = 0;
  std::uint32_t next_rebuild = 0;
  std::uint64_t moves = 0;  // entries that went to a younger generation, so far
  std::atomic<std::uint64_t> living{0};
  std::atomic<std::uint64_t> charged{0};
};

Dedup::Dedup(const DedupConfig& config, MemoryBudget& budget, io::Executor* background)
    : state_(std::make_unique<State>(config, budget, background)) {
  FRESHET_CHECK(config.horizon_us >= 0);
  FRESHET_CHECK(config.fingerprint_bits >= 1);
}

Dedup::~Dedup() {
  state_->budget.give_back(state_->charged);
}

Dedup::State::Probe Dedup::State::probe(EventId id, std::uint32_t hash) const {
  const Part& part = parts[part_of(hash)];
  Probe result;
  if (part.capacity == 0) return result;
  std::uint32_t place = place_of(hash, part.capacity);
  while (true) {
    std::uint64_t& slot = part.slots[place];
    if (slot == 0) {
      if (result.free_slot == nullptr) result.free_slot = &slot;
      return result;
    }
    auto number = number_of(slot);
    if (!number) {
      if (result.free_slot == nullptr) result.free_slot = &slot;
    } else if (fingerprint_equal(slot, hash) &&
               (config.plant_unconfirmed_hits || entry_at(*number).id == id)) {
      result.slot = &slot;
      result.number = *number;
      return result;
    }
    if (++place == part.capacity) place = 0;
  }
}

std::uint64_t Dedup::State::append(const DedupEntry& entry) {
  if (generations.empty() || generations.back().used == kGenerationEntries) add_generation();
  Generation& youngest = generations.back();
  // No slot leads here yet, so no reader does.
  new (&youngest.lines[youngest.used]) Generation::Line{entry};
  std::uint64_t number =
      first_number + (generations.size() - 1) * kGenerationEntries + youngest.used;
  ++youngest.used;
  ++youngest.living;
  youngest.last_seen_us = std::max(youngest.last_seen_us, entry.last_seen_us);
  if (entry.row != kDedupNoRow) youngest.row_max = std::max(youngest.row_max, entry.row + 1);
  return number;
}

Generation::Lines Dedup::State::take_lines() {
  Generation::Lines lines;
  if (spare != nullptr && spare->is_ready.load(std::memory_order_acquire))
    lines = std::move(spare->lines);
  spare.reset();
  // A first generation may be the only one: ids come slowly then, and need nothing ahead.
  if (background != nullptr && !generations.empty()) {
    auto next = std::make_shared<SpareLines>();
    if (background->post([next] { next->touch(); })) spare = std::move(next);
  }
  return lines ? std::move(lines) : Generation::make_lines();
}

void Dedup::State::add_generation() {
  Generation fresh;
  fresh.lines = take_lines();
  fresh.last_seen_us = std::numeric_limits<std::int64_t>::min();
  lock_all();
  generations.push_back(std::move(fresh));
  unlock_all();
  FRESHET_CHECK(generations.size() * kGenerationEntries < (std::uint64_t{1} << 32));
}

// Makes a part anew from its living slots. `slots` of the old table stay whole until readers have
// left it: they hold the stripe.
void Dedup::State::rebuild(std::uint32_t part_index) {
  Part& part = parts[part_index];
  std::uint32_t living_slots = 0;
  for (std::uint32_t i = 0; i < part.capacity; ++i)
    living_slots += part.slots[i] != 0 && number_of(part.slots[i]) ? 1 : 0;
  std::uint64_t per_mille = 700 + 150ull * part_index / kPartCount;
  auto capacity = static_cast<std::uint32_t>(living_slots * 1500ull / per_mille);
  capacity = std::max(kSlotsMin, capacity + 1);
  auto slots = std::make_unique<std::uint64_t[]>(capacity);
  for (std::uint32_t i = 0; i < part.capacity; ++i) {
    std::uint64_t slot = part.slots[i];
    if (slot == 0 || !number_of(slot)) continue;
    std::uint32_t place = place_of(static_cast<std::uint32_t>(slot >> 32), capacity);
    while (slots[place] != 0) place = place + 1 == capacity ? 0 : place + 1;
    slots[place] = slot;
  }
  used_slots = used_slots - part.used + living_slots;
  MutexLock lock(stripes[part_index % kStripeCount].mutex);
  part.slots.swap(slots);
  part.capacity = capacity;
  part.used = living_slots;
}

// Gives the entry's number.
std::uint64_t Dedup::State::insert(std::uint32_t hash, std::uint64_t* slot,
                                   const DedupEntry& entry) {
  std::uint64_t generation_count = generations.size();
  std::uint64_t number = append(entry);
  Part& part = parts[part_of(hash)];
  // A stale or an empty slot; or the id's own, whose entry has moved.
  if (slot != nullptr && (*slot != 0 || part.used < slots_max(part_of(hash), part.capacity))) {
    if (*slot == 0) {
      ++part.used;
      ++used_slots;
    }
    MutexLock lock(stripe_of(hash));
    *slot = slot_of(hash, number);
  } else {
    rebuild(part_of(hash));
    std::uint64_t* free_slot = probe(entry.id, hash).free_slot;
    FRESHET_CHECK(free_slot != nullptr);
    if (*free_slot == 0) {
      ++part.used;
      ++used_slots;
    }
    MutexLock lock(stripe_of(hash));
    *free_slot = slot_of(hash, number);
  }
  if (generations.size() != generation_count) {
    rebuild(next_rebuild);
    next_rebuild = (next_rebuild + 1) % kPartCount;
  }
  return number;
}

DedupOutcome Dedup::State::decide(EventId id, const DedupEntry& candidate) {
  std::uint32_t hash = hash_of(id);
  Probe found = probe(id, hash);
  if (found.slot == nullptr) {
    std::uint64_t number = insert(hash, found.free_slot, candidate);
    living.fetch_add(1, std::memory_order_relaxed);
    return {DedupDecision::kNew, candidate, {number, moves}};
  }
  DedupEntry& entry = entry_at(found.number);
  bool seen = entry.last_seen_us >= candidate.last_seen_us - config.horizon_us;
  DedupEntry next = seen ? entry : candidate;
  next.last_seen_us = std::max(entry.last_seen_us, candidate.last_seen_us);
  Generation& generation = generation_of(found.number);
  if (&generation == &generations.back()) {
    MutexLock lock(stripe_of(hash));
    entry = next;
    generation.last_seen_us = std::max(generation.last_seen_us, next.last_seen_us);
  } else {
    --generation.living;
    found.number = insert(hash, found.slot, next);
    ++moves;
  }
  if (!seen) return {DedupDecision::kNew, next, {found.number, moves}};
  return {next.content == candidate.content ? DedupDecision::kDuplicate : DedupDecision::kConflict,
          next,
          {}};
}

// The index is charged by its bound, so that a rebuild never has to ask.
std::uint64_t Dedup::State::needed_bytes(std::uint64_t more) const {
  std::uint64_t room = generations.empty() ? 0 : kGenerationEntries - generations.back().used;
  std::uint64_t missing = more > room ? more - room : 0;
  std::uint64_t added = (missing + kGenerationEntries - 1) / kGenerationEntries;
  return kFixedBytes + (generations.size() + added) * kGenerationBytes +
         (used_slots + more) * kIndexBytesPerSlot;
}

void Dedup::State::settle() {
  std::uint64_t needed = needed_bytes(0);
  std::uint64_t have = charged.load(std::memory_order_relaxed);
  if (have <= needed) return;
  budget.give_back(have - needed);
  charged.store(needed, std::memory_order_relaxed);
}

bool Dedup::reserve(std::size_t count) {
  State& s = *state_;
  std::uint64_t alive = s.generations.size() * std::uint64_t{kGenerationEntries};
  if (alive + count > kEntriesMax) return false;
  std::uint64_t needed = s.needed_bytes(count);
  std::uint64_t have = s.charged.load(std::memory_order_relaxed);
  if (needed <= have) return true;
  if (!s.budget.try_take(needed - have)) return false;
  s.charged.store(needed, std::memory_order_relaxed);
  return true;
}

void Dedup::prefetch(EventId id) const {
  std::uint32_t hash = state_->hash_of(id);
  const Part& part = state_->parts[part_of(hash)];
  if (part.capacity != 0) __builtin_prefetch(&part.slots[place_of(hash, part.capacity)]);
}

DedupOutcome Dedup::decide(EventId id, ContentHash content, Position position, std::uint32_t sub,
                           std::int64_t now_us) {
  return state_->decide(id, {.id = id,
                             .content = content,
                             .first = position,
                             .first_sub = sub,
                             .last_seen_us = now_us,
                             .row = kDedupNoRow});
}

void Dedup::set_row(EventId id, DedupTicket ticket, std::uint64_t row) {
  State& s = *state_;
  std::uint32_t hash = s.hash_of(id);
  // Where no entry has moved since, this one has not.
  std::uint64_t number = ticket.number;
  if (ticket.moves != s.moves) {
    auto found = s.probe(id, hash);
    FRESHET_CHECK(found.slot != nullptr);
    number = found.number;
  }
  Generation& generation = s.generation_of(number);
  if (row != kDedupNoRow) generation.row_max = std::max(generation.row_max, row + 1);
  MutexLock lock(s.stripe_of(hash));
  DedupEntry& entry = s.entry_at(number);
  FRESHET_CHECK(entry.id == id);
  entry.row = row;
}

void Dedup::expire(std::int64_t now_us, std::uint64_t first_row) {
  State& s = *state_;
  auto is_past = [&](const Generation& generation) {
    return generation.last_seen_us < now_us - s.config.horizon_us &&
           generation.row_max <= first_row;
  };
  // A few at a time, so that no caller waits long after a quiet night.
  for (int freed = 0; freed < 16 && !s.generations.empty(); ++freed) {
    if (!is_past(s.generations.front())) break;
    s.lock_all();
    Generation gone = std::move(s.generations.front());
    s.generations.pop_front();
    s.first_number += kGenerationEntries;
    s.unlock_all();
    s.living.fetch_sub(gone.living, std::memory_order_relaxed);
  }
  // Without new events nothing else sweeps the stale slots.
  if (s.used_slots > 2 * s.living.load(std::memory_order_relaxed) + kPartCount) {
    for (int i = 0; i < 4; ++i) {
      s.rebuild(s.next_rebuild);
      s.next_rebuild = (s.next_rebuild + 1) % kPartCount;
    }
  }
  s.settle();
}

std::optional<DedupEntry> Dedup::find(EventId id) const {
  const State& s = *state_;
  std::uint32_t hash = s.hash_of(id);
  MutexLock lock(s.stripe_of(hash));
  auto found = s.probe(id, hash);
  if (found.slot == nullptr) return std::nullopt;
  return s.entry_at(found.number);
}

std::uint64_t Dedup::entry_count() const {
  return state_->living.load(std::memory_order_relaxed);
}

std::uint64_t Dedup::memory_bytes() const {
  return state_->charged.load(std::memory_order_relaxed);
}

}  // namespace freshet::pipeline

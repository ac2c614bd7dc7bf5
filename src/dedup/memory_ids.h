// The ids in memory: entries in generations, and the index that leads to them.
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
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/mutex.h"
#include "dedup/generations.h"

namespace freshet::dedup {

struct MemoryIdsConfig {
  std::uint32_t generation_bits = 13;
  int fingerprint_bits = 32;            // fewer force collisions, for tests
  bool plant_unconfirmed_hits = false;  // wrong on purpose: takes every hit for the id itself
};

class MemoryIds {
 public:
  MemoryIds(const MemoryIdsConfig& config, io::Executor* background);

  struct Probe {
    std::uint64_t* slot = nullptr;       // of the id; null where it has none
    std::uint64_t* free_slot = nullptr;  // where it may be put: the first stale or empty one
    std::uint64_t number = 0;
  };

  // Of the 64 bits of an id's hash 32 are used here. 0 is no slot.
  static std::uint32_t short_hash(std::uint64_t hash) {
    auto low = static_cast<std::uint32_t>(hash);
    return low == 0 ? 1 : low;
  }

  // Any thread.
  std::optional<DedupEntry> find(EventId id, std::uint32_t hash) const;
  std::uint64_t living() const { return living_.load(std::memory_order_relaxed); }

  // The owner's.
  void prefetch(std::uint32_t hash) const;
  Probe probe(EventId id, std::uint32_t hash) const;
  const DedupEntry& entry_at(std::uint64_t number) const { return generations_.entry_at(number); }
  // An id without a slot. Gives its entry's number.
  std::uint64_t add(std::uint32_t hash, const Probe& probe, const DedupEntry& entry);
  // The id's entry is `next` from now on, and stands in the youngest generation. Gives its number.
  std::uint64_t renew(std::uint32_t hash, const Probe& probe, const DedupEntry& next);
  void set_row(std::uint32_t hash, std::uint64_t number, EventId id, std::uint64_t row);
  const Generations& generations() const { return generations_; }
  void pop_oldest();
  // Slots of what has been let go are dropped from some parts, where there are many.
  void sweep();
  // Entries that went to a younger generation, so far.
  std::uint64_t moves() const { return moves_; }
  // Memory with `more` ids; the index counts by its bound, so that a rebuild never has to ask.
  std::uint64_t needed_bytes(std::uint64_t more) const;
  bool can_number(std::uint64_t more) const;

 private:
  static constexpr std::uint32_t kPartBits = 12;
  static constexpr std::uint32_t kPartCount = 1u << kPartBits;
  static constexpr std::uint32_t kPlaceBits = 32 - kPartBits;
  static constexpr std::size_t kStripeCount = 32;

  struct Part {
    std::unique_ptr<std::uint64_t[]> slots;
    std::uint32_t capacity = 0;
    std::uint32_t used = 0;  // slots that are not empty, stale ones too
  };
  struct alignas(64) Stripe {
    Mutex mutex;
  };

  static std::uint32_t part_of(std::uint32_t hash) { return hash >> kPlaceBits; }
  static std::uint32_t place_of(std::uint32_t hash, std::uint32_t capacity);
  static std::uint64_t load_per_mille(std::uint32_t part);
  // The lower bits decide, because entries near each other share the upper ones.
  bool fingerprint_equal(std::uint64_t slot, std::uint32_t hash) const {
    return ((static_cast<std::uint32_t>(slot >> 32) ^ hash) & fingerprint_mask_) == 0;
  }
  Mutex& stripe_of(std::uint32_t hash) const {
    return stripes_[part_of(hash) % kStripeCount].mutex;
  }
  // Always in one order, and a reader takes one only, so this cannot lock up.
  void lock_all() const FRESHET_THREAD_ANNOTATION(no_thread_safety_analysis);
  void unlock_all() const FRESHET_THREAD_ANNOTATION(no_thread_safety_analysis);
  std::uint64_t insert(std::uint32_t hash, std::uint64_t* slot, const DedupEntry& entry);
  void fill_slot(std::uint32_t hash, std::uint64_t* slot, std::uint64_t number);
  void add_generation();
  void rebuild(std::uint32_t part_index);
  void rebuild_next();

  std::uint32_t fingerprint_mask_;
  bool plant_unconfirmed_hits_;
  mutable std::array<Stripe, kStripeCount> stripes_;
  // Written by the owner: slots under their stripe, the rest of these two under all stripes.
  std::vector<Part> parts_;
  Generations generations_;
  // The owner's alone.
  std::uint64_t used_slots_ = 0;
  std::uint32_t next_rebuild_ = 0;
  std::uint64_t moves_ = 0;
  std::atomic<std::uint64_t> living_{0};
};

}  // namespace freshet::dedup

#include "dedup/id_filter.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "common/check.h"

namespace freshet::dedup {
namespace {

constexpr std::uint32_t kPrintBits = 13;
constexpr std::uint16_t kPrintMask = (1u << kPrintBits) - 1;
constexpr std::uint64_t kLanes = 0x0001'0001'0001'0001ull;
constexpr int kMovesMax = 500;  // then an entry is put aside

constexpr std::uint32_t lane(std::uint64_t word, std::uint32_t slot) {
  return static_cast<std::uint16_t>(word >> (16 * slot));
}

constexpr std::uint64_t with_lane(std::uint64_t word, std::uint32_t slot, std::uint16_t entry) {
  std::uint32_t shift = 16 * slot;
  return (word & ~(std::uint64_t{0xFFFF} << shift)) | std::uint64_t{entry} << shift;
}

// Of a part's expected share of the slots that may be used so that the fullest part still works:
// two choices of four slots fill to 0.97, less for chance, which weighs more in small parts.
double load_max(std::uint64_t entries) {
  double in_part = std::max<double>(1, static_cast<double>(entries) / IdFilter::kPartCount);
  return std::max(0.3, 0.955 - 4 / std::sqrt(in_part));
}

}  // namespace

IdFilter::IdFilter() = default;

std::uint64_t IdFilter::bytes_for(std::uint64_t entries) {
  double slots = static_cast<double>(entries) / load_max(entries);
  auto buckets = static_cast<std::uint64_t>(slots / (kSlots * kPartCount)) + 1;
  return buckets * kPartCount * sizeof(Word);
}

std::uint64_t IdFilter::capacity() const {
  std::uint64_t slots = bytes() / sizeof(std::uint16_t);
  return static_cast<std::uint64_t>(static_cast<double>(slots) * load_max(slots));
}

// Never 0, which is an empty slot.
std::uint16_t IdFilter::print_of(std::uint64_t hash) {
  auto print = static_cast<std::uint16_t>(hash & kPrintMask);
  return print == 0 ? 1 : print;
}

// Its own inverse, for any number of buckets.
std::uint32_t IdFilter::other_bucket(std::uint32_t bucket, std::uint16_t print,
                                     std::uint32_t buckets) {
  std::uint32_t mixed = print * 0x9E3779B1u;
  auto sum = static_cast<std::uint32_t>(std::uint64_t{mixed} * buckets >> 32);
  return sum >= bucket ? sum - bucket : sum + buckets - bucket;
}

IdFilter::Place IdFilter::place_of(std::uint64_t hash, std::uint32_t buckets) {
  auto rest = static_cast<std::uint32_t>(hash << kPartBits >> 32);
  Place place;
  place.print = print_of(hash);
  place.first = static_cast<std::uint32_t>(std::uint64_t{rest} * buckets >> 32);
  place.second = other_bucket(place.first, place.print, buckets);
  return place;
}

std::uint32_t IdFilter::tags_in(std::uint64_t word, std::uint16_t print) {
  // A lane is 0 where its print is the one looked for.
  std::uint64_t difference = (word ^ print * kLanes) & kPrintMask * kLanes;
  std::uint64_t zeros = (difference - kLanes) & ~difference & 0x8000 * kLanes;
  if (zeros == 0) [[likely]]
    return 0;
  std::uint32_t tags = 0;
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    std::uint32_t entry = lane(word, slot);
    if ((entry & kPrintMask) == print) tags |= 1u << (entry >> kPrintBits);
  }
  return tags;
}

std::uint32_t IdFilter::tags_of(std::uint64_t hash) const {
  const Part& part = parts_[part_of(hash)];
  if (part.buckets.load(std::memory_order_relaxed) == 0) return 0;
  MutexLock lock(part.mutex);
  Word* words = part.words.load(std::memory_order_relaxed);
  Place place = place_of(hash, part.buckets.load(std::memory_order_relaxed));
  std::uint32_t tags = tags_in(words[place.first].load(std::memory_order_relaxed), place.print) |
                       tags_in(words[place.second].load(std::memory_order_relaxed), place.print);
  if (part.aside == nullptr) [[likely]]
    return tags;
  for (const Aside& each : *part.aside) {
    bool is_there = each.bucket == place.first || each.bucket == place.second;
    if (is_there && (each.entry & kPrintMask) == place.print)
      tags |= 1u << (each.entry >> kPrintBits);
  }
  return tags;
}

void IdFilter::prefetch(std::uint64_t hash) const {
  const Part& part = parts_[part_of(hash)];
  std::uint32_t buckets = part.buckets.load(std::memory_order_relaxed);
  Word* words = part.words.load(std::memory_order_relaxed);
  if (buckets == 0) return;
  Place place = place_of(hash, buckets);
  __builtin_prefetch(words + place.first);
  __builtin_prefetch(words + place.second);
}

bool IdFilter::put_into(Word& word, std::uint16_t entry) {
  std::uint64_t value = word.load(std::memory_order_relaxed);
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    if (lane(value, slot) != 0) continue;
    word.store(with_lane(value, slot, entry), std::memory_order_relaxed);
    return true;
  }
  return false;
}

bool IdFilter::insert_into(Word* words, std::uint32_t buckets, std::uint64_t hash,
                           std::uint32_t tag, std::uint64_t& chance,
                           std::unique_ptr<std::vector<Aside>>& aside) {
  Place place = place_of(hash, buckets);
  auto entry = static_cast<std::uint16_t>(tag << kPrintBits | place.print);
  // An id that came into several runs of a group needs one entry, or its two buckets would be full.
  std::uint32_t there = tags_in(words[place.first].load(std::memory_order_relaxed), place.print) |
                        tags_in(words[place.second].load(std::memory_order_relaxed), place.print);
  if ((there >> tag & 1) != 0) return false;
  for (std::size_t i = 0; aside != nullptr && i < aside->size(); ++i) {
    const Aside& each = (*aside)[i];
    bool is_there = each.bucket == place.first || each.bucket == place.second;
    if (is_there && each.entry == entry) return false;
  }
  if (put_into(words[place.first], entry) || put_into(words[place.second], entry)) return true;
  std::uint32_t bucket = place.second;
  for (int moves = 0; moves < kMovesMax; ++moves) {
    chance = chance * 6364136223846793005ull + 1442695040888963407ull;
    auto slot = static_cast<std::uint32_t>(chance >> 62);
    std::uint64_t word = words[bucket].load(std::memory_order_relaxed);
    auto evicted = static_cast<std::uint16_t>(lane(word, slot));
    words[bucket].store(with_lane(word, slot, entry), std::memory_order_relaxed);
    entry = evicted;
    bucket = other_bucket(bucket, entry & kPrintMask, buckets);
    if (put_into(words[bucket], entry)) return true;
  }
  if (aside == nullptr) aside = std::make_unique<std::vector<Aside>>();
  aside->push_back({bucket, entry});
  return true;
}

void IdFilter::insert(std::uint64_t hash, std::uint32_t tag) {
  FRESHET_CHECK(tag < kTagCount);
  Part& part = parts_[part_of(hash)];
  std::uint32_t buckets = part.buckets.load(std::memory_order_relaxed);
  FRESHET_CHECK(buckets > 0);
  // Readers wait while entries are on the move: one that is lifted out is nowhere for a moment.
  MutexLock lock(part.mutex);
  if (insert_into(part.words.load(std::memory_order_relaxed), buckets, hash, tag, chance_,
                  part.aside))
    size_.fetch_add(1, std::memory_order_relaxed);
}

// `change` gives the entry that shall stand for one; 0: none.
template <typename Change>
void IdFilter::change_entries(std::uint32_t index, Change change) {
  Part& part = parts_[index];
  std::uint64_t removed = 0;
  MutexLock lock(part.mutex);
  Word* words = part.words.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < part.buckets.load(std::memory_order_relaxed); ++i) {
    std::uint64_t word = words[i].load(std::memory_order_relaxed), changed = word;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
      auto entry = static_cast<std::uint16_t>(lane(word, slot));
      if (entry == 0) continue;
      std::uint16_t now = change(entry);
      if (now == 0) ++removed;
      changed = with_lane(changed, slot, now);
    }
    if (changed != word) words[i].store(changed, std::memory_order_relaxed);
  }
  if (part.aside != nullptr) {
    for (Aside& each : *part.aside) each.entry = change(each.entry);
    removed += std::erase_if(*part.aside, [](const Aside& each) { return each.entry == 0; });
  }
  size_.fetch_sub(removed, std::memory_order_relaxed);
}

void IdFilter::remove_tag(std::uint32_t part, std::uint32_t tag) {
  change_entries(part, [tag](std::uint16_t entry) {
    return entry >> kPrintBits == tag ? std::uint16_t{0} : entry;
  });
}

void IdFilter::change_tag(std::uint32_t part, std::uint32_t from, std::uint32_t to) {
  change_entries(part, [from, to](std::uint16_t entry) {
    if (entry >> kPrintBits != from) return entry;
    return static_cast<std::uint16_t>(to << kPrintBits | (entry & kPrintMask));
  });
}

void IdFilter::begin_rebuild(std::uint64_t bytes) {
  next_memory_ = io::PageMemory(bytes);
  bytes_.store(bytes, std::memory_order_relaxed);
}

void IdFilter::rebuild_part(std::uint32_t index, const std::vector<Tagged>& entries) {
  auto buckets = static_cast<std::uint32_t>(bytes() / sizeof(Word) / kPartCount);
  auto* words = reinterpret_cast<Word*>(next_memory_.data()) + std::size_t{index} * buckets;
  std::unique_ptr<std::vector<Aside>> aside;
  std::uint64_t added = 0;
  for (const Tagged& each : entries) {
    FRESHET_CHECK(part_of(each.hash) == index);
    if (insert_into(words, buckets, each.hash, each.tag, chance_, aside)) ++added;
  }
  Part& part = parts_[index];
  std::uint64_t removed = 0;
  std::size_t old_buckets = part.buckets.load(std::memory_order_relaxed);
  {
    MutexLock lock(part.mutex);
    Word* old = part.words.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < old_buckets; ++i) {
      std::uint64_t word = old[i].load(std::memory_order_relaxed);
      for (std::uint32_t slot = 0; slot < kSlots; ++slot) removed += lane(word, slot) != 0 ? 1 : 0;
    }
    if (part.aside != nullptr) removed += part.aside->size();
    part.words.store(words, std::memory_order_relaxed);
    part.buckets.store(buckets, std::memory_order_relaxed);
    part.aside.swap(aside);
  }
  size_.fetch_add(added - removed, std::memory_order_relaxed);
  // Readers have left the old part: they hold its lock.
  if (memory_.data() != nullptr)
    memory_.release_front(old_buckets * sizeof(Word) * (std::size_t{index} + 1));
  if (index + 1 == kPartCount) {
    memory_ = std::move(next_memory_);
    next_memory_ = io::PageMemory();
  }
}

}  // namespace freshet::dedup

// Which groups of runs may hold an id: one cuckoo table of 16-bit entries over all runs, so that an
// id that none of them holds costs two cache lines, however many runs there are.
//
// An entry is 13 bits of the id's hash and the 3 bits of a group's tag. The hash's upper bits name
// one of 4,096 parts, the next ones the first of two buckets of four entries; the entry's 13 bits
// lead from either bucket to the other, so an entry can be moved without its id. What finds no room
// is put aside in the part and looked at too: nothing that was inserted is ever denied. An absent
// id is taken for a present one in one of about 1,100 cases (8 entries of 13 bits).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/mutex.h"
#include "io/page_memory.h"

namespace freshet::dedup {

class IdFilter {
 public:
  static constexpr std::uint32_t kPartBits = 12;
  static constexpr std::uint32_t kPartCount = 1u << kPartBits;
  static constexpr std::uint32_t kTagCount = 8;
  static constexpr std::uint32_t part_of(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> (64 - kPartBits));
  }
  // Memory for a table that takes `entries`: parts differ by chance, and small ones by more.
  static std::uint64_t bytes_for(std::uint64_t entries);

  IdFilter();
  // Any thread. Bit t is set where an id of that hash may have been inserted with tag t.
  std::uint32_t tags_of(std::uint64_t hash) const;
  // Any thread. Fetches what tags_of() will read.
  void prefetch(std::uint64_t hash) const;

  // The rest: one thread at a time.
  void insert(std::uint64_t hash, std::uint32_t tag);
  // Entries that it takes, and has.
  std::uint64_t capacity() const;
  std::uint64_t size() const { return size_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Of one part: takes what has tag `from` out, or gives it tag `to`.
  void remove_tag(std::uint32_t part, std::uint32_t tag);
  void change_tag(std::uint32_t part, std::uint32_t from, std::uint32_t to);

  // Another size: begin, then every part in order with the hashes and tags it shall have, whose
  // upper bits are the part's.
  struct Tagged {
    std::uint64_t hash = 0;
    std::uint32_t tag = 0;
  };
  void begin_rebuild(std::uint64_t bytes);
  void rebuild_part(std::uint32_t part, const std::vector<Tagged>& entries);

 private:
  static constexpr std::uint32_t kSlots = 4;  // of a bucket, which is one word
  using Word = std::atomic<std::uint64_t>;
  struct Aside {
    std::uint32_t bucket = 0;
    std::uint16_t entry = 0;
  };
  struct alignas(64) Part {
    mutable Mutex mutex;
    // Words and count are atomic for prefetch() alone, which takes no lock.
    std::atomic<Word*> words{nullptr};
    std::atomic<std::uint32_t> buckets{0};
    std::unique_ptr<std::vector<Aside>> aside FRESHET_GUARDED_BY(mutex);  // null: none
  };
  static_assert(sizeof(Part) == 64);  // all of them stay in a core's cache
  // Where a hash may lie.
  struct Place {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    std::uint16_t print = 0;
  };
  static std::uint16_t print_of(std::uint64_t hash);
  static std::uint32_t other_bucket(std::uint32_t bucket, std::uint16_t print,
                                    std::uint32_t buckets);
  static Place place_of(std::uint64_t hash, std::uint32_t buckets);
  static std::uint32_t tags_in(std::uint64_t word, std::uint16_t print);
  static bool put_into(Word& word, std::uint16_t entry);
  // False where the entry stands there already.
  static bool insert_into(Word* words, std::uint32_t buckets, std::uint64_t hash, std::uint32_t tag,
                          std::uint64_t& chance, std::unique_ptr<std::vector<Aside>>& aside);
  template <typename Change>
  void change_entries(std::uint32_t part, Change change);

  std::array<Part, kPartCount> parts_;
  std::uint64_t chance_ = 0x9E3779B97F4A7C15ull;  // which entry gives way
  std::atomic<std::uint64_t> size_{0};
  std::atomic<std::uint64_t> bytes_{0};
  io::PageMemory memory_;
  io::PageMemory next_memory_;
};

}  // namespace freshet::dedup

// Entries in the order of a run, one after another: from memory, from a file, or merged.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/result.h"
#include "dedup/dedup_entry.h"
#include "dedup/run_file.h"

namespace freshet::dedup {

struct RunEntry {
  HashedId id;
  DedupEntry entry;
};

class RunSource {
 public:
  virtual ~RunSource() = default;
  // The next entry, valid until the next call; null at the end.
  virtual Result<const RunEntry*> next() = 0;
};

// A run's entries from the first whose hash is at least `from`. Checks what it reads, the order
// too.
class RunCursor : public RunSource {
 public:
  // `buffer_pages` are read at once.
  RunCursor(std::shared_ptr<const RunFile> run, std::uint64_t hash_seed, std::uint64_t from = 0,
            std::size_t buffer_pages = 16);
  Result<const RunEntry*> next() override;

 private:
  Status read_page();

  std::shared_ptr<const RunFile> run_;
  std::uint64_t hash_seed_;
  std::uint64_t from_;
  std::vector<std::byte> buffer_;
  std::uint64_t buffer_first_ = 0, buffer_end_ = 0;  // pages in it
  std::uint64_t next_page_;
  std::vector<PageReader> page_;  // one or none
  std::size_t index_ = 0;
  RunEntry entry_;
};

// Sources in one order; of an id that several have, the entry of the last source stands.
class MergedSource : public RunSource {
 public:
  // Oldest first.
  explicit MergedSource(std::vector<std::unique_ptr<RunSource>> sources)
      : sources_(std::move(sources)) {}
  Result<const RunEntry*> next() override;

 private:
  struct Head {
    HashedId id;
    const RunEntry* entry = nullptr;  // valid until its source is asked again
    std::size_t source = 0;
  };
  static bool later(const Head& left, const Head& right);
  Status pull(std::size_t source);

  std::vector<std::unique_ptr<RunSource>> sources_;
  std::vector<Head> heads_;  // a heap, the next one in front
  bool started_ = false;
  RunEntry entry_;
};

// Entries in memory that stay as they are while this lives, given in log order: of an id that comes
// twice, the later entry stands.
class MemorySource : public RunSource {
 public:
  void reserve(std::size_t count) { sorted_.reserve(count); }
  void add(const DedupEntry& entry, std::uint64_t hash_seed) {
    sorted_.push_back({id_hash(entry.id, hash_seed), &entry, sorted_.size()});
  }
  void sort();
  Result<const RunEntry*> next() override;

 private:
  struct Item {
    std::uint64_t hash = 0;
    const DedupEntry* entry = nullptr;
    std::size_t order = 0;
    bool is_same_id(const Item& other) const {
      return hash == other.hash && entry->id == other.entry->id;
    }
  };
  std::vector<Item> sorted_;
  std::size_t next_ = 0;
  RunEntry entry_;
};

}  // namespace freshet::dedup

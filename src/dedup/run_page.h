// One page of entries, in memory: packed by PageBuilder, read by PageReader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/result.h"
#include "dedup/dedup_entry.h"
#include "dedup/run_format.h"

namespace freshet::dedup {

using PageBytes = std::span<std::byte, run_format::kPageBytes>;
using ConstPageBytes = std::span<const std::byte, run_format::kPageBytes>;

class PageBuilder {
 public:
  // False where the page is full: pack() it, clear() and add again.
  bool add(const DedupEntry& entry);
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  const DedupEntry& first() const { return entries_.front(); }
  void pack(std::uint64_t run, std::uint64_t page, PageBytes to) const;
  void clear();

 private:
  // Least and greatest of what the page holds.
  struct Bounds {
    std::uint64_t position_least = ~std::uint64_t{0}, position_most = 0;
    std::int64_t seen_least = INT64_MAX, seen_most = INT64_MIN;
    std::uint64_t row_least = ~std::uint64_t{0}, row_most = 0;  // of entries with a row
    std::uint32_t sub_most = 0;
    void widen(const DedupEntry& entry);
    run_format::PageHeader widths() const;
  };

  std::vector<DedupEntry> entries_;
  Bounds bounds_;
};

// A page that has been checked. `bytes` outlive it.
class PageReader {
 public:
  // kCorruption, without a number: the caller knows file and offset.
  static Result<PageReader> check(std::uint64_t run, std::uint64_t page, ConstPageBytes bytes);
  // Of bytes that check() has passed.
  static PageReader of_checked(ConstPageBytes bytes);
  std::size_t size() const { return header_.entries; }
  EventId id(std::size_t index) const;
  DedupEntry entry(std::size_t index) const;

 private:
  PageReader(const run_format::PageHeader& header, const std::byte* bytes);
  const std::byte* at(std::size_t index) const {
    return bytes_ + sizeof(run_format::PageHeader) + index * entry_bytes_;
  }
  run_format::PageHeader header_;
  const std::byte* bytes_;
  std::size_t entry_bytes_;
};

}  // namespace freshet::dedup

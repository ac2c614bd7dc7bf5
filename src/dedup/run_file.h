// A run: an immutable file of entries sorted by the hash of their ids (docs/formats/id_run.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "dedup/dedup_entry.h"
#include "dedup/page_cache.h"
#include "dedup/run_format.h"
#include "dedup/run_page.h"
#include "io/disk.h"

namespace freshet::dedup {

// Where runs lie and what they must say of themselves.
struct RunPlace {
  io::Disk* disk = nullptr;
  std::string directory;
  std::uint64_t data_directory_id = 0;
  std::uint64_t hash_seed = 0;

  std::string path(std::uint64_t run) const;
  // The number of a file of that name; nothing where it is no run's.
  static std::optional<std::uint64_t> run_of(const std::string& file_name);
};

// FRS-3450: `path` holds at `offset` what no run has there.
Error run_damaged(const std::string& path, std::uint64_t offset, std::string_view what);

// Any thread.
class RunFile {
 public:
  // FRS-3450 damaged or cut, FRS-3451 foreign, FRS-3452 of an unknown version.
  static Result<std::shared_ptr<RunFile>> open(const RunPlace& place, std::uint64_t run);
  RunFile(std::string path, std::unique_ptr<io::File> file, const run_format::Header& header,
          std::vector<std::uint32_t> directory);

  std::uint64_t number() const { return header_.run; }
  std::uint64_t pages() const { return header_.pages; }
  std::uint64_t entries() const { return header_.entries; }
  std::int64_t youngest_us() const { return header_.youngest_us; }
  std::uint64_t rows_end() const { return header_.rows_end; }
  const std::string& path() const { return path_; }
  std::uint64_t memory_bytes() const { return directory_.size() * sizeof(directory_[0]); }
  std::uint64_t file_bytes() const {
    return run_format::page_offset(header_.pages) + memory_bytes();
  }

  Result<std::optional<DedupEntry>> find(const HashedId& id, PageCache& cache) const;
  // The disk may fetch now what find() will read.
  void will_need(std::uint64_t hash) const;
  // The first page that may hold hashes from `hash` on; pages() where none does.
  std::uint64_t page_from(std::uint64_t hash) const;
  // Whole pages, unchecked, for a RunCursor.
  Status read_pages(std::uint64_t first, std::span<std::byte> to) const;
  Result<PageReader> check_page(std::uint64_t page, ConstPageBytes bytes) const;

 private:
  Result<std::shared_ptr<const CachedPage>> load(std::uint64_t page, PageCache& cache) const;

  std::string path_;
  std::unique_ptr<io::File> file_;
  run_format::Header header_;
  std::vector<std::uint32_t> directory_;  // upper half of each page's first hash
};

}  // namespace freshet::dedup

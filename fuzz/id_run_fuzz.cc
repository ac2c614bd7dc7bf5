// Any bytes as a run of event ids, with and without right checksums: no crash, no read outside, and
// what can be read in order is found by its id.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/check.h"
#include "common/crc32c.h"
#include "dedup/run_file.h"
#include "dedup/run_source.h"

namespace {

namespace format = freshet::dedup::run_format;
using Bytes = std::vector<std::byte>;
using freshet::Error;
using freshet::Result;
using freshet::Status;

Error refused() {
  return Error(freshet::Code::kUnsupported, "a file to be read alone");
}

class MemoryFile : public freshet::io::File {
 public:
  explicit MemoryFile(const Bytes& bytes) : bytes_(bytes) {}
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> to) override {
    if (offset >= bytes_.size()) return std::size_t{0};
    std::size_t count = std::min<std::size_t>(to.size(), bytes_.size() - offset);
    std::memcpy(to.data(), bytes_.data() + offset, count);
    return count;
  }
  Status write(std::uint64_t, std::span<const std::byte>) override { return refused(); }
  Status sync() override { return refused(); }
  Result<std::uint64_t> size() override { return std::uint64_t{bytes_.size()}; }
  Status truncate(std::uint64_t) override { return refused(); }
  int descriptor() const override { return -1; }

 private:
  const Bytes& bytes_;
};

class OneFile : public freshet::io::Disk {
 public:
  explicit OneFile(const Bytes& bytes) : bytes_(bytes) {}
  Result<std::unique_ptr<freshet::io::File>> open(const std::string&,
                                                  freshet::io::OpenMode) override {
    return std::unique_ptr<freshet::io::File>(std::make_unique<MemoryFile>(bytes_));
  }
  Status rename(const std::string&, const std::string&) override { return refused(); }
  Status rename_new(const std::string&, const std::string&) override { return refused(); }
  Status remove(const std::string&) override { return refused(); }
  Status make_directory(const std::string&) override { return refused(); }
  Result<std::vector<std::string>> list(const std::string&) override { return refused(); }
  Result<freshet::io::FileFacts> look_at(const std::string&) override { return refused(); }
  Result<std::unique_ptr<freshet::io::FileLock>> try_lock(const std::string&) override {
    return refused();
  }
  Status sync_directory(const std::string&) override { return refused(); }
  Result<std::uint64_t> free_bytes(const std::string&) override { return refused(); }

 private:
  const Bytes& bytes_;
};

void read(const Bytes& bytes) {
  OneFile disk(bytes);
  freshet::dedup::RunPlace place{&disk, "ids", 1, 2};
  auto run = freshet::dedup::RunFile::open(place, 3);
  if (!run) return;
  freshet::dedup::PageCache cache;
  freshet::dedup::RunCursor cursor(*run, place.hash_seed, 0, 2);
  for (auto next = cursor.next(); next && *next != nullptr; next = cursor.next()) {
    auto id = (*next)->id;
    // Damage behind it may hide it, and a directory that lies; a wrong id may not come.
    auto found = (*run)->find(id, cache);
    if (found && *found) FRESHET_CHECK((*found)->id == id.id);
  }
}

// Right in all that can be computed: sizes, names and checksums.
void make_plausible(Bytes& bytes) {
  std::size_t pages = (bytes.size() - format::kPageBytes) / (format::kPageBytes + 4);
  if (bytes.size() < format::kPageBytes || pages == 0) return;
  bytes.resize(format::page_offset(pages) + pages * 4);
  for (std::uint64_t page = 0; page < pages; ++page) {
    std::byte* at = bytes.data() + format::page_offset(page);
    std::uint64_t words[2] = {3, page};
    std::uint32_t crc = freshet::crc32c(0, std::as_bytes(std::span(words)));
    crc = freshet::crc32c(crc, std::span(at + 4, format::kPageBytes - 4));
    freshet::store_le(at, crc);
  }
  format::Header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  header.magic = format::kMagic;
  header.version = format::kVersion;
  header.data_directory_id = 1;
  header.seed_check = freshet::dedup::id_hash({}, 2);
  header.run = 3;
  header.pages = pages;
  header.directory_crc = freshet::crc32c(0, std::span(bytes).subspan(format::page_offset(pages)));
  header.crc = 0;
  header.crc = freshet::crc32c(0, std::as_bytes(std::span(&header, 1)));
  std::memcpy(bytes.data(), &header, sizeof(header));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto all = std::as_bytes(std::span(data, size));
  Bytes bytes(all.begin(), all.end());
  read(bytes);
  if (bytes.size() < format::kPageBytes) return 0;
  make_plausible(bytes);
  read(bytes);
  return 0;
}

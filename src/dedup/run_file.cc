#include "dedup/run_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/bytes.h"
#include "common/crc32c.h"

namespace freshet::dedup {
namespace {

using run_format::Header;
using run_format::kPageBytes;
using run_format::page_offset;

constexpr std::string_view kPrefix = "ids-", kSuffix = ".run";

Status check_header(Header header, const RunPlace& place, std::uint64_t run) {
  std::string path = place.path(run);
  if (header.magic != run_format::kMagic) return run_damaged(path, 0, "no run begins like that");
  if (header.version != run_format::kVersion) {
    return Error(Code::kUnsupported, 3452,
                 fmt::format("{} has format {}, this version reads {}: start the version that "
                             "wrote it, or remove the folder to have it made again from the log",
                             path, header.version, run_format::kVersion));
  }
  std::uint32_t crc = std::exchange(header.crc, 0);
  if (crc != crc32c(0, std::as_bytes(std::span(&header, 1))))
    return run_damaged(path, 0, "the header's checksum does not fit its bytes");
  bool is_ours = header.data_directory_id == place.data_directory_id && header.run == run &&
                 header.seed_check == id_hash({}, place.hash_seed);
  if (is_ours) return ok();
  return Error(Code::kInvalid, 3451,
               fmt::format("{} was written for another data directory or under another name: "
                           "remove it, what it held is made again from the log",
                           path));
}

}  // namespace

std::string RunPlace::path(std::uint64_t run) const {
  return fmt::format("{}/{}{:016x}{}", directory, kPrefix, run, kSuffix);
}

std::optional<std::uint64_t> RunPlace::run_of(const std::string& file_name) {
  std::string_view text = file_name;
  if (text.size() != kPrefix.size() + 16 + kSuffix.size() || !text.starts_with(kPrefix) ||
      !text.ends_with(kSuffix))
    return std::nullopt;
  std::uint64_t run = 0;
  auto digits = text.substr(kPrefix.size(), 16);
  auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), run, 16);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
  return run;
}

Error run_damaged(const std::string& path, std::uint64_t offset, std::string_view what) {
  return Error(Code::kCorruption, 3450,
               fmt::format("{} at offset {}: {}; remove the folder's checkpoints and runs to have "
                           "them made again from the log",
                           path, offset, what));
}

RunFile::RunFile(std::string path, std::unique_ptr<io::File> file, const Header& header,
                 std::vector<std::uint32_t> directory)
    : path_(std::move(path)),
      file_(std::move(file)),
      header_(header),
      directory_(std::move(directory)) {}

Result<std::shared_ptr<RunFile>> RunFile::open(const RunPlace& place, std::uint64_t run) {
  std::string path = place.path(run);
  FRESHET_TRY(auto file, place.disk->open(path, io::OpenMode::kRead));
  FRESHET_TRY(std::uint64_t size, file->size());
  Header header;
  FRESHET_TRY(std::size_t got, file->read(0, std::as_writable_bytes(std::span(&header, 1))));
  if (got < sizeof(header)) return run_damaged(path, got, "it ends inside its header");
  FRESHET_TRY_STATUS(check_header(header, place, run));
  std::uint64_t pages_max = size / kPageBytes;
  if (header.pages == 0 || header.pages > pages_max ||
      size != page_offset(header.pages) + header.pages * sizeof(std::uint32_t))
    return run_damaged(path, size, "its size is not the one that its header says");
  std::vector<std::uint32_t> directory(header.pages);
  auto bytes = std::as_writable_bytes(std::span(directory));
  FRESHET_TRY(got, file->read(page_offset(header.pages), bytes));
  if (got != bytes.size() || crc32c(0, bytes) != header.directory_crc)
    return run_damaged(path, page_offset(header.pages), "the directory's checksum does not fit");
  if (!std::is_sorted(directory.begin(), directory.end()))
    return run_damaged(path, page_offset(header.pages), "the directory is not in order");
  return std::make_shared<RunFile>(std::move(path), std::move(file), header, std::move(directory));
}

std::uint64_t RunFile::page_from(std::uint64_t hash) const {
  auto upper = static_cast<std::uint32_t>(hash >> 32);
  // The page before the first that begins at or behind it may reach into it.
  auto found = std::lower_bound(directory_.begin(), directory_.end(), upper);
  auto page = static_cast<std::uint64_t>(found - directory_.begin());
  return page == 0 ? 0 : page - 1;
}

void RunFile::will_need(std::uint64_t hash) const {
  file_->will_need(page_offset(page_from(hash)), kPageBytes);
}

Status RunFile::read_pages(std::uint64_t first, std::span<std::byte> to) const {
  FRESHET_TRY(std::size_t got, file_->read(page_offset(first), to));
  if (got == to.size()) return ok();
  return run_damaged(path_, page_offset(first) + got, "the file was cut while it was open");
}

Result<PageReader> RunFile::check_page(std::uint64_t page, ConstPageBytes bytes) const {
  auto reader = PageReader::check(header_.run, page, bytes);
  if (!reader) return run_damaged(path_, page_offset(page), reader.error().message());
  return reader;
}

Result<std::shared_ptr<const CachedPage>> RunFile::load(std::uint64_t page,
                                                        PageCache& cache) const {
  if (auto found = cache.find(header_.run, page)) return found;
  auto loaded = std::make_shared<CachedPage>();
  loaded->run = header_.run;
  loaded->page = page;
  FRESHET_TRY_STATUS(read_pages(page, loaded->bytes));
  FRESHET_TRY([[maybe_unused]] auto checked, check_page(page, loaded->bytes));
  cache.put(loaded);
  return std::shared_ptr<const CachedPage>(std::move(loaded));
}

Result<std::optional<DedupEntry>> RunFile::find(const HashedId& id, PageCache& cache) const {
  auto upper = static_cast<std::uint32_t>(id.hash >> 32);
  for (std::uint64_t page = page_from(id.hash); page < pages() && directory_[page] <= upper;
       ++page) {
    FRESHET_TRY(auto loaded, load(page, cache));
    PageReader reader = PageReader::of_checked(loaded->bytes);
    for (std::size_t i = 0; i < reader.size(); ++i) {
      if (reader.id(i) == id.id) return std::optional(reader.entry(i));
    }
  }
  return std::optional<DedupEntry>();
}

}  // namespace freshet::dedup

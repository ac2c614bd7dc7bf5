#include "archive/local_files.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <functional>
#include <memory>

#include "common/bytes.h"

namespace freshet::archive {
namespace {

constexpr std::uint64_t kPieceBytes = 8ull << 20;
constexpr std::int64_t kGraceNs = 900'000'000'000;
constexpr std::string_view kFileScheme = "file://";

// Feeds the object's bytes, piece by piece, and gives size and checksum.
Result<std::pair<std::uint64_t, std::string>> read_through(
    object_store::ObjectStore& store, const std::string& name,
    const std::function<Status(std::uint64_t offset, std::string_view piece)>& take) {
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash(XXH3_createState(),
                                                                &XXH3_freeState);
  FRESHET_CHECK(hash != nullptr);
  XXH3_128bits_reset(hash.get());
  std::uint64_t offset = 0;
  while (true) {
    FRESHET_TRY(std::string piece, store.get_range(name, offset, kPieceBytes));
    if (piece.empty()) break;
    XXH3_128bits_update(hash.get(), piece.data(), piece.size());
    if (take) FRESHET_TRY_STATUS(take(offset, piece));
    offset += piece.size();
    if (piece.size() < kPieceBytes) break;
  }
  XXH128_hash_t sum = XXH3_128bits_digest(hash.get());
  return std::pair(offset, fmt::format("{:016x}{:016x}", sum.high64, sum.low64));
}

}  // namespace

Result<std::pair<std::uint64_t, std::string>> checksum_in_store(object_store::ObjectStore& store,
                                                                const std::string& name) {
  return read_through(store, name, {});
}

LocalFiles::LocalFiles(object_store::ObjectStore& store, io::Disk& disk, io::Clock& clock,
                       std::string folder, std::uint64_t bytes_max)
    : store_(store), disk_(disk), clock_(clock), folder_(std::move(folder)), bytes_max_(bytes_max) {
  if (store.root_url().starts_with(kFileScheme))
    store_folder_ = store.root_url().substr(kFileScheme.size());
}

Result<std::unique_ptr<LocalFiles>> LocalFiles::open(object_store::ObjectStore& store,
                                                     io::Disk& disk, io::Clock& clock,
                                                     std::string folder, std::uint64_t bytes_max) {
  auto files =
      std::unique_ptr<LocalFiles>(new LocalFiles(store, disk, clock, std::move(folder), bytes_max));
  if (!files->store_folder_.empty()) return files;
  FRESHET_TRY_STATUS(disk.make_directory(files->folder_));
  FRESHET_TRY(auto names, disk.list(files->folder_));
  for (const std::string& name : names)
    FRESHET_TRY_STATUS(remove_if_there(disk, files->folder_ + "/" + name));
  return files;
}

Result<std::string> LocalFiles::path_of(const StoredFile& file, bool only_copies) {
  if (!store_folder_.empty()) return store_folder_ + file.name;
  MutexLock lock(mutex_);
  for (auto copy = copies_.begin(); copy != copies_.end(); ++copy) {
    if (copy->name != file.name) continue;
    copies_.splice(copies_.begin(), copies_, copy);
    copies_.front().used_ns = clock_.monotonic_ns();
    return copies_.front().path;
  }
  if (only_copies) {
    return Error(Code::kUnavailable, 3848,
                 "no copy is here, and the object store did not answer for another file");
  }
  std::string path = fmt::format("{}/{}.parquet", folder_, ++next_);
  if (Status fetched = fetch(file, path); !fetched) {
    FRESHET_TRY_STATUS(remove_if_there(disk_, path));
    return std::move(fetched).error();
  }
  copies_.push_front({file.name, path, file.bytes, clock_.monotonic_ns()});
  bytes_ += file.bytes;
  make_room();
  return path;
}

Status LocalFiles::fetch(const StoredFile& file, const std::string& path) {
  FRESHET_TRY(auto to, disk_.open(path, io::OpenMode::kCreate));
  FRESHET_TRY(auto got,
              read_through(store_, file.name, [&](std::uint64_t offset, std::string_view piece) {
                return to->write(offset, as_bytes_of(piece));
              }));
  if (got.first == file.bytes && (file.checksum.empty() || got.second == file.checksum))
    return ok();
  return Error(
      Code::kCorruption, 3833,
      fmt::format("{}: {} bytes with checksum {} came from the store, {} bytes with {} "
                  "were archived",
                  store_.url_of(file.name), got.first, got.second, file.bytes, file.checksum));
}

Status LocalFiles::clear() {
  MutexLock lock(mutex_);
  for (const Copy& copy : copies_) FRESHET_TRY_STATUS(remove_if_there(disk_, copy.path));
  copies_.clear();
  bytes_ = 0;
  return ok();
}

void LocalFiles::make_room() {
  while (bytes_ > bytes_max_ && copies_.back().used_ns + kGraceNs < clock_.monotonic_ns()) {
    Copy oldest = std::move(copies_.back());
    copies_.pop_back();
    bytes_ -= oldest.bytes;
    // A copy that cannot be removed takes room until the next start, which removes it.
    [[maybe_unused]] Status removed = remove_if_there(disk_, oldest.path);
  }
}

}  // namespace freshet::archive

// Where archived files lie on this machine, so that a query can open them: in the archive's own
// folder, or as copies of what an object store holds.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "common/mutex.h"
#include "common/result.h"
#include "object_store/object_store.h"

namespace freshet::archive {

struct StoredFile {
  std::string name;  // in the store
  std::uint64_t bytes = 0;
  std::string checksum;  // XXH3-128, 32 hexadecimal digits
};

// Thread-safe.
class LocalFiles {
 public:
  // `folder` takes copies, up to about `bytes_max`: those used longest ago go first, but none that
  // was asked for in the last quarter of an hour, since a query may be about to open it. What an
  // earlier process left there is removed.
  static Result<std::unique_ptr<LocalFiles>> open(object_store::ObjectStore& store, io::Disk& disk,
                                                  io::Clock& clock, std::string folder,
                                                  std::uint64_t bytes_max);
  // The file's path. Fetches it where it is not here; what is fetched is compared with its
  // checksum: kCorruption FRS-3833. With `only_copies` nothing is fetched: kUnavailable FRS-3848.
  Result<std::string> path_of(const StoredFile& file, bool only_copies = false);
  // Removes every copy. Only while nobody reads one.
  Status clear();

 private:
  struct Copy {
    std::string name;
    std::string path;
    std::uint64_t bytes = 0;
    std::int64_t used_ns = 0;  // monotonic
  };
  LocalFiles(object_store::ObjectStore& store, io::Disk& disk, io::Clock& clock, std::string folder,
             std::uint64_t bytes_max);
  Status fetch(const StoredFile& file, const std::string& path);
  void make_room() FRESHET_REQUIRES(mutex_);

  object_store::ObjectStore& store_;
  io::Disk& disk_;
  io::Clock& clock_;
  const std::string folder_;
  const std::uint64_t bytes_max_;
  std::string store_folder_;  // "" where the store is not a folder of this machine

  Mutex mutex_;  // held while a file is fetched: two queries fetch it once
  std::list<Copy> copies_ FRESHET_GUARDED_BY(mutex_);  // the one used last in front
  std::uint64_t bytes_ FRESHET_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_ FRESHET_GUARDED_BY(mutex_) = 0;
};

// Size and XXH3-128 of an object's bytes, read back from the store.
Result<std::pair<std::uint64_t, std::string>> checksum_in_store(object_store::ObjectStore& store,
                                                                const std::string& name);

}  // namespace freshet::archive

// The disk as the core sees it: what simulation replaces, and what crashes, tears and fills up.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"

namespace freshet::io {

// Writes that go around the page cache start and end on this boundary, in memory too.
inline constexpr std::size_t kDirectBytes = 4096;

enum class OpenMode {
  kRead,          // buffered; the file must exist
  kDirectRead,    // O_DIRECT, for much that is read once: offsets, sizes and memory in kDirectBytes
  kWrite,         // buffered, read and write; the file must exist
  kCreate,        // buffered, read and write; the file must not exist
  kDirectWrite,   // O_DIRECT | O_DSYNC: a finished write is on stable storage; the file must exist
  kDirectCreate,  // O_DIRECT alone, for a file that is written once, then sync()ed; must not exist
};

// An open file. Reads may come from any thread; writes from one at a time.
class File {
 public:
  virtual ~File() = default;
  // Bytes read; fewer than asked only at the end of the file.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> to) = 0;
  // All of `bytes`, or an error. kNoSpace when the disk is full.
  virtual Status write(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  // fdatasync(2). After a failure nothing that was written may be trusted, and a second call proves
  // nothing: Linux has marked the pages clean.
  virtual Status sync() = 0;
  // These bytes will be read soon: a disk that can fetches them meanwhile.
  virtual void will_need(std::uint64_t /*offset*/, std::size_t /*bytes*/) {}
  virtual Result<std::uint64_t> size() = 0;
  virtual Status truncate(std::uint64_t bytes) = 0;
  // The descriptor, for io_uring; -1 in simulation.
  virtual int descriptor() const = 0;
};

// What the file system knows of a name.
struct FileFacts {
  bool is_directory = false;
  std::uint64_t bytes = 0;
  std::int64_t modified_us = 0;  // of the content; microseconds since 1970 UTC
};

// Held until it is destroyed, or until the process ends.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // kExists, and nothing is changed, where there is a `to`: of any number of callers, in any number
  // of processes, one succeeds.
  virtual Status rename_new(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  // Makes the folder and its missing parents; no error where it exists.
  virtual Status make_directory(const std::string& path) = 0;
  // Names, sorted by bytes; "." and ".." left out.
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  virtual Result<FileFacts> look_at(const std::string& path) = 0;
  // An exclusive lock on the file, which is made where it is missing. Does not wait: kExists while
  // someone else holds it, in this process or another.
  virtual Result<std::unique_ptr<FileLock>> try_lock(const std::string& path) = 0;
  // A created, renamed or removed name is durable only after this.
  virtual Status sync_directory(const std::string& path) = 0;
  // What an unprivileged writer can still put on the file system of `path`.
  virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
};

// The machine's disk. Thread-safe.
Disk& system_disk();

// No error where there is no such file.
Status remove_if_there(Disk& disk, const std::string& path);

// Holds an exclusive lock on a file for its life (flock), so that one process writes a data
// directory.
class DirectoryLock {
 public:
  // kExists, naming the holder's process id, where another process has it.
  static Result<DirectoryLock> acquire(const std::string& path);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace freshet::io

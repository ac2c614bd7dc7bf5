// The machine's disk through POSIX calls. Every call that a signal may cut short is repeated, every
// refusal becomes an Error that names the file.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

#include "io/disk.h"
#include "io/disk_error.h"

namespace freshet::io {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  bool valid() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

int open_uninterrupted(const char* path, int flags) {
  for (;;) {
    int descriptor = ::open(path, flags | O_CLOEXEC, 0640);
    if (descriptor >= 0 || errno != EINTR) return descriptor;
  }
}

class SystemFile : public File {
 public:
  SystemFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> to) override {
    std::size_t done = 0;
    while (done < to.size()) {
      ssize_t got = ::pread(descriptor_.get(), to.data() + done, to.size() - done,
                            static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return disk_error(errno, "read", path_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Status write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      ssize_t put =
          ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return disk_error(errno, "write", path_);
      // Zero bytes without an error would make us spin; POSIX has it for full devices only.
      if (put == 0) return disk_error(ENOSPC, "write", path_);
      offset += static_cast<std::uint64_t>(put);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return ok();
  }

  Status sync() override {
    // Not repeated on EINTR: a second fdatasync after a failed first proves nothing.
    if (::fdatasync(descriptor_.get()) != 0) return disk_error(errno, "sync", path_);
    return ok();
  }

  void will_need(std::uint64_t offset, std::size_t bytes) override {
    // A hint alone: where it is refused the read waits for itself.
    ::posix_fadvise(descriptor_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
                    POSIX_FADV_WILLNEED);
  }

  Result<std::uint64_t> size() override {
    struct stat facts{};
    if (::fstat(descriptor_.get(), &facts) != 0) return disk_error(errno, "look at", path_);
    return static_cast<std::uint64_t>(facts.st_size);
  }

  Status truncate(std::uint64_t bytes) override {
    while (::ftruncate(descriptor_.get(), static_cast<off_t>(bytes)) != 0) {
      if (errno != EINTR) return disk_error(errno, "resize", path_);
    }
    return ok();
  }

  int descriptor() const override { return descriptor_.get(); }

 private:
  std::string path_;
  Descriptor descriptor_;
};

struct SystemFileLock : FileLock {
  explicit SystemFileLock(DirectoryLock&& held) : lock(std::move(held)) {}
  DirectoryLock lock;
};

// Where the file system knows no RENAME_NOREPLACE (NFS, some FUSE ones): a second name is made only
// where there is none, which is as atomic. A crash between the two calls leaves both names, of one
// and the same file.
Status link_then_unlink(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) != 0) {
    return disk_error(errno, "rename to " + to + " of", from);
  }
  if (::unlink(from.c_str()) == 0 || errno == ENOENT) return ok();
  // Not as what it was: any other code than kIo would say that nothing has been changed.
  return Error(Code::kIo, 3005, disk_error(errno, "remove", from).message());
}

std::string parent_of(const std::string& path) {
  std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class SystemDisk : public Disk {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int descriptor = -1;
    switch (mode) {
      case OpenMode::kRead:
        descriptor = open_uninterrupted(path.c_str(), O_RDONLY);
        break;
      case OpenMode::kDirectRead:
        descriptor = open_uninterrupted(path.c_str(), O_RDONLY | O_DIRECT);
        if (descriptor < 0 && errno == EINVAL) {
          descriptor = open_uninterrupted(path.c_str(), O_RDONLY);
        }
        break;
      case OpenMode::kWrite:
        descriptor = open_uninterrupted(path.c_str(), O_RDWR);
        break;
      case OpenMode::kCreate:
        descriptor = open_uninterrupted(path.c_str(), O_RDWR | O_CREAT | O_EXCL);
        break;
      case OpenMode::kDirectWrite:
        descriptor = open_uninterrupted(path.c_str(), O_RDWR | O_DIRECT | O_DSYNC);
        // Some file systems (tmpfs before Linux 6.6, some FUSE ones) know no O_DIRECT. O_DSYNC
        // alone keeps the promise that a finished write is stable; it only costs a copy.
        if (descriptor < 0 && errno == EINVAL) {
          descriptor = open_uninterrupted(path.c_str(), O_RDWR | O_DSYNC);
        }
        break;
      case OpenMode::kDirectCreate:
        descriptor = open_uninterrupted(path.c_str(), O_RDWR | O_DIRECT | O_CREAT | O_EXCL);
        if (descriptor < 0 && errno == EINVAL) {
          // Where O_DIRECT is unknown the file may have been made all the same.
          descriptor = open_uninterrupted(path.c_str(), O_RDWR | O_CREAT);
        }
        break;
    }
    if (descriptor < 0) return disk_error(errno, "open", path);
    return std::unique_ptr<File>(std::make_unique<SystemFile>(path, descriptor));
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return disk_error(errno, "rename to " + to + " of", from);
    }
    return ok();
  }

  Status rename_new(const std::string& from, const std::string& to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
      return ok();
    if (errno == EINVAL || errno == ENOSYS) return link_then_unlink(from, to);
    return disk_error(errno, "rename to " + to + " of", from);
  }

  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return disk_error(errno, "remove", path);
    return ok();
  }

  Status make_directory(const std::string& path) override {
    if (path.empty() || path == "/" || path == ".") return ok();
    if (::mkdir(path.c_str(), 0750) == 0) return sync_directory(parent_of(path));
    if (errno == EEXIST) return expect_directory(path);
    if (errno != ENOENT) return disk_error(errno, "make folder", path);
    FRESHET_TRY_STATUS(make_directory(parent_of(path)));
    if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
      return disk_error(errno, "make folder", path);
    }
    return sync_directory(parent_of(path));
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return disk_error(errno, "list", path);
    std::vector<std::string> names;
    errno = 0;
    while (dirent* entry = ::readdir(directory)) {
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
      errno = 0;
    }
    int failure = errno;
    ::closedir(directory);
    if (failure != 0) return disk_error(failure, "list", path);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<FileFacts> look_at(const std::string& path) override {
    struct stat facts{};
    if (::stat(path.c_str(), &facts) != 0) return disk_error(errno, "look at", path);
    std::int64_t modified_us = facts.st_mtim.tv_sec * 1'000'000 + facts.st_mtim.tv_nsec / 1000;
    return FileFacts{S_ISDIR(facts.st_mode) != 0, static_cast<std::uint64_t>(facts.st_size),
                     modified_us};
  }

  Result<std::unique_ptr<FileLock>> try_lock(const std::string& path) override {
    FRESHET_TRY(DirectoryLock lock, DirectoryLock::acquire(path));
    return std::unique_ptr<FileLock>(std::make_unique<SystemFileLock>(std::move(lock)));
  }

  Status sync_directory(const std::string& path) override {
    Descriptor directory(open_uninterrupted(path.c_str(), O_RDONLY | O_DIRECTORY));
    if (!directory.valid()) return disk_error(errno, "open folder", path);
    if (::fsync(directory.get()) != 0) return disk_error(errno, "sync folder", path);
    return ok();
  }

  Result<std::uint64_t> free_bytes(const std::string& path) override {
    struct statvfs facts{};
    if (::statvfs(path.c_str(), &facts) != 0) return disk_error(errno, "look at space of", path);
    // FUSE and overlay file systems report absurd products; a full 64 bits means "no limit known".
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(facts.f_bavail),
                               static_cast<std::uint64_t>(facts.f_frsize), &bytes)) {
      return std::numeric_limits<std::uint64_t>::max();
    }
    return bytes;
  }

 private:
  Status expect_directory(const std::string& path) {
    FRESHET_TRY(FileFacts facts, look_at(path));
    if (!facts.is_directory) return disk_error(ENOTDIR, "make folder", path);
    return ok();
  }
};

}  // namespace

Status remove_if_there(Disk& disk, const std::string& path) {
  Status removed = disk.remove(path);
  return removed || removed.error().code() == Code::kNotFound ? ok() : std::move(removed);
}

Disk& system_disk() {
  static SystemDisk disk;
  return disk;
}

}  // namespace freshet::io

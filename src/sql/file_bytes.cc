#include "sql/file_bytes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

namespace freshet::sql {
namespace {

constexpr std::size_t kReadBytes = 1u << 20;

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  ~FileDescriptor() {
    if (number_ >= 0) ::close(number_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Error read_error(const std::string& path, int failure) {
  if (failure == ENOENT || failure == ENOTDIR)
    return Error(Code::kNotFound, 3810, fmt::format("{}: there is no such file", path));
  if (failure == ELOOP)
    return Error(Code::kNotFound, 3810, fmt::format("{}: a symbolic link, not a file", path));
  return Error(Code::kIo, 3816,
               fmt::format("{}: cannot be read: {}", path, std::strerror(failure)));
}

Error write_error(const std::string& path, int failure) {
  if (failure == EEXIST) {
    return Error(Code::kExists, 3802,
                 fmt::format("{}: there is such a file already, and none is written over", path));
  }
  return Error(failure == ENOSPC || failure == EDQUOT ? Code::kNoSpace : Code::kIo, 3804,
               fmt::format("{}: cannot be written: {}", path, std::strerror(failure)));
}

struct HashDeleter {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

std::string text_of(const XXH128_hash_t& hash) {
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

Result<FileIdentity> identity_of(int file, const std::string& path) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return read_error(path, errno);
  if (!S_ISREG(status.st_mode))
    return Error(Code::kNotFound, 3810, fmt::format("{}: not a file", path));
  auto ns_of = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  return FileIdentity{static_cast<std::uint64_t>(status.st_size), status.st_dev, status.st_ino,
                      ns_of(status.st_mtim), ns_of(status.st_ctim)};
}

}  // namespace

Result<FileBytes> read_file_bytes(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.number() < 0) return read_error(path, errno);
  FRESHET_TRY([[maybe_unused]] FileIdentity identity, identity_of(file.number(), path));
  std::unique_ptr<XXH3_state_t, HashDeleter> hash(XXH3_createState());
  FRESHET_CHECK(hash != nullptr);
  XXH3_128bits_reset(hash.get());
  std::vector<char> buffer(kReadBytes);
  FileBytes whole;
  for (;;) {
    ssize_t read = ::read(file.number(), buffer.data(), buffer.size());
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return read_error(path, errno);
    if (read == 0) break;
    XXH3_128bits_update(hash.get(), buffer.data(), static_cast<std::size_t>(read));
    whole.bytes += static_cast<std::uint64_t>(read);
  }
  whole.checksum = text_of(XXH3_128bits_digest(hash.get()));
  return whole;
}

Result<FileIdentity> identity_of_file(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.number() < 0) return read_error(path, errno);
  return identity_of(file.number(), path);
}

Status create_empty_file(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (file.number() < 0) return write_error(path, errno);
  return ok();
}

Status sync_file(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.number() < 0) return write_error(path, errno);
  if (::fsync(file.number()) != 0) return write_error(path, errno);
  return ok();
}

}  // namespace freshet::sql

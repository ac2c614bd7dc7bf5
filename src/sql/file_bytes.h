// The bytes of a whole file, as POSIX gives them: checksum, size, sync.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"

namespace freshet::sql {

struct FileBytes {
  std::uint64_t bytes = 0;
  std::string checksum;  // XXH3-128, 32 hexadecimal digits
};

// Another file, or other bytes, have another identity, as far as the file system says.
struct FileIdentity {
  std::uint64_t bytes = 0;
  std::uint64_t device = 0, inode = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// Reads all of it. kNotFound FRS-3810, kIo FRS-3816.
Result<FileBytes> read_file_bytes(const std::string& path);
// Of a regular file that can be opened, without reading it. kNotFound FRS-3810 (a symbolic link or
// a folder is no file), kIo FRS-3816.
Result<FileIdentity> identity_of_file(const std::string& path);
// Makes an empty file that was not there. kExists FRS-3802; kIo, kNoSpace FRS-3804.
Status create_empty_file(const std::string& path);
// Puts the file's bytes on stable storage. kIo, kNoSpace FRS-3804.
Status sync_file(const std::string& path);

}  // namespace freshet::sql

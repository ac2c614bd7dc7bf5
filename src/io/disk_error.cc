#include "io/disk_error.h"

#include <cerrno>
#include <system_error>

namespace freshet::io {
namespace {

struct Kind {
  Code code;
  int number;
  std::string_view advice;
};

Kind kind_of(int errno_value) {
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
      return {Code::kNoSpace, 3001, "free space on this file system, or raise its quota"};
    case ENOENT:
    case ENOTDIR:
      return {Code::kNotFound, 3002, "check the path"};
    case EEXIST:
      return {Code::kExists, 3003, "choose another name, or remove what stands there"};
    case EACCES:
    case EPERM:
    case EROFS:
      return {Code::kDenied, 3004, "give this user the right to write there"};
    default:
      return {Code::kIo, 3005, "check the disk and the kernel's messages"};
  }
}

}  // namespace

Error disk_error(int errno_value, std::string_view action, const std::string& path) {
  Kind kind = kind_of(errno_value);
  std::string message = "cannot " + std::string(action) + " " + path + ": " +
                        std::generic_category().message(errno_value) + "; " +
                        std::string(kind.advice);
  return Error(kind.code, kind.number, std::move(message));
}

}  // namespace freshet::io

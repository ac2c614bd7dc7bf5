#include "app/temporary_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace freshet::app {
namespace {

Status write(const std::string& path, std::string_view bytes, std::ios::openmode mode) {
  std::ofstream file(path, std::ios::binary | mode);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return ok();
  return Error(Code::kIo, 3440, fmt::format("{}: cannot be written: {}", path, strerror(errno)));
}

}  // namespace

Result<TemporaryFile> TemporaryFile::make(std::string path) {
  std::error_code ignored;  // what matters is whether the file can be written
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  FRESHET_TRY_STATUS(write(path, "", std::ios::trunc));
  return TemporaryFile(std::move(path));
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;  // left behind, it is removed with its folder at the next start
  if (!path_.empty()) std::filesystem::remove(path_, ignored);
}

Status TemporaryFile::append(std::string_view bytes) {
  return write(path_, bytes, std::ios::app);
}

Error TemporaryFile::about(const Error& error, std::string_view name) const {
  std::string message = error.message();
  for (std::size_t at = 0; (at = message.find(path_, at)) != std::string::npos; at += name.size())
    message.replace(at, path_.size(), name);
  return Error(error.code(), error.number(), std::move(message));
}

}  // namespace freshet::app

// Which side a URL means.
#include <filesystem>

#include "object_store/errors.h"
#include "object_store/local_store.h"
#include "object_store/memory_store.h"
#include "object_store/object_store.h"
#include "object_store/s3_store.h"

namespace freshet::object_store {
namespace {

Error bad_url(const std::string& url, std::string_view fault) {
  return Error(Code::kInvalid, kBadUrl,
               "the object store's URL " + in_quotes(url) + " is refused: " + std::string(fault) +
                   "; give file:FOLDER, file:///FOLDER or s3://BUCKET/PREFIX");
}

// The absolute folder, without a "/" at its end; "" where the URL names none.
std::string folder_of(const std::string& rest, const std::string& base_folder) {
  bool is_absolute = rest.starts_with("///");
  if (rest.empty() || (rest.starts_with('/') && !is_absolute)) return {};
  if (rest.find('\0') != std::string::npos) return {};
  std::error_code failed;
  std::filesystem::path path = is_absolute ? std::filesystem::path(rest.substr(2))
                                           : std::filesystem::path(base_folder) / rest;
  std::string folder = std::filesystem::absolute(path, failed).lexically_normal().string();
  if (failed) return {};
  while (folder.ends_with('/')) folder.pop_back();
  return folder;
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_object_store(const std::string& url,
                                                       const Settings& settings, Machine machine) {
  if (url == "memory:") {
    return std::unique_ptr<ObjectStore>(std::make_unique<MemoryStore>(settings, machine));
  }
  if (url.starts_with("file:")) {
    std::string folder = folder_of(url.substr(5), settings.base_folder);
    if (folder.empty()) return bad_url(url, "it names no folder of this machine");
    return LocalStore::open(folder, settings, machine);
  }
  if (url.starts_with("s3://")) return S3Store::open(url, settings, machine);
  return bad_url(url, "its scheme is not known");
}

}  // namespace freshet::object_store

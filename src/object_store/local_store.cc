// What a folder gives: reading and listing. local_store_put.cc changes it.
#include "object_store/local_store.h"

#include <algorithm>

#include "common/bytes.h"
#include "object_store/content_hash.h"
#include "object_store/errors.h"
#include "object_store/local_store_files.h"
#include "object_store/object_name.h"

namespace freshet::object_store {

struct LocalStore::Opened {
  std::unique_ptr<io::File> file;
  io::FileFacts facts;
};

// What list_folder carries along.
struct LocalStore::Listing {
  std::string prefix;
  std::string after;
  std::size_t count_max;
  ListPage page;
};

LocalStore::LocalStore(std::string folder, const Settings& settings, Machine machine)
    : folder_(std::move(folder)),
      root_url_("file://" + folder_ + "/"),
      get_bytes_max_(settings.get_bytes_max),
      lock_wait_us_(settings.lock_wait_us),
      temporary_age_us_(settings.temporary_age_us),
      machine_(machine) {}

Result<std::unique_ptr<ObjectStore>> LocalStore::open(const std::string& folder,
                                                      const Settings& settings, Machine machine) {
  std::unique_ptr<LocalStore> store(new LocalStore(folder, settings, machine));
  FRESHET_TRY_STATUS(machine.disk.make_directory(folder + "/" + std::string(kTemporaryFolder)));
  FRESHET_TRY_STATUS(store->sweep());
  return std::unique_ptr<ObjectStore>(std::move(store));
}

Result<LocalStore::Opened> LocalStore::open_object(const std::string& name) {
  FRESHET_TRY_STATUS(check_name(name));
  auto facts = machine_.disk.look_at(path_of(name));
  bool is_missing = facts ? facts->is_directory : is_not_there(facts.error());
  if (is_missing) return no_object(url_of(name));
  if (!facts) return std::move(facts).error();
  auto file = machine_.disk.open(path_of(name), io::OpenMode::kRead);
  if (!file && is_not_there(file.error())) return no_object(url_of(name));
  if (!file) return std::move(file).error();
  // The facts of the name may be of an earlier object; a file that is open stays the same one.
  FRESHET_TRY(facts->bytes, (*file)->size());
  return Opened{*std::move(file), *facts};
}

Result<std::string> LocalStore::get(const std::string& name) {
  FRESHET_TRY(Opened opened, open_object(name));
  if (opened.facts.bytes > get_bytes_max_) {
    return too_large(url_of(name), opened.facts.bytes, get_bytes_max_);
  }
  return read_part(*opened.file, 0, opened.facts.bytes);
}

Result<std::string> LocalStore::get_range(const std::string& name, std::uint64_t offset,
                                          std::uint64_t bytes) {
  if (bytes > get_bytes_max_) return too_large(url_of(name), bytes, get_bytes_max_);
  FRESHET_TRY(Opened opened, open_object(name));
  if (offset >= opened.facts.bytes) return std::string();
  return read_part(*opened.file, offset, std::min(bytes, opened.facts.bytes - offset));
}

Result<ObjectInfo> LocalStore::head(const std::string& name) {
  FRESHET_TRY(Opened opened, open_object(name));
  ContentHash hash;
  FRESHET_TRY_STATUS(read_pieces(*opened.file, [&](std::span<const std::byte> piece) {
    hash.update(piece);
    return ok();
  }));
  return ObjectInfo{name, hash.bytes(), hash.etag(), opened.facts.modified_us};
}

Result<ListPage> LocalStore::list_page(const std::string& prefix, const std::string& after,
                                       std::size_t count_max) {
  FRESHET_TRY_STATUS(check_prefix(prefix));
  std::size_t count = std::clamp<std::size_t>(count_max, 1, kPageObjectsMax);
  Listing listing{prefix, after, count, {}};
  // Everything that starts with "a/b/c" is below "a/b/".
  std::size_t slash = prefix.rfind('/');
  std::string below = slash == std::string::npos ? "" : prefix.substr(0, slash + 1);
  FRESHET_TRY(listing.page.more, list_folder(listing, below));
  return std::move(listing.page);
}

// The entries of a folder, sub-folders with a "/" at their end, in the order of the whole names'
// bytes. `folder_name` is "" or ends with "/".
Result<LocalStore::Entries> LocalStore::entries_of(const std::string& folder_name) {
  std::string path = folder_;
  if (!folder_name.empty()) path += "/" + folder_name.substr(0, folder_name.size() - 1);
  auto found = machine_.disk.list(path);
  // Without the root the disk is not mounted: that is not the same as being empty.
  if (!found && is_not_there(found.error()) && !folder_name.empty()) return Entries();
  if (!found) return std::move(found).error();
  Entries entries;
  for (const std::string& entry : *found) {
    if (folder_name.empty() && entry.starts_with(kOwnPrefix)) continue;
    auto facts = machine_.disk.look_at(path + "/" + entry);
    if (!facts && is_not_there(facts.error())) continue;  // removed meanwhile
    if (!facts) return std::move(facts).error();
    entries.emplace_back(folder_name + entry + (facts->is_directory ? "/" : ""), *facts);
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& left, const auto& right) { return left.first < right.first; });
  return entries;
}

// Depth first. True where the page was full before the end.
Result<bool> LocalStore::list_folder(Listing& listing, const std::string& folder_name) {
  FRESHET_TRY(Entries entries, entries_of(folder_name));
  for (const auto& [name, facts] : entries) {
    if (facts.is_directory) {
      bool may_start = name.starts_with(listing.prefix) || listing.prefix.starts_with(name);
      bool is_before = name < listing.after && !listing.after.starts_with(name);
      if (!may_start || is_before) continue;
      FRESHET_TRY(bool is_full, list_folder(listing, name));
      if (is_full) return true;
      continue;
    }
    if (name <= listing.after || !name.starts_with(listing.prefix)) continue;
    if (listing.page.objects.size() == listing.count_max) return true;
    listing.page.objects.push_back({name, facts.bytes, "", facts.modified_us});
  }
  return false;
}

}  // namespace freshet::object_store

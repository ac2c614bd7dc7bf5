// Objects as plain files below one folder, under their own names, so that any program can read
// them.
//
// A put writes a temporary file below `.freshet-temporary`, syncs it, and gives it its name in one
// step: without replacing for kIfAbsent, else under the lock of `.freshet-lock`, which every
// process that changes this folder takes. Then the folder is synced.
//
// The etag is made of the content: its size and 128 bits of XXH3. The inode and its times, which
// cost nothing to read, are no etag: a file system gives a freed inode again, and stamps by the
// tick, so that a file removed and made anew could pass for the old one. The price is that head
// reads the object; if_match is meant for small ones. XXH3 keeps no adversary out, who could write
// to the folder anyhow.
#pragma once

#include <functional>
#include <set>

#include "common/mutex.h"
#include "object_store/object_store.h"

namespace freshet::object_store {

class LocalStore : public ObjectStore {
 public:
  // `folder` is absolute, without a "/" at its end. Makes it, and removes temporary files that a
  // crashed process left longer than temporary_age_us ago; younger ones may be of a living one.
  static Result<std::unique_ptr<ObjectStore>> open(const std::string& folder,
                                                   const Settings& settings, Machine machine);

  Result<ObjectInfo> put(const std::string& name, std::span<const std::byte> bytes,
                         const PutCondition& condition) override;
  Result<ObjectInfo> put_file(const std::string& name, const std::string& path,
                              const PutCondition& condition) override;
  Result<std::string> get(const std::string& name) override;
  Result<std::string> get_range(const std::string& name, std::uint64_t offset,
                                std::uint64_t bytes) override;
  Result<ObjectInfo> head(const std::string& name) override;
  Status remove(const std::string& name) override;
  Result<ListPage> list_page(const std::string& prefix, const std::string& after,
                             std::size_t count_max) override;
  const std::string& root_url() const override { return root_url_; }

 private:
  class Temporary;
  struct Opened;
  struct Listing;
  using Entries = std::vector<std::pair<std::string, io::FileFacts>>;
  // Writes what is to be put into the temporary file.
  using Fill = std::function<Status(Temporary&)>;

  LocalStore(std::string folder, const Settings& settings, Machine machine);

  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }
  Status sweep();
  Status sweep_one(const std::string& path, std::int64_t now_us);

  Result<ObjectInfo> put_filled(const std::string& name, const PutCondition& condition,
                                const Fill& fill);
  Status expect(const std::string& name, const PutCondition& condition);
  Status publish(Temporary& temporary, const std::string& name, const PutCondition& condition);
  Status publish_new(Temporary& temporary, const std::string& name);
  Status make_parent(const std::string& name);
  bool is_folder(const std::string& name);
  std::string parent_path_of(const std::string& name) const;
  Status settle(const std::string& name, const Status& changed);
  Result<std::unique_ptr<io::FileLock>> wait_for_lock();
  std::string temporary_path();

  Result<Opened> open_object(const std::string& name);
  Result<Entries> entries_of(const std::string& folder_name);
  Result<bool> list_folder(Listing& listing, const std::string& folder_name);

  const std::string folder_;
  const std::string root_url_;
  const std::uint64_t get_bytes_max_;
  const std::int64_t lock_wait_us_;
  const std::int64_t temporary_age_us_;
  Machine machine_;
  Mutex random_mutex_;  // a seeded Random is of one thread
  Mutex folders_mutex_;
  std::set<std::string> durable_folders_ FRESHET_GUARDED_BY(folders_mutex_);
};

}  // namespace freshet::object_store

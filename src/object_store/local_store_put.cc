// How a folder is changed. What is written is synced before it gets its name, the name before the
// caller hears of it; each other order loses something in a crash.
#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "common/bytes.h"
#include "common/logging.h"
#include "object_store/content_hash.h"
#include "object_store/errors.h"
#include "object_store/local_store.h"
#include "object_store/local_store_files.h"
#include "object_store/object_name.h"

namespace freshet::object_store {

constexpr std::size_t kFoldersRememberedMax = 10'000;

// A file of ours that has no name yet. Removed with it, unless it was given one.
class LocalStore::Temporary {
 public:
  Temporary(io::Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!is_ours_) return;
    file_.reset();
    if (Status removed = disk_.remove(path_); !removed) {
      log_warning("a temporary file stays until the next start",
                  {{"path", path_}, {"reason", removed.error().message()}});
    }
  }

  Status create() {
    FRESHET_TRY(file_, disk_.open(path_, io::OpenMode::kCreate));
    is_ours_ = true;
    return ok();
  }
  Status append(std::span<const std::byte> bytes) {
    FRESHET_TRY_STATUS(file_->write(hash_.bytes(), bytes));
    hash_.update(bytes);
    return ok();
  }
  Status sync() { return file_->sync(); }
  void was_named() { is_ours_ = false; }
  const std::string& path() const { return path_; }
  const ContentHash& hash() const { return hash_; }

 private:
  io::Disk& disk_;
  const std::string path_;
  std::unique_ptr<io::File> file_;
  ContentHash hash_;
  bool is_ours_ = false;
};

Result<ObjectInfo> LocalStore::put(const std::string& name, std::span<const std::byte> bytes,
                                   const PutCondition& condition) {
  return put_filled(name, condition, [&](Temporary& temporary) { return temporary.append(bytes); });
}

Result<ObjectInfo> LocalStore::put_file(const std::string& name, const std::string& path,
                                        const PutCondition& condition) {
  FRESHET_TRY(auto source, machine_.disk.open(path, io::OpenMode::kRead));
  return put_filled(name, condition, [&](Temporary& temporary) {
    return read_pieces(*source,
                       [&](std::span<const std::byte> piece) { return temporary.append(piece); });
  });
}

Result<ObjectInfo> LocalStore::put_filled(const std::string& name, const PutCondition& condition,
                                          const Fill& fill) {
  FRESHET_TRY_STATUS(check_name(name));
  // Decided again at the end; this one only saves writing what cannot be put.
  FRESHET_TRY_STATUS(expect(name, condition));
  Temporary temporary(machine_.disk, temporary_path());
  FRESHET_TRY_STATUS(temporary.create());
  FRESHET_TRY_STATUS(fill(temporary));
  FRESHET_TRY_STATUS(temporary.sync());
  FRESHET_TRY(io::FileFacts facts, machine_.disk.look_at(temporary.path()));
  FRESHET_TRY_STATUS(make_parent(name));
  FRESHET_TRY_STATUS(publish(temporary, name, condition));
  return ObjectInfo{name, temporary.hash().bytes(), temporary.hash().etag(), facts.modified_us};
}

// kExists where the condition does not hold now, and what is there instead is durable.
Status LocalStore::expect(const std::string& name, const PutCondition& condition) {
  if (condition.kind == PutCondition::Kind::kAlways) return ok();
  if (condition.kind == PutCondition::Kind::kIfAbsent) {
    auto facts = machine_.disk.look_at(path_of(name));
    if (!facts) return is_not_there(facts.error()) ? ok() : Status(std::move(facts).error());
    if (facts->is_directory) return ok();  // make_parent and publish say what is wrong
    FRESHET_TRY_STATUS(machine_.disk.sync_directory(parent_path_of(name)));
    return condition_failed(url_of(name), "an object of that name");
  }
  auto found = head(name);
  if (!found && is_not_there(found.error())) return condition_failed(url_of(name), "no object");
  if (!found) return std::move(found).error();
  if (found->etag == condition.etag) return ok();
  FRESHET_TRY_STATUS(machine_.disk.sync_directory(parent_path_of(name)));
  return condition_failed(url_of(name), "one with another etag, " + found->etag);
}

Status LocalStore::publish(Temporary& temporary, const std::string& name,
                           const PutCondition& condition) {
  if (condition.kind == PutCondition::Kind::kIfAbsent) return publish_new(temporary, name);
  // Every other change waits for the lock, removals too: between looking at the etag and renaming
  // nothing may come. A new object cannot: for if_match one is there already.
  FRESHET_TRY(auto lock, wait_for_lock());
  FRESHET_TRY_STATUS(expect(name, condition));
  Status renamed = machine_.disk.rename(temporary.path(), path_of(name));
  if (!renamed && is_folder(name)) return file_in_the_way(url_of(name));
  if (renamed) temporary.was_named();
  return settle(name, renamed);
}

Status LocalStore::publish_new(Temporary& temporary, const std::string& name) {
  Status renamed = machine_.disk.rename_new(temporary.path(), path_of(name));
  if (!renamed && renamed.error().code() == Code::kExists) {
    if (is_folder(name)) return file_in_the_way(url_of(name));
    // The winner may have been killed before it synced the name: whoever hears "exists" may build
    // on it, so that it must not vanish in a power cut.
    FRESHET_TRY_STATUS(machine_.disk.sync_directory(parent_path_of(name)));
    return condition_failed(url_of(name), "an object of that name");
  }
  if (renamed) temporary.was_named();
  return settle(name, renamed);
}

// After a change of a name that was tried: whether it is on stable storage, if that is known.
Status LocalStore::settle(const std::string& name, const Status& changed) {
  // An I/O error of the call itself says nothing of whether the directory was changed.
  if (!changed && changed.error().code() == Code::kIo) {
    return outcome_unknown(url_of(name), changed.error().to_string());
  }
  if (!changed) return changed;
  Status synced = machine_.disk.sync_directory(parent_path_of(name));
  if (synced) return ok();
  return outcome_unknown(url_of(name), synced.error().to_string());
}

Status LocalStore::remove(const std::string& name) {
  FRESHET_TRY_STATUS(check_name(name));
  FRESHET_TRY(auto lock, wait_for_lock());
  auto facts = machine_.disk.look_at(path_of(name));
  if (!facts && !is_not_there(facts.error())) return std::move(facts).error();
  if (facts && facts->is_directory) return ok();
  // Where it is gone, an earlier removal may not be durable yet.
  Status removed = facts ? machine_.disk.remove(path_of(name)) : ok();
  if (!removed && is_not_there(removed.error())) removed = ok();
  auto parent = machine_.disk.look_at(parent_path_of(name));
  bool has_folder = parent ? parent->is_directory : !is_not_there(parent.error());
  if (!has_folder) return ok();
  return settle(name, removed);
}

std::string LocalStore::parent_path_of(const std::string& name) const {
  std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? folder_ : path_of(name.substr(0, slash));
}

bool LocalStore::is_folder(const std::string& name) {
  auto facts = machine_.disk.look_at(path_of(name));
  return facts && facts->is_directory;
}

// A folder that is there may have been made by a process that was killed before it synced it into
// its parent: the first time that we use one, the whole way to it is synced.
Status LocalStore::make_parent(const std::string& name) {
  std::string parent = parent_path_of(name);
  Status made = machine_.disk.make_directory(parent);
  if (!made && is_not_there(made.error())) return file_in_the_way(url_of(name));
  if (!made) return made;
  MutexLock hold(folders_mutex_);
  if (durable_folders_.size() > kFoldersRememberedMax) durable_folders_.clear();
  for (; parent != folder_ && !durable_folders_.contains(parent);
       parent.resize(parent.rfind('/'))) {
    FRESHET_TRY_STATUS(machine_.disk.sync_directory(parent.substr(0, parent.rfind('/'))));
    durable_folders_.insert(parent);
  }
  return ok();
}

// Sleeps in between: flock has no waiting with an end, and a stopped process may hold it for ever.
Result<std::unique_ptr<io::FileLock>> LocalStore::wait_for_lock() {
  std::string path = folder_ + "/" + std::string(kLockFile);
  std::int64_t pause_us = 500;
  std::int64_t waited_us = 0;
  while (true) {
    auto lock = machine_.disk.try_lock(path);
    if (lock || lock.error().code() != Code::kExists) return lock;
    if (waited_us >= lock_wait_us_) {
      return Error(Code::kTimeout, kTooLate,
                   "nothing was changed in " + folder_ +
                       ": its lock stayed taken: " + lock.error().message());
    }
    std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
    waited_us += pause_us;
    pause_us = std::min<std::int64_t>(pause_us * 2, 20'000);
  }
}

std::string LocalStore::temporary_path() {
  std::array<std::byte, 16> chance;
  MutexLock hold(random_mutex_);
  machine_.random.fill(chance);
  return folder_ + "/" + std::string(kTemporaryFolder) + "/" + to_hex(as_string_view(chance));
}

Status LocalStore::sweep() {
  std::string folder = folder_ + "/" + std::string(kTemporaryFolder);
  FRESHET_TRY(std::vector<std::string> names, machine_.disk.list(folder));
  std::int64_t now_us = machine_.clock.wall_us();
  for (const std::string& name : names) FRESHET_TRY_STATUS(sweep_one(folder + "/" + name, now_us));
  return ok();
}

Status LocalStore::sweep_one(const std::string& path, std::int64_t now_us) {
  auto facts = machine_.disk.look_at(path);
  if (!facts && is_not_there(facts.error())) return ok();  // its process has named or removed it
  if (!facts) return std::move(facts).error();
  if (facts->modified_us > now_us - temporary_age_us_) return ok();
  Status removed = machine_.disk.remove(path);
  return !removed && is_not_there(removed.error()) ? ok() : removed;
}

}  // namespace freshet::object_store

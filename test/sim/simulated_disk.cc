#include "sim/simulated_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/check.h"
#include "common/crc32c.h"
#include "io/disk_error.h"

namespace freshet::sim {
namespace {

constexpr std::uint64_t kSectorBytes = 512;
constexpr std::uint64_t kSectorsPerPage = 8;

std::string parent_of(const std::string& path) {
  std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::uint64_t sector_end(std::uint64_t bytes) {
  return (bytes + kSectorBytes - 1) / kSectorBytes;
}

}  // namespace

class SimulatedFile : public io::File {
 public:
  SimulatedFile(SimulatedDisk& disk, std::string path, std::shared_ptr<SimulatedDisk::Inode> inode,
                io::OpenMode mode)
      : disk_(disk), path_(std::move(path)), inode_(std::move(inode)), mode_(mode) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> to) override {
    FRESHET_TRY_STATUS(disk_.refuse_when_off());
    const auto& bytes = inode_->cached;
    if (offset >= bytes.size()) return std::size_t{0};
    std::size_t count = std::min<std::size_t>(to.size(), bytes.size() - offset);
    std::memcpy(to.data(), bytes.data() + offset, count);
    disk_.note("read", path_, offset, count);
    return count;
  }

  Status write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    FRESHET_TRY_STATUS(disk_.refuse_when_off());
    if (mode_ == io::OpenMode::kRead || mode_ == io::OpenMode::kDirectRead)
      return io::disk_error(EBADF, "write", path_);
    if (mode_ == io::OpenMode::kDirectWrite) {
      return disk_.write_durably(*inode_, path_, offset, bytes);
    }
    bool power_fails = disk_.crash_is_due();
    FRESHET_TRY_STATUS(disk_.make_room(*inode_, offset + bytes.size(), path_));
    disk_.note("write", path_, offset, bytes.size());
    disk_.note_bytes(bytes);
    disk_.write_cached(*inode_, offset, bytes);
    if (!power_fails) return ok();
    disk_.crash();
    return disk_.powered_off();
  }

  Status sync() override {
    FRESHET_TRY_STATUS(disk_.refuse_when_off());
    if (disk_.crash_is_due()) {
      disk_.crash();
      return disk_.powered_off();
    }
    disk_.note("sync", path_, 0, 0);
    ++disk_.counters_.syncs;
    if (disk_.chance(disk_.faults_.sync_fails)) {
      ++disk_.counters_.failed_syncs;
      // Some of it reached the disk; the kernel takes all of it for clean from now on.
      std::set<std::uint64_t> dirty;
      std::swap(dirty, inode_->dirty);
      inode_->lost.insert(dirty.begin(), dirty.end());
      disk_.make_some_stable(*inode_, dirty);
      return io::disk_error(EIO, "sync", path_);
    }
    if (!disk_.pretend_sync()) disk_.make_all_stable(*inode_);
    return ok();
  }

  Result<std::uint64_t> size() override {
    FRESHET_TRY_STATUS(disk_.refuse_when_off());
    return static_cast<std::uint64_t>(inode_->cached.size());
  }

  Status truncate(std::uint64_t bytes) override {
    FRESHET_TRY_STATUS(disk_.refuse_when_off());
    FRESHET_TRY_STATUS(disk_.make_room(*inode_, bytes, path_));
    inode_->cached.resize(bytes);
    disk_.note("truncate", path_, bytes, 0);
    return ok();
  }

  int descriptor() const override { return -1; }

 private:
  friend class SimulatedDisk;
  SimulatedDisk& disk_;
  std::string path_;
  std::shared_ptr<SimulatedDisk::Inode> inode_;
  io::OpenMode mode_;
};

// A crash or kill gives the disk a new set of locks, so that a lock of the dead process frees
// nothing.
class SimulatedFileLock : public io::FileLock {
 public:
  SimulatedFileLock(std::shared_ptr<std::set<std::string>> locks, std::string path)
      : locks_(std::move(locks)), path_(std::move(path)) {}
  ~SimulatedFileLock() override { locks_->erase(path_); }

 private:
  std::shared_ptr<std::set<std::string>> locks_;
  std::string path_;
};

// --- Names

Result<std::unique_ptr<io::File>> SimulatedDisk::open(const std::string& path, io::OpenMode mode) {
  FRESHET_TRY_STATUS(refuse_when_off());
  auto found = names_.find(path);
  if (mode != io::OpenMode::kCreate && mode != io::OpenMode::kDirectCreate) {
    if (found == names_.end()) return io::disk_error(ENOENT, "open", path);
    return std::unique_ptr<io::File>(
        std::make_unique<SimulatedFile>(*this, path, found->second, mode));
  }
  if (found != names_.end()) return io::disk_error(EEXIST, "open", path);
  if (!directories_.contains(parent_of(path))) return io::disk_error(ENOENT, "open", path);
  bool power_fails = crash_is_due();
  auto inode = std::make_shared<Inode>();
  inode->number = next_inode_++;
  inode->modified_us = clock_ == nullptr ? 0 : clock_->wall_us();
  names_[path] = inode;
  name_changes_.push_back({NameChange::Kind::kCreate, path, "", inode});
  note("create", path, inode->number, 0);
  if (power_fails) {
    crash();
    return powered_off().error();
  }
  return std::unique_ptr<io::File>(
      std::make_unique<SimulatedFile>(*this, path, std::move(inode), mode));
}

Status SimulatedDisk::rename(const std::string& from, const std::string& to) {
  FRESHET_TRY_STATUS(refuse_when_off());
  auto found = names_.find(from);
  if (found == names_.end()) return io::disk_error(ENOENT, "rename", from);
  bool power_fails = crash_is_due();
  std::shared_ptr<Inode> inode = found->second;
  names_.erase(found);
  names_[to] = inode;
  name_changes_.push_back({NameChange::Kind::kRename, from, to, inode});
  note("rename", from, to.size(), 0);
  if (!power_fails) return ok();
  crash();
  return powered_off();
}

Status SimulatedDisk::rename_new(const std::string& from, const std::string& to) {
  FRESHET_TRY_STATUS(refuse_when_off());
  if (names_.contains(to) || directories_.contains(to)) {
    return io::disk_error(EEXIST, "rename to " + to + " of", from);
  }
  return rename(from, to);
}

Status SimulatedDisk::remove(const std::string& path) {
  FRESHET_TRY_STATUS(refuse_when_off());
  auto found = names_.find(path);
  if (found == names_.end()) return io::disk_error(ENOENT, "remove", path);
  bool power_fails = crash_is_due();
  name_changes_.push_back({NameChange::Kind::kRemove, path, "", found->second});
  names_.erase(found);
  note("remove", path, 0, 0);
  if (!power_fails) return ok();
  crash();
  return powered_off();
}

Status SimulatedDisk::make_directory(const std::string& path) {
  FRESHET_TRY_STATUS(refuse_when_off());
  // The system's disk syncs each folder that it makes into its parent.
  for (std::string each = path; !each.empty() && each != "." && each != "/";
       each = parent_of(each)) {
    directories_.insert(each);
  }
  return ok();
}

Result<std::vector<std::string>> SimulatedDisk::list(const std::string& path) {
  FRESHET_TRY_STATUS(refuse_when_off());
  if (!directories_.contains(path)) return io::disk_error(ENOENT, "list", path);
  std::vector<std::string> found;
  for (const auto& [name, inode] : names_) {
    if (parent_of(name) == path) found.push_back(name.substr(path.size() + 1));
  }
  for (const std::string& name : directories_) {
    if (parent_of(name) == path) found.push_back(name.substr(path.size() + 1));
  }
  std::sort(found.begin(), found.end());
  note("list", path, found.size(), 0);
  return found;
}

Result<io::FileFacts> SimulatedDisk::look_at(const std::string& path) {
  FRESHET_TRY_STATUS(refuse_when_off());
  if (directories_.contains(path)) return io::FileFacts{true, 0, 0};
  auto found = names_.find(path);
  if (found == names_.end()) return io::disk_error(ENOENT, "look at", path);
  return io::FileFacts{false, found->second->cached.size(), found->second->modified_us};
}

Result<std::unique_ptr<io::FileLock>> SimulatedDisk::try_lock(const std::string& path) {
  FRESHET_TRY_STATUS(refuse_when_off());
  if (!locks_->insert(path).second) return io::disk_error(EEXIST, "lock", path);
  return std::unique_ptr<io::FileLock>(std::make_unique<SimulatedFileLock>(locks_, path));
}

Status SimulatedDisk::sync_directory(const std::string& path) {
  FRESHET_TRY_STATUS(refuse_when_off());
  if (crash_is_due()) {
    crash();
    return powered_off();
  }
  ++counters_.directory_syncs;
  note("sync folder", path, 0, 0);
  if (chance(faults_.directory_sync_fails)) {
    ++counters_.failed_syncs;
    return io::disk_error(EIO, "sync folder", path);
  }
  if (!pretend(directory_syncs_, faults_.ignore_every_nth_directory_sync)) {
    stable_names_ = names_;
    name_changes_.clear();
  }
  return ok();
}

Result<std::uint64_t> SimulatedDisk::free_bytes(const std::string&) {
  FRESHET_TRY_STATUS(refuse_when_off());
  std::uint64_t used = used_bytes();
  return faults_.capacity_bytes > used ? faults_.capacity_bytes - used : 0;
}

std::uint64_t SimulatedDisk::used_bytes() const {
  std::uint64_t used = 0;
  for (const auto& [name, inode] : names_) used += inode->cached.size();
  return used;
}

std::vector<std::pair<std::string, std::uint64_t>> SimulatedDisk::files() const {
  std::vector<std::pair<std::string, std::uint64_t>> found;
  for (const auto& [name, inode] : names_) found.emplace_back(name, inode->cached.size());
  return found;
}

// --- Content

Status SimulatedDisk::make_room(Inode& inode, std::uint64_t end, const std::string& path) {
  if (end <= inode.cached.size()) return ok();
  std::uint64_t more = end - inode.cached.size();
  std::uint64_t used = used_bytes();
  if (used > faults_.capacity_bytes || more > faults_.capacity_bytes - used) {
    ++counters_.refused_for_space;
    return io::disk_error(ENOSPC, "write", path);
  }
  return ok();
}

void SimulatedDisk::write_cached(Inode& inode, std::uint64_t offset,
                                 std::span<const std::byte> bytes) {
  ++counters_.writes;
  if (clock_ != nullptr) inode.modified_us = clock_->wall_us();
  if (offset + bytes.size() > inode.cached.size()) inode.cached.resize(offset + bytes.size());
  std::memcpy(inode.cached.data() + offset, bytes.data(), bytes.size());
  for (std::uint64_t sector = offset / kSectorBytes; sector < sector_end(offset + bytes.size());
       ++sector) {
    inode.dirty.insert(sector);
    inode.lost.erase(sector);
  }
}

void SimulatedDisk::make_stable(Inode& inode, std::uint64_t first_sector,
                                std::uint64_t end_sector) {
  std::uint64_t begin = first_sector * kSectorBytes;
  std::uint64_t end = std::min<std::uint64_t>(end_sector * kSectorBytes, inode.cached.size());
  if (end <= begin) return;
  if (inode.stable.size() < end) inode.stable.resize(end);
  std::memcpy(inode.stable.data() + begin, inode.cached.data() + begin, end - begin);
  for (std::uint64_t sector = first_sector; sector < end_sector; ++sector) {
    inode.dirty.erase(sector);
    inode.lost.erase(sector);
  }
}

void SimulatedDisk::make_all_stable(Inode& inode) {
  std::set<std::uint64_t> dirty = inode.dirty;
  for (std::uint64_t sector : dirty) make_stable(inode, sector, sector + 1);
  inode.stable.resize(inode.cached.size());
}

void SimulatedDisk::make_some_stable(Inode& inode, const std::set<std::uint64_t>& sectors) {
  bool by_page = random_.below(2) == 0;
  std::uint64_t keep = random_.below(5);  // of 4: none, some, all
  std::uint64_t page = ~std::uint64_t{0};
  bool page_is_kept = false;
  bool kept_before = false;
  for (std::uint64_t sector : sectors) {
    bool same_page = sector / kSectorsPerPage == page;
    if (!same_page) {
      page = sector / kSectorsPerPage;
      page_is_kept = random_.below(4) < keep;
    }
    bool kept = by_page ? page_is_kept : random_.below(4) < keep;
    if (same_page && kept != kept_before) ++counters_.torn_pages;
    kept_before = kept;
    if (kept) {
      make_stable(inode, sector, sector + 1);
    } else {
      ++counters_.sectors_lost;
    }
  }
}

Status SimulatedDisk::write_durably(Inode& inode, const std::string& path, std::uint64_t offset,
                                    std::span<const std::byte> bytes) {
  FRESHET_CHECK(offset % io::kDirectBytes == 0);
  FRESHET_CHECK(bytes.size() % io::kDirectBytes == 0);
  FRESHET_CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % io::kDirectBytes == 0);
  bool power_fails = crash_is_due();
  FRESHET_TRY_STATUS(make_room(inode, offset + bytes.size(), path));
  note("write durably", path, offset, bytes.size());
  note_bytes(bytes);
  write_cached(inode, offset, bytes);
  if (power_fails) {
    crash();
    return powered_off();
  }
  std::uint64_t first = offset / kSectorBytes;
  std::uint64_t end = sector_end(offset + bytes.size());
  if (chance(faults_.write_fails)) {
    ++counters_.failed_writes;
    std::set<std::uint64_t> sectors;
    for (std::uint64_t sector = first; sector < end; ++sector) sectors.insert(sector);
    for (std::uint64_t sector : sectors) {
      inode.dirty.erase(sector);
      inode.lost.insert(sector);
    }
    make_some_stable(inode, sectors);
    return io::disk_error(EIO, "write", path);
  }
  if (!pretend_sync()) {
    make_stable(inode, first, end);
    if (inode.stable.size() < inode.cached.size()) inode.stable.resize(inode.cached.size());
  }
  return ok();
}

void SimulatedDisk::begin_write(io::File& file, std::uint64_t offset,
                                std::span<const std::byte> bytes) {
  auto& simulated = static_cast<SimulatedFile&>(file);
  Inode& inode = *simulated.inode_;
  if (offset + bytes.size() > inode.cached.size()) return;  // a file that was still growing
  note("begin write", simulated.path_, offset, bytes.size());
  std::uint64_t share = random_.below(5);  // of 4
  for (std::size_t at = 0; at < bytes.size(); at += io::kDirectBytes) {
    if (random_.below(4) >= share) continue;
    write_cached(inode, offset + at, bytes.subspan(at, io::kDirectBytes));
  }
}

void SimulatedDisk::flip(const std::string& path, std::uint64_t offset, std::uint8_t mask) {
  Inode& inode = *names_.at(path);
  FRESHET_CHECK(offset < inode.cached.size());
  inode.cached[offset] ^= std::byte{mask};
  if (offset < inode.stable.size()) inode.stable[offset] ^= std::byte{mask};
  note("flip", path, offset, mask);
}

// --- Crashes

void SimulatedDisk::crash() {
  crash_countdown_.reset();
  if (before_crash_) before_crash_();
  ++counters_.crashes;
  note("crash", "", 0, 0);
  off_ = true;
  locks_ = std::make_shared<std::set<std::string>>();
  settle_names();
  std::set<Inode*> seen;
  for (auto& [name, inode] : names_) {
    if (!seen.insert(inode.get()).second) continue;
    std::set<std::uint64_t> dirty;
    std::swap(dirty, inode->dirty);
    // The size is the file system's business: it may know of bytes that never came.
    std::uint64_t known = inode->stable.size();
    make_some_stable(*inode, dirty);
    std::uint64_t size = random_.below(2) == 0
                             ? std::max<std::uint64_t>(known, inode->stable.size())
                             : inode->cached.size();
    inode->stable.resize(size);
    inode->cached = inode->stable;
    inode->lost.clear();
  }
}

// Each change of names that no directory sync has covered is kept or forgotten; what depends on a
// forgotten one is forgotten too.
void SimulatedDisk::settle_names() {
  Names kept = stable_names_;
  for (const NameChange& change : name_changes_) {
    bool forget = random_.below(2) == 0;
    auto from = kept.find(change.from);
    bool possible = change.kind == NameChange::Kind::kCreate
                        ? from == kept.end()
                        : from != kept.end() && from->second == change.inode;
    if (forget || !possible) {
      ++counters_.names_forgotten;
      continue;
    }
    if (change.kind == NameChange::Kind::kCreate) {
      kept[change.from] = change.inode;
      continue;
    }
    kept.erase(from);
    if (change.kind == NameChange::Kind::kRename) kept[change.to] = change.inode;
  }
  names_ = kept;
  stable_names_ = std::move(kept);
  name_changes_.clear();
}

void SimulatedDisk::kill() {
  note("kill", "", 0, 0);
  locks_ = std::make_shared<std::set<std::string>>();
  for (auto& [name, inode] : names_) {
    if (inode->lost.empty() || random_.below(2) == 0) continue;
    std::set<std::uint64_t> lost;
    std::swap(lost, inode->lost);
    inode->stable.resize(std::max(inode->stable.size(), inode->cached.size()));
    for (std::uint64_t sector : lost) {
      std::uint64_t begin = sector * kSectorBytes;
      std::uint64_t end = std::min<std::uint64_t>(begin + kSectorBytes, inode->cached.size());
      if (begin < end) {
        std::memcpy(inode->cached.data() + begin, inode->stable.data() + begin, end - begin);
      }
    }
  }
}

void SimulatedDisk::power_on() {
  off_ = false;
  note("power on", "", 0, 0);
}

Status SimulatedDisk::refuse_when_off() const {
  return off_ ? powered_off() : ok();
}

Status SimulatedDisk::powered_off() const {
  return Error(Code::kIo, "the simulated machine is off");
}

bool SimulatedDisk::crash_is_due() {
  if (!crash_countdown_.has_value()) return false;
  if (*crash_countdown_ > 0) {
    --*crash_countdown_;
    return false;
  }
  return true;
}

bool SimulatedDisk::chance(std::uint32_t thousandths) {
  return thousandths > 0 && random_.below(1000) < thousandths;
}

bool SimulatedDisk::pretend(std::uint64_t& operations, std::uint32_t every_nth) {
  ++operations;
  bool pretends = every_nth != 0 && operations % every_nth == 0;
  if (pretends) ++counters_.pretended_syncs;
  return pretends;
}

bool SimulatedDisk::pretend_sync() {
  return pretend(file_syncs_, faults_.ignore_every_nth_sync);
}

// FNV-1a (Fowler, Noll, Vo) over words: order matters, which is all that is asked of it.
void SimulatedDisk::note(std::string_view what, std::string_view path, std::uint64_t a,
                         std::uint64_t b) {
  auto mix = [&](std::uint64_t word) { io_hash_ = (io_hash_ ^ word) * 0x100000001b3ull; };
  for (char c : what) mix(static_cast<unsigned char>(c));
  for (char c : path) mix(static_cast<unsigned char>(c));
  mix(a);
  mix(b);
}

void SimulatedDisk::note_bytes(std::span<const std::byte> bytes) {
  io_hash_ = (io_hash_ ^ crc32c(0, bytes)) * 0x100000001b3ull;
}

}  // namespace freshet::sim

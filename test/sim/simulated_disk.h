// A disk in memory that does what disks do at their worst, from a seed: a crash keeps any subset of
// what was not synced, tears writes at 512 bytes or 4 KiB and forgets names; a sync fails and
// leaves pages that look clean; space runs out. Everything it is asked and answers goes into a
// hash, so that two runs of a seed can be compared.
//
// One thread. Paths are plain text; a folder exists once it has been made.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/clock.h"
#include "io/disk.h"
#include "io/random.h"

namespace freshet::sim {

struct DiskFaults {
  // In thousandths of the operations.
  std::uint32_t sync_fails = 0;
  std::uint32_t write_fails = 0;
  std::uint32_t directory_sync_fails = 0;
  std::uint64_t capacity_bytes = ~std::uint64_t{0};
  // Planted bugs: of every n durable writes and syncs of files, or syncs of folders, one is only
  // pretended. 0: none.
  std::uint32_t ignore_every_nth_sync = 0;
  std::uint32_t ignore_every_nth_directory_sync = 0;
};

struct DiskCounters {
  std::uint64_t writes = 0, syncs = 0, directory_syncs = 0;
  std::uint64_t failed_writes = 0, failed_syncs = 0, refused_for_space = 0;
  std::uint64_t crashes = 0, sectors_lost = 0, torn_pages = 0, names_forgotten = 0;
  std::uint64_t pretended_syncs = 0;
};

class SimulatedDisk : public io::Disk {
 public:
  explicit SimulatedDisk(std::uint64_t seed) : random_(seed) {}

  // io::Disk. While the machine is off everything is refused.
  Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status rename_new(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status make_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<io::FileFacts> look_at(const std::string& path) override;
  Result<std::unique_ptr<io::FileLock>> try_lock(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;

  // What files are stamped with; without one they are of 1970. Must outlive the disk.
  void use_clock(io::Clock& clock) { clock_ = &clock; }
  DiskFaults& faults() { return faults_; }
  const DiskCounters& counters() const { return counters_; }
  std::uint64_t io_hash() const { return io_hash_; }

  // The power fails: what is not on stable storage survives in part or not at all. The machine is
  // off until power_on().
  void crash();
  // As if the power failed during the n-th operation from now on that changes something.
  void crash_after(std::uint64_t operations) { crash_countdown_ = operations; }
  void cancel_crash() { crash_countdown_.reset(); }
  bool is_off() const { return off_; }
  void power_on();
  // The process dies, the kernel lives: what it was given stays in its cache. Pages that a failed
  // sync left "clean" may be read from the disk again.
  void kill();

  // Called when the power fails, before anything is lost: for writes that are on their way.
  void set_before_crash(std::function<void()> call) { before_crash_ = std::move(call); }
  // A durable write that nobody will hear of again: none of it, some pages of it or all of it have
  // reached the machine, unsynced.
  void begin_write(io::File& file, std::uint64_t offset, std::span<const std::byte> bytes);

  // Bit rot, on the disk and in the cache alike.
  void flip(const std::string& path, std::uint64_t offset, std::uint8_t mask);
  // Every file, sorted by path, with its size.
  std::vector<std::pair<std::string, std::uint64_t>> files() const;

 private:
  friend class SimulatedFile;

  // A file, known by any number of names. `cached` is what reads give, `stable` what a crash
  // leaves. Sizes are whole sectors in `state`; a file's own size is that of the vectors.
  struct Inode {
    std::uint64_t number = 0;
    std::int64_t modified_us = 0;
    std::vector<std::byte> cached;
    std::vector<std::byte> stable;
    std::set<std::uint64_t> dirty;  // sectors in `cached` only, the kernel knows
    std::set<std::uint64_t> lost;   // sectors in `cached` only, the kernel believes them synced
  };
  // A change of names that no directory sync has covered.
  struct NameChange {
    enum class Kind { kCreate, kRename, kRemove } kind;
    std::string from;
    std::string to;  // kRename
    std::shared_ptr<Inode> inode;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  Status refuse_when_off() const;
  // Before an operation that changes something. The power may fail during it: then the caller
  // leaves its effect unsynced and calls crash_now_if_due().
  bool crash_is_due();
  Status powered_off() const;
  bool chance(std::uint32_t thousandths);
  bool pretend(std::uint64_t& operations, std::uint32_t every_nth);
  bool pretend_sync();
  std::uint64_t used_bytes() const;

  // Effects on an inode.
  Status make_room(Inode& inode, std::uint64_t end, const std::string& path);
  void write_cached(Inode& inode, std::uint64_t offset, std::span<const std::byte> bytes);
  void make_stable(Inode& inode, std::uint64_t first_sector, std::uint64_t end_sector);
  void make_all_stable(Inode& inode);
  // Of the sectors given some become stable: whole pages or sectors, as the seed says.
  void make_some_stable(Inode& inode, const std::set<std::uint64_t>& sectors);
  // What O_DIRECT | O_DSYNC does. `outcome` is what the caller is told.
  Status write_durably(Inode& inode, const std::string& path, std::uint64_t offset,
                       std::span<const std::byte> bytes);
  void settle_names();
  void note(std::string_view what, std::string_view path, std::uint64_t a, std::uint64_t b);
  void note_bytes(std::span<const std::byte> bytes);

  io::SeededRandom random_;
  io::Clock* clock_ = nullptr;
  DiskFaults faults_;
  DiskCounters counters_;
  std::uint64_t io_hash_ = 0xcbf29ce484222325ull;
  std::uint64_t file_syncs_ = 0;
  std::uint64_t directory_syncs_ = 0;
  std::uint64_t next_inode_ = 1;
  std::optional<std::uint64_t> crash_countdown_;
  bool off_ = false;
  std::function<void()> before_crash_;
  // Held by lock files; shared with them, since one may outlive the machine's being on.
  std::shared_ptr<std::set<std::string>> locks_ = std::make_shared<std::set<std::string>>();
  std::set<std::string> directories_;
  Names names_;
  Names stable_names_;
  std::vector<NameChange> name_changes_;
};

}  // namespace freshet::sim

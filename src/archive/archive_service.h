// The archive as its doors see it: what tables there are, their metadata, their check. Any thread;
// calls may wait for the store, so never on a net or shard thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "event/position.h"

namespace freshet::archive {

// One Iceberg namespace holds all tables of a server.
inline constexpr std::string_view kNamespace = "freshet";

struct ArchivedTable {
  std::string name;          // "detections$dead"
  std::string iceberg_name;  // "detections_dead": "$" means something else to other engines
  std::string location;      // URL of the table's folder, without "/" at its end
  std::string metadata_url;  // of the metadata file in force
  std::int64_t version = 0;  // of the metadata, from 0
  Position boundary;         // every row up to it is in the files, none behind it
  std::optional<std::int64_t> snapshot_id;
  std::uint64_t snapshots = 0;  // kept
  std::uint64_t files = 0, rows = 0, bytes = 0;
  std::int64_t committed_us = 0;  // of the last commit; 0: none yet
};

// A file of a table's current snapshot.
struct ArchivedFile {
  std::string url;
  std::uint64_t rows = 0, bytes = 0;
};

struct LoadedTable {
  ArchivedTable table;
  std::string metadata;  // the file's JSON
};

// A file that is not as it was committed.
struct DamagedFile {
  std::string url;
  std::string error;  // with its code
};

struct VerifyReport {
  std::string table;
  std::int64_t version = 0;  // that was checked
  std::uint64_t files = 0, rows = 0, bytes = 0;
  std::vector<DamagedFile> damaged;
};

struct CompactReport {
  std::string table;
  std::uint64_t files_before = 0, files_after = 0;
  std::uint64_t rows = 0, duplicates_removed = 0;
};

// Of all tables together.
struct EraseReport {
  std::uint64_t files = 0;            // that were looked at
  std::uint64_t files_rewritten = 0;  // or removed, where no row was left
  std::uint64_t rows = 0;             // erased
  std::uint64_t objects_removed = 0;
};

class ArchiveService {
 public:
  virtual ~ArchiveService() = default;
  virtual std::vector<ArchivedTable> tables() = 0;  // by name
  // What the table's current snapshot is made of. kNotFound FRS-3830.
  virtual Result<std::vector<ArchivedFile>> files(std::string_view name) = 0;
  // kNotFound FRS-3830.
  virtual Result<LoadedTable> load(std::string_view iceberg_name) = 0;
  // Reads every file of the current snapshot back and compares size, checksum, rows and columns.
  // `progress` is told of files done and in all, and ends it early with false. kNotFound FRS-3830.
  virtual Result<VerifyReport> verify(
      std::string_view name, const std::function<bool(std::uint64_t, std::uint64_t)>& progress) = 0;
  // Merges small files, whatever their age. kNotFound FRS-3830.
  virtual Result<CompactReport> compact(std::string_view name) = 0;
  // Commits what is visible now; ok when it is in force. kTimeout FRS-3841 where that takes longer
  // than half a minute: it goes on.
  virtual Status flush() = 0;
};

}  // namespace freshet::archive

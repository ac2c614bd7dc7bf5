// One archived table: takes rows from hot, makes files of them, commits.
//
// A commit is Parquet files, a manifest, a manifest list and a metadata file, each new under a name
// of its own and read back, and then one transaction of the catalog, which alone makes it count.
// Whatever was made before and is not named in the catalog is an orphan.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "archive/iceberg/planner.h"
#include "archive/iceberg/table_changes.h"
#include "archive/table_state.h"
#include "common/mutex.h"
#include "hot/table.h"
#include "io/clock.h"
#include "io/random.h"
#include "pipeline/table_service.h"
#include "sql/parquet_merge.h"
#include "sql/parquet_writer.h"

namespace freshet::archive {

// What all tables of an archive share. Everything outlives the tables.
struct TableParts {
  object_store::ObjectStore& store;
  catalog::Catalog& catalog;
  io::Disk& disk;
  io::Clock& clock;
  io::Random& random;
  sql::ParquetWriter& writer;  // of one thread: the archive's
  std::shared_ptr<LocalFiles> files;
  std::string work_folder;  // of this process alone, on a local disk
};

// A file that was written here and lies in the store, verified.
struct NewFile {
  iceberg::DataFile data;
  catalog::ArchiveFileRow row;
};

// What a commit changes. Without files it moves the boundary alone, and makes no snapshot.
struct Change {
  iceberg::Operation operation = iceberg::Operation::kAppend;
  std::vector<NewFile> added;
  std::vector<std::string> removed;  // URLs
  std::optional<Position> boundary;  // where it moves
  std::uint32_t ref_version = 0;
  // What is removed must be told by nothing that stays: its bounds hold values of its rows.
  bool is_erasure = false;
};

// Small files of a day are merged, those of a size with each other, so that no row is written again
// and again.
struct CompactionRules {
  std::size_t files_min = 8;                  // so many of a size
  std::uint64_t bytes_max = 256ull << 20;     // larger files are left alone
  std::uint64_t memory_bytes = 256ull << 20;  // of the merge
  bool any_size = false;                      // all small files of a day together
  bool keeps_duplicates = false;              // a hold is in force: no row may go
};

// How long rows stay in the files since they arrived (decision 0803).
struct RetentionRules {
  std::int64_t keep_us = 0;                       // 0: for ever
  std::map<std::string, std::int64_t> classes{};  // by the column retention_class; before keep_us
  std::uint64_t memory_bytes = 256ull << 20;      // of a rewrite
  bool is_empty() const { return keep_us == 0 && classes.empty(); }
};

struct RetentionReport {
  std::uint64_t rows = 0;  // that left
  std::uint64_t files_dropped = 0, files_rewritten = 0;
};

// One thread appends and does the upkeep, another compacts; state() and part() are any thread's.
class Table {
 public:
  // Makes the table in store and catalog where `row` has none, and gives it the columns of `info`.
  // kInvalid FRS-3603 where a column's type does not fit what files hold.
  static Result<std::unique_ptr<Table>> open(const TableParts& parts,
                                             const pipeline::TableInfo& info,
                                             const std::optional<catalog::ArchiveTableRow>& row,
                                             const iceberg::Properties& properties = {});

  std::shared_ptr<const TableState> state() const;
  // What queries read from here on.
  pipeline::ArchivedPart part() const;

  // Moves the boundary towards `published`, over at most about `rows_max` rows; false where nothing
  // is left to do. What fails changes nothing.
  Result<bool> append(const hot::Snapshot& rows, Position published, std::uint32_t ref_version,
                      std::uint64_t rows_max);
  // Files of the rows below `end`, which stand at [first, last]: in the store, and in no snapshot
  // before a commit names them.
  Result<std::vector<NewFile>> write_files(const hot::Snapshot& rows, hot::RowNumber end,
                                           Position first, Position last);
  Status commit(const Change& change);

  // Merges what the rules find, one merge after another, until nothing is left or `is_cancelled`.
  // What fails changes nothing.
  Result<CompactReport> compact(const CompactionRules& rules,
                                const std::function<bool()>& is_cancelled);

  // Writes every file anew that holds rows to be erased, without them, in one commit; then lets all
  // other snapshots and everything that only they name go. Only where no query runs and nothing
  // else commits. `judge` is asked in any order. What fails in the middle is finished by the same
  // call again.
  Status erase(const std::function<bool(const sql::JudgedRow&)>& judge, std::uint64_t memory_bytes,
               EraseReport& report);
  // Takes the rows out whose time is over at `now_us`, log time: files that hold nothing else in
  // one commit, the others written anew without them. The files go from the store like all that no
  // snapshot names. What fails changes nothing, or has done a part that stays done.
  Result<RetentionReport> expire_rows(const RetentionRules& rules, std::int64_t now_us,
                                      const std::function<bool()>& is_cancelled);

  // Snapshots older than that leave the table's history; the current one stays.
  Status expire(std::int64_t older_than_us);
  // Removes what lies in the table's folder, is older than `grace_us`, and belongs to no kept
  // snapshot and no query that still runs. Gives how many objects went. Where anything that might
  // be needed cannot be read, nothing is removed.
  Result<std::uint64_t> remove_orphans(std::int64_t grace_us);

  const std::string& name() const { return info_.name; }

 private:
  Table(const TableParts& parts, const pipeline::TableInfo& info);
  Status make_table(const iceberg::Properties& properties);
  Status fit_columns();
  Status read_columns();
  Result<NewFile> store_file(const sql::ParquetFile& file, Position first, Position last);
  Result<std::string> put_file(const sql::ParquetFile& file, const std::string& folder,
                               const std::string& stem);
  Result<std::string> put_metadata_object(const std::string& name, const std::string& bytes);
  Result<std::vector<HeldManifest>> next_manifests(const TableState& base, const Change& change,
                                                   iceberg::NewSnapshot& snapshot,
                                                   std::int64_t sequence_number);
  Result<HeldManifest> write_manifest(const iceberg::ManifestHead& head,
                                      const std::vector<iceberg::ManifestEntry>& entries,
                                      std::int64_t snapshot_id, std::int64_t sequence_number);
  sql::ParquetMerge merge_of(const std::string& name) const;
  sql::JudgedColumns judged_columns() const;
  // What a merge wrote, which then goes from the work folder; rows between these positions.
  Result<NewFile> store_merged(const sql::ParquetFile& file, const iceberg::ValueRange& positions);
  // Likewise what is left of one file.
  Result<NewFile> store_rest(const sql::ParquetFile& rest, const TableState& of,
                             const iceberg::DataFile& file);
  Status merge_files(const std::vector<iceberg::DataFile>& files, const CompactionRules& rules,
                     const std::function<bool()>& is_cancelled, CompactReport& report);
  Status expire_in_file(const iceberg::DataFile& file, const sql::RowExpiry& expiry,
                        const RetentionRules& rules, const std::function<bool()>& is_cancelled,
                        RetentionReport& report);
  Result<iceberg::TableMetadata> with_snapshot(const TableState& base, const Change& change,
                                               std::vector<HeldManifest>& manifests);
  Status put_in_force(const TableState& base, iceberg::TableMetadata metadata,
                      std::vector<HeldManifest> manifests, const Change& change);
  Status swap(const catalog::ArchiveCommit& commit);
  void set_state(std::shared_ptr<const TableState> state);
  Result<std::set<std::string>> names_in_use();
  Status add_snapshot_names(const iceberg::Snapshot& snapshot, std::set<std::string>& names,
                            std::set<std::string>& manifests_seen);
  Status add_name(const std::string& url, std::set<std::string>& names);
  void add_pinned_names(std::set<std::string>& names);
  std::string random_uuid();
  std::int64_t now_ms() const { return parts_.clock.wall_us() / 1000; }
  std::string folder() const { return iceberg_name_of(info_.name); }

  TableParts parts_;
  pipeline::TableInfo info_;
  sql::ParquetLayout layout_;
  std::vector<sql::ParquetColumn> read_columns_;
  std::string span_name_;  // of the partition field: "event_time_day"
  Position building_;      // as the catalog's row

  Mutex commit_mutex_;   // from the state that a commit is built on to the state that it makes
  Mutex compact_mutex_;  // one merge at a time
  // Files that were read through for rows past their time, and on which day of the log.
  std::map<std::string, std::int64_t> expiry_seen_ FRESHET_GUARDED_BY(compact_mutex_);
  mutable Mutex mutex_;
  std::shared_ptr<const TableState> state_ FRESHET_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<const TableState>> past_ FRESHET_GUARDED_BY(mutex_);  // maybe in use
};

}  // namespace freshet::archive

// The archive of a server: commits what tables hold to files, again and again, and answers for
// them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "archive/archive_service.h"
#include "archive/table.h"
#include "archive/table_build.h"
#include "common/mutex.h"
#include "pipeline/log_clock.h"
#include "pipeline/tables.h"

namespace freshet::archive {

struct ArchiveConfig {
  std::int64_t commit_every_us = 60'000'000;
  std::int64_t keep_snapshots_us = 6ll * 3'600'000'000;
  std::int64_t orphan_grace_us = 3'600'000'000;
  std::int64_t upkeep_every_us = 600'000'000;
  bool compact = true;
  std::uint64_t commit_rows = 2'000'000;      // so many rows are a commit, before its time
  std::string work_folder;                    // below the data directory
  std::uint64_t copies_bytes = 10ull << 30;   // of files fetched from an object store for queries
  std::uint64_t memory_bytes = 256ull << 20;  // of DuckDB, while it writes
  // While it is true no row may go, duplicates neither: a hold is in force.
  std::function<bool()> rows_are_held = [] { return false; };
  // How long rows stay, by the name of the pipeline's table; its $dead and $dupes follow keep_us.
  std::map<std::string, RetentionRules, std::less<>> retention;
};

// A table that a replay has filled: all of its rows are in files.
struct FilledTable {
  pipeline::TableInfo info;
  pipeline::ArchivedPart part;
};

class Archive : public ArchiveService {
 public:
  // All but `store` outlives the archive.
  static Result<std::unique_ptr<Archive>> open(const ArchiveConfig& config,
                                               std::unique_ptr<object_store::ObjectStore> store,
                                               catalog::Catalog& catalog, pipeline::Tables& tables,
                                               io::Disk& disk, io::Clock& clock,
                                               io::Random& random);
  ~Archive() override;  // stop()

  // Threads of its own, from here on: one commits, one compacts. Without them run_once() does the
  // work. kDenied FRS-3836 where the place belongs to another data directory, kInvalid FRS-3603
  // where a table's columns do not fit its files. A store that does not answer within five seconds
  // is no error: it is tried again, and until then nothing leaves log and memory.
  Status start();
  // Ends the thread behind what it is doing; commits nothing more. Idempotent.
  void stop();
  // Commits everything that is visible now. Not beside the thread.
  Status run_once();
  // Before start(), while nobody reads: rows for which `judge` is true leave every table for good
  // (Table::erase), and every copy of a file. `judge` is told which table a row is of.
  using Judge = std::function<bool(std::string_view table, const sql::JudgedRow&)>;
  Result<EraseReport> erase(const Judge& judge);
  // Every object of every table, with its bytes.
  Status visit_objects(
      const std::function<Status(const std::string& name, const std::string& bytes)>& visit);
  // What manifests say of their files' least and greatest values, unpacked: ids are among them.
  Status visit_bounds(
      const std::function<Status(const std::string& url, const std::string& bytes)>& visit);
  // Takes rows out whose time is over, of every table. kUnavailable FRS-3847 where the clock was
  // set, or stands too far from the last commit of the time before. Not beside the thread.
  Status expire_rows();
  // Lets old snapshots and orphans go, of every table. Not beside the thread.
  Status upkeep();

  // Any thread, and for the build one: a new table of that name and shape. kExists FRS-3847 where
  // there is one of that name, kInvalid FRS-3844 where files cannot hold such rows. When it is
  // committed, show() it.
  Result<std::unique_ptr<TableBuild>> build_table(const pipeline::TableInfo& info,
                                                  const std::string& source,
                                                  std::uint64_t memory_bytes);
  Status check_new_table(const std::string& name, const Schema& schema);
  Status show_table(const std::string& name);
  std::vector<FilledTable> filled_tables();

  std::vector<ArchivedTable> tables() override;
  Result<std::vector<ArchivedFile>> files(std::string_view name) override;
  Result<LoadedTable> load(std::string_view iceberg_name) override;
  Result<VerifyReport> verify(
      std::string_view name,
      const std::function<bool(std::uint64_t, std::uint64_t)>& progress) override;
  Result<CompactReport> compact(std::string_view name) override;
  Status flush() override;

 private:
  Archive(const ArchiveConfig& config, std::unique_ptr<object_store::ObjectStore> store,
          catalog::Catalog& catalog, pipeline::Tables& tables, io::Disk& disk, io::Clock& clock,
          io::Random& random);
  Status open_parts();
  Status claim_store();
  Status open_tables();
  Status open_filled_tables();
  Status open_filled_table(const catalog::ArchiveTableRow& row);
  TableParts parts();
  void run();
  void run_compaction();
  bool stopping();
  Status look_at_clock();
  void publish(const Table& table);
  void publish_to_new_pipelines();
  bool commit_is_due();
  Status commit_pipeline(pipeline::StreamPipeline& pipeline);
  Result<std::shared_ptr<Table>> open_table(const pipeline::TableInfo& info);
  std::shared_ptr<Table> find_table(std::string_view name);
  std::vector<std::shared_ptr<Table>> all_tables();
  void report(const Status& committed);
  void tell_queries(const std::string& error);

  ArchiveConfig config_;
  std::unique_ptr<object_store::ObjectStore> store_;
  catalog::Catalog& catalog_;
  pipeline::Tables& pipeline_tables_;
  io::Disk& disk_;
  io::Clock& clock_;
  io::Random& random_;
  std::unique_ptr<sql::ParquetWriter> writer_;
  std::shared_ptr<LocalFiles> files_;
  bool claimed_ = false;  // the store is known to be ours
  // Of the thread that compacts.
  std::optional<pipeline::LogClock> log_clock_;
  bool clock_refused_ = false;
  std::atomic<bool> filled_opened_{false};
  std::optional<Error> filled_failure_;  // one of them could not be read
  std::string last_error_;
  std::int64_t next_commit_ns_ = 0;
  std::int64_t next_upkeep_ns_ = 0;

  Mutex publish_mutex_;  // from what a table is to what queries are told
  Mutex tables_mutex_;
  std::map<std::string, std::shared_ptr<Table>, std::less<>> tables_
      FRESHET_GUARDED_BY(tables_mutex_);

  Mutex mutex_;
  ConditionVariable changed_;
  std::optional<Status> opened_ FRESHET_GUARDED_BY(mutex_);
  bool stopping_ FRESHET_GUARDED_BY(mutex_) = false;
  std::uint64_t flushes_asked_ FRESHET_GUARDED_BY(mutex_) = 0;
  std::uint64_t flushes_done_ FRESHET_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, Status> flush_results_ FRESHET_GUARDED_BY(mutex_);
  std::thread thread_, compact_thread_;
};

}  // namespace freshet::archive

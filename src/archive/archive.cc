#include "archive/archive.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "common/bytes.h"
#include "common/logging.h"
#include "common/metrics.h"
#include "pipeline/stream_tables.h"

namespace freshet::archive {
namespace {

// Says whose place this is: two servers that write one archive would commit beside each other.
constexpr const char* kOwnerObject = "freshet-archive.json";
constexpr std::int64_t kRetryNs = 5'000'000'000;
constexpr std::int64_t kLookNs = 250'000'000;
constexpr std::chrono::seconds kFlushWait{30};
constexpr std::chrono::seconds kStartWait{5};

constexpr int kErrorAnothersPlace = 3836;
constexpr int kErrorColumnsDoNotFit = 3603;  // iceberg/schema.h

struct Metrics {
  metrics::Counter& commits =
      metrics::counter("freshet_archive_commits_total", "Rounds of commits that succeeded");
  metrics::Counter& failures =
      metrics::counter("freshet_archive_failures_total", "Rounds of commits that failed");
  metrics::Gauge& failing = metrics::gauge(
      "freshet_archive_failing", "1 while rows cannot be archived; log and memory keep them");
  metrics::Counter& removed = metrics::counter(
      "freshet_archive_removed_objects_total",
      "Objects that no kept snapshot named and that were removed from the archive");
  metrics::Histogram& seconds =
      metrics::histogram("freshet_archive_commit_duration_seconds", "Time of a round of commits");
};

Metrics& archive_metrics() {
  static Metrics instance;
  return instance;
}

// Below the threads that answer clients. A refusal only means equal priority.
void begin_thread(const char* name) {
  pthread_setname_np(pthread_self(), name);
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 5);
}

Error no_such_table(std::string_view name) {
  return {
      Code::kNotFound, 3830,
      fmt::format("no archived table has the name \"{}\": freshet archive ls lists them", name)};
}

}  // namespace

Archive::Archive(const ArchiveConfig& config, std::unique_ptr<object_store::ObjectStore> store,
                 catalog::Catalog& catalog, pipeline::Tables& tables, io::Disk& disk,
                 io::Clock& clock, io::Random& random)
    : config_(config),
      store_(std::move(store)),
      catalog_(catalog),
      pipeline_tables_(tables),
      disk_(disk),
      clock_(clock),
      random_(random) {}

Archive::~Archive() {
  stop();
}

Result<std::unique_ptr<Archive>> Archive::open(const ArchiveConfig& config,
                                               std::unique_ptr<object_store::ObjectStore> store,
                                               catalog::Catalog& catalog, pipeline::Tables& tables,
                                               io::Disk& disk, io::Clock& clock,
                                               io::Random& random) {
  auto archive = std::unique_ptr<Archive>(
      new Archive(config, std::move(store), catalog, tables, disk, clock, random));
  FRESHET_TRY_STATUS(archive->open_parts());
  return archive;
}

// Queries see the files from the first one on.
Status Archive::open_tables() {
  FRESHET_TRY_STATUS(claim_store());
  for (const pipeline::TableInfo& info : pipeline_tables_.tables()) {
    FRESHET_TRY([[maybe_unused]] auto table, open_table(info));
  }
  return open_filled_tables();
}

Status Archive::open_parts() {
  FRESHET_TRY_STATUS(disk_.make_directory(config_.work_folder));
  FRESHET_TRY(auto leftovers, disk_.list(config_.work_folder));
  for (const std::string& name : leftovers) {
    std::string path = config_.work_folder + "/" + name;
    FRESHET_TRY(io::FileFacts facts, disk_.look_at(path));
    if (!facts.is_directory) FRESHET_TRY_STATUS(remove_if_there(disk_, path));
    // What a merge had no room for in memory when its process ended.
    std::error_code stays;
    if (name.starts_with("freshet-merge-")) std::filesystem::remove_all(path, stays);
    if (stays) {
      return Error(Code::kIo, 3842, fmt::format("{} cannot be removed: {}", path, stays.message()));
    }
  }
  FRESHET_TRY_STATUS(look_at_clock());
  FRESHET_TRY(writer_, sql::ParquetWriter::open({.memory_bytes = config_.memory_bytes}));
  FRESHET_TRY(auto files, LocalFiles::open(*store_, disk_, clock_, config_.work_folder + "/copies",
                                           config_.copies_bytes));
  files_ = std::move(files);
  return ok();
}

Status Archive::claim_store() {
  if (claimed_) return ok();
  std::string mine =
      fmt::format("{{\"data_directory_id\":\"{:016x}\"}}\n", catalog_.data_directory_id());
  auto put = store_->put(kOwnerObject, as_bytes_of(mine), object_store::PutCondition::if_absent());
  if (!put && put.error().code() != Code::kExists) return std::move(put).error();
  FRESHET_TRY(std::string owner, store_->get(kOwnerObject));
  if (owner != mine) {
    return Error(Code::kDenied, kErrorAnothersPlace,
                 fmt::format("{} belongs to another data directory ({} says so): give [archive] "
                             "url a place of its own, or move that one away",
                             store_->root_url(), store_->url_of(kOwnerObject)));
  }
  claimed_ = true;
  return ok();
}

Status Archive::start() {
  next_commit_ns_ = clock_.monotonic_ns() + config_.commit_every_us * 1000;
  next_upkeep_ns_ = clock_.monotonic_ns() + config_.upkeep_every_us * 1000;
  thread_ = std::thread([this] { run(); });
  if (config_.compact || !config_.retention.empty())
    compact_thread_ = std::thread([this] { run_compaction(); });
  MutexLock lock(mutex_);
  auto until = std::chrono::steady_clock::now() + kStartWait;
  while (!opened_) {
    // A store that does not answer is waited for by the thread alone.
    if (changed_.wait_until(mutex_, until) == std::cv_status::timeout) return ok();
  }
  bool is_final = !*opened_ && (opened_->error().number() == kErrorAnothersPlace ||
                                opened_->error().number() == kErrorFilledTable ||
                                opened_->error().number() == kErrorColumnsDoNotFit);
  return is_final ? *opened_ : ok();
}

void Archive::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (compact_thread_.joinable()) compact_thread_.join();
}

bool Archive::stopping() {
  MutexLock lock(mutex_);
  return stopping_;
}

// What a table is and what queries are told move together: a boundary that went back would hide
// rows that have left memory.
void Archive::publish(const Table& table) {
  auto pipeline = pipeline_tables_.pipeline_of(table.name());
  if (!pipeline) return;
  MutexLock lock(publish_mutex_);
  pipeline->tables()->set_archived(table.name(), table.part());
}

// Of a stream that was deleted and made again: its table goes on with the files that it has.
void Archive::publish_to_new_pipelines() {
  for (const std::shared_ptr<Table>& table : all_tables()) {
    auto pipeline = pipeline_tables_.pipeline_of(table->name());
    if (pipeline && pipeline->tables()->lacks_files(table->name())) publish(*table);
  }
}

void Archive::run_compaction() {
  begin_thread("archive-compact");
  std::string last_error, last_expiry_error;
  while (true) {
    {
      MutexLock lock(mutex_);
      auto until =
          std::chrono::steady_clock::now() + std::chrono::microseconds(config_.commit_every_us);
      while (!stopping_ && changed_.wait_until(mutex_, until) == std::cv_status::no_timeout) {
      }
      if (stopping_) return;
    }
    if (Status expired = expire_rows(); !expired && !stopping()) {
      std::string error = expired.error().to_string();
      if (error != last_expiry_error) {
        log_warning("rows whose time is over stay in the archive for now", {{"error", error}});
      }
      last_expiry_error = std::move(error);
    }
    if (!config_.compact) continue;
    for (const std::shared_ptr<Table>& table : all_tables()) {
      auto compacted = table->compact(
          {.memory_bytes = config_.memory_bytes, .keeps_duplicates = config_.rows_are_held()},
          [this] { return stopping(); });
      publish(*table);
      std::string error = compacted ? "" : compacted.error().to_string();
      if (!compacted && !stopping() && error != last_error) {
        log_warning("small files of an archived table stay apart for now",
                    {{"table", table->name()}, {"error", error}});
        last_error = error;
      }
    }
  }
}

void Archive::run() {
  begin_thread("archive");
  Status opened = open_tables();
  report(opened);
  {
    MutexLock lock(mutex_);
    opened_ = std::move(opened);
    changed_.notify_all();
  }
  while (true) {
    std::uint64_t flush = 0;
    {
      MutexLock lock(mutex_);
      if (!stopping_ && flushes_asked_ == flushes_done_)
        changed_.wait_for(mutex_, std::chrono::nanoseconds(kLookNs));
      if (stopping_) break;
      flush = flushes_asked_ == flushes_done_ ? 0 : flushes_asked_;
    }
    publish_to_new_pipelines();
    if (flush == 0 && !commit_is_due()) continue;
    std::int64_t began_ns = clock_.monotonic_ns();
    Status committed = run_once();
    archive_metrics().seconds.observe_us((clock_.monotonic_ns() - began_ns) / 1000);
    if (committed && clock_.monotonic_ns() >= next_upkeep_ns_) {
      next_upkeep_ns_ = clock_.monotonic_ns() + config_.upkeep_every_us * 1000;
      if (Status kept = upkeep(); !kept) {
        log_warning("old snapshots and files of the archive stay for now",
                    {{"error", kept.error().to_string()}});
      }
    }
    report(committed);
    next_commit_ns_ = began_ns + (committed ? config_.commit_every_us * 1000
                                            : std::min(kRetryNs, config_.commit_every_us * 1000));
    if (flush == 0) continue;
    MutexLock lock(mutex_);
    flush_results_.clear();  // of callers that did not wait so long
    for (std::uint64_t each = flushes_done_ + 1; each <= flush; ++each)
      flush_results_.emplace(each, committed);
    flushes_done_ = flush;
    changed_.notify_all();
  }
  MutexLock lock(mutex_);
  flushes_done_ = flushes_asked_;
  changed_.notify_all();
}

bool Archive::commit_is_due() {
  if (clock_.monotonic_ns() >= next_commit_ns_) return true;
  if (!last_error_.empty()) return false;
  for (const std::shared_ptr<Table>& table : all_tables()) {
    auto rows = pipeline_tables_.snapshot(table->name());
    if (!rows) continue;
    Position from{table->state()->row.boundary.value + 1};
    if (rows->end() - pipeline::first_row_at(*rows, from) >= config_.commit_rows) return true;
  }
  return false;
}

Status Archive::upkeep() {
  std::int64_t now_us = clock_.wall_us();
  for (const std::shared_ptr<Table>& table : all_tables()) {
    FRESHET_TRY_STATUS(table->expire(now_us - config_.keep_snapshots_us));
    FRESHET_TRY(std::uint64_t removed, table->remove_orphans(config_.orphan_grace_us));
    archive_metrics().removed.add(removed);
  }
  return ok();
}

Result<EraseReport> Archive::erase(const Judge& judge) {
  FRESHET_TRY_STATUS(open_tables());
  if (filled_failure_) return *filled_failure_;  // nothing is erased by halves
  EraseReport report;
  for (const std::shared_ptr<Table>& table : all_tables()) {
    auto judge_row = [&](const sql::JudgedRow& row) { return judge(table->name(), row); };
    FRESHET_TRY_STATUS(table->erase(judge_row, config_.memory_bytes, report));
    publish(*table);
  }
  FRESHET_TRY_STATUS(files_->clear());
  return report;
}

Status Archive::visit_objects(
    const std::function<Status(const std::string& name, const std::string& bytes)>& visit) {
  for (const std::shared_ptr<Table>& table : all_tables()) {
    FRESHET_TRY(auto objects, store_->list(iceberg_name_of(table->name()) + "/"));
    for (const object_store::ObjectInfo& object : objects) {
      FRESHET_TRY(std::string bytes, store_->get(object.name));
      FRESHET_TRY_STATUS(visit(store_->url_of(object.name), bytes));
    }
  }
  return ok();
}

Status Archive::visit_bounds(
    const std::function<Status(const std::string& url, const std::string& bytes)>& visit) {
  for (const std::shared_ptr<Table>& table : all_tables()) {
    std::shared_ptr<const TableState> state = table->state();
    for (const HeldManifest& held : state->manifests) {
      std::string bytes;
      for (const iceberg::ManifestEntry& entry : held.manifest->entries) {
        for (const auto* bounds : {&entry.file.lower_bounds, &entry.file.upper_bounds}) {
          for (const auto& [field, value] : *bounds) bytes += value + ' ';
        }
      }
      FRESHET_TRY_STATUS(visit(held.listed.path, bytes));
    }
  }
  return ok();
}

Status Archive::run_once() {
  FRESHET_TRY_STATUS(claim_store());
  FRESHET_TRY_STATUS(open_filled_tables());
  Status all = ok();
  for (const pipeline::TableInfo& info : pipeline_tables_.tables()) {
    if (info.name.find('$') != std::string::npos) continue;
    auto pipeline = pipeline_tables_.pipeline_of(info.name);
    if (!pipeline) continue;
    // One table that cannot be archived does not hold the others back.
    Status committed = commit_pipeline(*pipeline);
    if (!committed && all) all = std::move(committed).error().with_context(info.name);
  }
  return all;
}

Status Archive::commit_pipeline(pipeline::StreamPipeline& pipeline) {
  std::shared_ptr<pipeline::StreamTables> tables = pipeline.tables();
  pipeline::Cut cut = tables->cut();
  for (const pipeline::TableInfo& info : tables->table_infos()) {
    FRESHET_TRY(std::shared_ptr<Table> table, open_table(info));
    auto rows = cut.tables.find(info.name);
    FRESHET_CHECK(rows != cut.tables.end());
    for (bool more = true; more;) {
      FRESHET_TRY(more,
                  table->append(rows->second, cut.position, cut.ref_version, config_.commit_rows));
      publish(*table);
    }
  }
  archive_metrics().commits.add();
  return ok();
}

Result<std::shared_ptr<Table>> Archive::open_table(const pipeline::TableInfo& info) {
  if (std::shared_ptr<Table> known = find_table(info.name)) return known;
  FRESHET_TRY(auto rows, catalog_.archive_tables());
  std::optional<catalog::ArchiveTableRow> row;
  for (catalog::ArchiveTableRow& each : rows) {
    if (each.name == info.name) {
      row = std::move(each);
    } else if (iceberg_name_of(each.name) == iceberg_name_of(info.name)) {
      return Error(Code::kInvalid, 3837,
                   fmt::format("tables {} and {} would both be archived as {}: give one of them "
                               "another name",
                               each.name, info.name, iceberg_name_of(info.name)));
    }
  }
  FRESHET_TRY(std::shared_ptr<Table> table, Table::open(parts(), info, row));
  publish(*table);
  MutexLock lock(tables_mutex_);
  tables_[info.name] = table;
  return table;
}

std::shared_ptr<Table> Archive::find_table(std::string_view name) {
  MutexLock lock(tables_mutex_);
  auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Table>> Archive::all_tables() {
  MutexLock lock(tables_mutex_);
  std::vector<std::shared_ptr<Table>> all;
  for (const auto& [name, table] : tables_) all.push_back(table);
  return all;
}

void Archive::report(const Status& committed) {
  archive_metrics().failing.set(committed ? 0 : 1);
  if (committed) {
    if (!last_error_.empty()) log_info("rows are archived again", {});
    last_error_.clear();
    return;
  }
  archive_metrics().failures.add();
  std::string error = committed.error().to_string();
  tell_queries(error);
  if (error == last_error_) return;
  last_error_ = error;
  log_error("rows cannot be archived; log and memory keep them, and it is tried again",
            {{"error", error}});
}

// Of tables whose files are not known, a query says why.
void Archive::tell_queries(const std::string& error) {
  for (const pipeline::TableInfo& info : pipeline_tables_.tables()) {
    auto pipeline = pipeline_tables_.pipeline_of(info.name);
    if (!pipeline || find_table(info.name)) continue;
    pipeline->tables()->set_archive_failure(info.name, error);
  }
}

std::vector<ArchivedTable> Archive::tables() {
  std::vector<ArchivedTable> all;
  for (const std::shared_ptr<Table>& table : all_tables())
    all.push_back(description_of(*table->state()));
  return all;
}

Result<std::vector<ArchivedFile>> Archive::files(std::string_view name) {
  std::shared_ptr<Table> table = find_table(name);
  if (!table) return no_such_table(name);
  std::vector<ArchivedFile> files;
  for (const iceberg::DataFile& file : table->state()->live_files()) {
    files.push_back({file.path, static_cast<std::uint64_t>(file.record_count),
                     static_cast<std::uint64_t>(file.file_bytes)});
  }
  return files;
}

Result<LoadedTable> Archive::load(std::string_view iceberg_name) {
  for (const std::shared_ptr<Table>& table : all_tables()) {
    if (iceberg_name_of(table->name()) != iceberg_name) continue;
    std::shared_ptr<const TableState> state = table->state();
    return LoadedTable{description_of(*state), iceberg::write_metadata(state->metadata)};
  }
  return no_such_table(iceberg_name);
}

Result<VerifyReport> Archive::verify(
    std::string_view name, const std::function<bool(std::uint64_t, std::uint64_t)>& progress) {
  std::shared_ptr<Table> table = find_table(name);
  if (!table) return no_such_table(name);
  std::shared_ptr<const TableState> state = table->state();
  // From the store again, not as it is remembered.
  FRESHET_TRY(auto stored, load_table_state(*store_, catalog_, state->row));
  VerifyReport report;
  report.table = table->name();
  report.version = stored->row.version;
  std::vector<iceberg::DataFile> files = stored->live_files();
  for (const iceberg::DataFile& file : files) {
    if (!progress(report.files, files.size())) break;
    Status sound = verify_file(*store_, *stored, file);
    if (!sound) report.damaged.push_back({file.path, sound.error().to_string()});
    ++report.files;
    report.rows += static_cast<std::uint64_t>(file.record_count);
    report.bytes += static_cast<std::uint64_t>(file.file_bytes);
  }
  progress(report.files, files.size());
  return report;
}

Result<CompactReport> Archive::compact(std::string_view name) {
  std::shared_ptr<Table> table = find_table(name);
  if (!table) return no_such_table(name);
  auto report = table->compact({.files_min = 2,
                                .memory_bytes = config_.memory_bytes,
                                .any_size = true,
                                .keeps_duplicates = config_.rows_are_held()},
                               [this] { return stopping(); });
  publish(*table);
  return report;
}

Status Archive::flush() {
  MutexLock lock(mutex_);
  std::uint64_t mine = ++flushes_asked_;
  changed_.notify_all();
  auto until = std::chrono::steady_clock::now() + kFlushWait;
  while (flushes_done_ < mine && !stopping_) {
    if (changed_.wait_until(mutex_, until) == std::cv_status::timeout) break;
  }
  auto result = flush_results_.find(mine);
  if (result == flush_results_.end() && !stopping_) {
    return Error(Code::kTimeout, 3841,
                 fmt::format("the commit is under way and not in force after {} s; freshet archive "
                             "ls shows when it is",
                             kFlushWait.count()));
  }
  if (result == flush_results_.end())
    return Error(Code::kUnavailable, 3840, "the server stops; ask again when it is back");
  Status committed = std::move(result->second);
  flush_results_.erase(result);
  return committed;
}

}  // namespace freshet::archive

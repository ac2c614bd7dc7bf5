// The tables that one pipeline fills (rows, $dead, $dupes) and its ledger, published together.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/memory_budget.h"
#include "common/mutex.h"
#include "common/result.h"
#include "event/position.h"
#include "hot/table.h"
#include "pipeline/ledger.h"
#include "pipeline/table_service.h"

namespace freshet::pipeline {

// What a processed block adds; it becomes visible when the block is durable.
struct PublishPoint {
  Position position;
  std::uint32_t ref_version = 0;
  hot::RowNumber rows_end = 0, dead_end = 0, dupes_end = 0;
  LedgerDelta ledger;
};

// The first row of the snapshot whose position is not below `from`: positions rise with rows.
hot::RowNumber first_row_at(const hot::Snapshot& rows, Position from);

// The first row whose value in a column of 64 bits that rises with rows ("position", "ingest_time")
// is above `value`.
hot::RowNumber first_row_above(const hot::Snapshot& rows, std::string_view column,
                               std::int64_t value);

// Names and types of the columns that every table gets behind the user's.
const Schema& system_columns();
const Schema& dead_schema();
const Schema& dupes_schema();
// "shardId-000000000007": a partition as tables and the Kinesis door name it.
std::string partition_name(PartitionId partition);

// append() and trim() through the tables are the owner's (one shard thread); all else is
// thread-safe.
class StreamTables {
 public:
  StreamTables(TableInfo info, MemoryBudget& budget, io::Executor* background);

  const TableInfo& info() const { return info_; }
  // "detections", "detections$dead", "detections$dupes", "detections$ledger" with their shapes.
  std::vector<TableInfo> table_infos() const;

  hot::Table& rows() { return rows_; }
  hot::Table& dead() { return dead_; }
  hot::Table& dupes() { return dupes_; }

  // Owner. Makes a block visible: all of its rows in all tables, and its counts, in one step.
  void publish(const PublishPoint& point);
  // Owner. Rows whose position is below `rows_from` leave, and minutes that ended before
  // `minute_us`.
  void trim(Position rows_from, std::int64_t minute_us);

  // The tables are archived: from now on rows may leave only up to archived(). Any thread.
  void set_archived(std::string_view table, ArchivedPart part);
  // It has archived rows, and nobody has said where they are. Any thread.
  bool lacks_files(std::string_view table);
  // Why nothing says yet what the table's files are.
  void set_archive_failure(std::string_view table, const std::string& failure);
  // Every row up to it is in files that are committed and verified; the greatest position where
  // nothing is archived. Any thread.
  Position archived() const { return Position{archived_.load(std::memory_order_acquire)}; }

  // Checkpoints. Owner; the ledger as of now, and all of it again before the first
  // publish().
  std::array<hot::Table*, 3> hot_tables() { return {&rows_, &dead_, &dupes_}; }
  Ledger::Minutes ledger();
  void restore(Position position, std::uint32_t ref_version, const std::vector<LedgerRow>& ledger);

  Cut cut();
  std::optional<hot::Snapshot> snapshot(std::string_view table);
  Position published() const { return Position{published_.load(std::memory_order_acquire)}; }
  bool wait_for(Position position, std::int64_t timeout_us);
  std::uint64_t memory_bytes() const {
    return rows_.memory_bytes() + dead_.memory_bytes() + dupes_.memory_bytes();
  }

 private:
  TableInfo info_;
  hot::Table rows_, dead_, dupes_;
  std::atomic<std::uint64_t> published_{0};
  std::atomic<std::uint64_t> archived_{~std::uint64_t{0}};

  Mutex mutex_;  // held for publish() and cut(): a reader sees a block whole or not at all
  ConditionVariable published_changed_;
  Ledger ledger_ FRESHET_GUARDED_BY(mutex_);
  std::uint32_t ref_version_ FRESHET_GUARDED_BY(mutex_) = 0;
  std::map<std::string, ArchivedPart, std::less<>> archived_parts_ FRESHET_GUARDED_BY(mutex_);
};

}  // namespace freshet::pipeline

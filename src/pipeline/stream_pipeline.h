// One stream's pipeline: records in log order become rows, duplicates, refusals and counts.
//
// Owned by the stream's shard thread. A function of the log: the same records give the same rows
// whatever the batches. Nothing it appends is visible before the block's PublishPoint is published.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/memory_budget.h"
#include "common/result.h"
#include "dedup/dedup.h"
#include "log/record.h"
#include "pipeline/batch_decoder.h"
#include "pipeline/checkpoint.h"
#include "pipeline/join.h"
#include "pipeline/reference_table.h"
#include "pipeline/row_transform.h"
#include "pipeline/stream_tables.h"

namespace freshet::pipeline {

class CheckpointStore;
class CrashMarker;
using dedup::Dedup;
using dedup::DedupConfig;
using dedup::DedupDecision;
using dedup::DedupEntry;
using dedup::DedupOutcome;
using dedup::DedupTicket;
using dedup::kDedupNoRow;

// "0197c0de-…": an id as tables show it.
std::string event_id_text(EventId id);

struct PipelineSettings {
  std::string name;
  std::string stream;
  std::string table;
  DedupConfig dedup;
  DecodeConfig decode;
  std::vector<JoinTable> joins;
  std::string sql;        // "": the default columns
  std::string sql_where;  // where the text stands, for messages
  std::vector<std::string> keys;
  std::int64_t created_us = 0;
  // Archived: how long rows stay in the hot table at least; 0: as long as their records.
  std::int64_t keep_hot_us = 0;
  bool archived = false;  // rows are kept until files hold them
  // Wrong on purpose, as DecodeConfig's, but behind the decoder: where a whole batch is in work.
  std::string plant_abort_in_batch_at = {};
};

// Reference tables by name: the versions that give joins their columns.
using KnownReferences = std::map<std::string, std::shared_ptr<const ReferenceTable>, std::less<>>;

class StreamPipeline {
 public:
  // Checks SQL, keys and columns. `budget`, `poison` and `background` (may be null: where memory is
  // made present ahead) outlive the pipeline. `references` gives
  // the columns of joined tables that are known already.
  static Result<std::unique_ptr<StreamPipeline>> create(PipelineSettings settings,
                                                        const KnownReferences& references,
                                                        MemoryBudget& budget,
                                                        const PoisonEvents& poison,
                                                        io::Executor* background = nullptr);

  const PipelineSettings& settings() const { return settings_; }
  // For readers; shared because a reader may hold it when its stream is deleted.
  const std::shared_ptr<StreamTables>& tables() const { return tables_; }

  // Room for a batch of that size in the memory budget, beside those promised since the last
  // process()? Asked before the log takes it; then it is promised too.
  bool has_room(std::size_t records, std::size_t bytes);
  // The log did not take it.
  void take_promise_back(std::size_t records, std::size_t bytes);
  // Takes records of this stream in log order; what they point to must live until the call returns.
  // `marker`, where given, knows at each moment which event is in work. `one_by_one` runs each
  // record alone through everything, to find the event that ends the process.
  Status process(std::span<const log::Record> records, CrashMarker* marker, bool one_by_one);
  // The same in two steps: the first on any thread, with a decoder of the caller's.
  std::unique_ptr<BatchDecoder> make_decoder() const;
  Status process_decoded(BatchDecoder& batch, Position last);
  // For a replay. Owner, before the first record: of other cameras' events ids alone are known.
  void take_only_camera(std::string camera) { only_camera_ = std::move(camera); }
  // Owner, before the records whose rows are wanted: dedup alone sees these events.
  Status remember(BatchDecoder& batch, Position last);
  // Could this version be put in force? Asked before the log says so. Any thread.
  Status check_reference(const ReferenceTable& table) const;
  // From here on events are joined with this version.
  Status apply_reference(const std::shared_ptr<const ReferenceTable>& table, std::uint32_t version);
  // What must be published for all that was processed since the last call.
  PublishPoint take_publish_point();

  // Any thread. So little of the budget is left that rows should leave memory.
  bool memory_is_tight() const { return budget_.used_bytes() > budget_.limit_bytes() / 100 * 50; }

  // Checkpoints. What rows, duplicates and counts depend on beside the log: with another plan they
  // would have come out otherwise.
  std::uint64_t plan_hash() const;
  // Owner, when all that was processed is published: the state, which stays as it is from now on.
  struct Sealed {
    std::array<hot::Table::Sealed, 3> tables;
    Ledger::Minutes ledger;
    dedup::DedupState ids;
  };
  Sealed seal(StreamCheckpoint& to);
  // Owner, before the first record. The reference versions have been applied. Gives the hold of the
  // runs that the checkpoint names: it may be needed again until there is a newer one.
  Result<std::uint64_t> restore(const StreamCheckpoint& from, Position position,
                                CheckpointStore& store, io::Disk& disk);
  // A checkpoint is not needed any more.
  void release(std::uint64_t ids_hold) { dedup_.release_runs(ids_hold); }
  // Owner. Where more of the budget is used than `above`, sealed chunks leave memory for their
  // files, oldest first, until no more than `down_to` is; both in per cent.
  Status move_to_files(const TableCheckpoint& rows, const std::string& folder, io::Disk& disk,
                       std::uint64_t above, std::uint64_t down_to);

  // Rows below `rows_from` leave, and counts of minutes before `minute_us`; ids past the horizon
  // are forgotten.
  void trim(Position rows_from, std::int64_t minute_us, std::int64_t now_us);
  // Any thread.
  Result<std::optional<hot::RowNumber>> find_row(std::string_view id) const;
  Result<std::optional<DedupEntry>> find_entry(std::string_view id) const;
  // Wrong on purpose: forgets every id, as a restart must not. For the simulation alone.
  void plant_forgotten_ids();
  std::uint64_t dedup_entries() const { return dedup_.entry_count(); }
  dedup::DedupCounters dedup_counters() const { return dedup_.counters(); }

 private:
  // An event that dedup called new: a row of the batch in hand.
  struct NewEvent {
    const DecodedEvent* event = nullptr;
    DedupTicket ticket;
  };

  StreamPipeline(PipelineSettings settings, Join join, std::unique_ptr<RowTransform> transform,
                 TableInfo info, MemoryBudget& budget, const PoisonEvents& poison,
                 io::Executor* background);

  static std::uint64_t bytes_at_most(std::size_t records, std::size_t bytes);
  Status decide(BatchDecoder& batch);
  bool is_wanted(const DecodedEvent& event) const {
    return only_camera_.empty() || event.camera_id == only_camera_;
  }
  void fetch_ahead(const std::vector<DecodedEvent>& events, std::size_t at);
  std::size_t append_place(const DecodedEvent& event, ColumnBatch& to, std::size_t column);
  void refuse(const DecodedEvent& event, Reason reason, std::string_view detail,
              std::string_view id_text);
  void note_duplicate(const DecodedEvent& event, const DedupEntry& first);
  void report_near_misses(const Decoder& decoder);
  void abort_if_planted() const;
  Status finish_rows(ColumnBatch& decoded);
  Status finish_rows_one_by_one(const ColumnBatch& joined);
  Status append_rows(const TransformedRows& transformed, std::size_t first_new,
                     std::size_t new_count);
  Status append_outcomes();
  std::string_view partition_text(PartitionId partition);
  std::string_view keep_text(std::string_view text) { return texts_.copy(text); }

  PipelineSettings settings_;
  BatchDecoder decoder_;
  Dedup dedup_;
  Join join_;
  std::unique_ptr<RowTransform> transform_;
  std::shared_ptr<StreamTables> tables_;
  MemoryBudget& budget_;
  const PoisonEvents& poison_;
  std::uint32_t ref_version_ = 0;
  Position last_position_;
  // As trim() said last: log time, and one past the last row that has left.
  std::int64_t expired_us_ = 0;
  std::uint64_t expired_rows_end_ = 0;
  // Of batches that has_room() has let in and process() has not seen.
  std::uint64_t promised_bytes_ = 0, promised_records_ = 0;

  std::set<std::string, std::less<>> near_misses_said_;
  std::string only_camera_;  // "": all

  // Of the batch in hand.
  std::vector<NewEvent> new_events_;
  std::vector<std::uint32_t> new_rows_;  // their rows in the decoded batch
  ColumnBatch out_, dead_, dupes_;
  LedgerCounter ledger_;
  TextArena texts_;                          // behind views in dead_ and dupes_
  std::deque<std::string> partition_texts_;  // by partition; "" where not made yet
};

}  // namespace freshet::pipeline

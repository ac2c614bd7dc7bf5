// One stream's pipeline: records in log order become rows, duplicates, refusals and counts.
//
// Owned by the stream's shard thread. A function of the log: the same records give the same rows
// whatever the batches. Nothing it appends is visible before the block's PublishPoint is published.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/memory_budget.h"
#include "common/result.h"
#include "log/record.h"
#include "pipeline/decode.h"
#include "pipeline/dedup.h"
#include "pipeline/join.h"
#include "pipeline/reference_table.h"
#include "pipeline/row_transform.h"
#include "pipeline/stream_tables.h"

namespace freshet::pipeline {

class CrashMarker;

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
};

// Reference tables by name: the versions that give joins their columns.
using KnownReferences = std::map<std::string, std::shared_ptr<const ReferenceTable>, std::less<>>;

// Events that ended the process too often, by XXH3-64 of their bytes, with the number of times.
using PoisonEvents = std::unordered_map<std::uint64_t, std::uint32_t>;

class StreamPipeline {
 public:
  // Checks SQL, keys and columns. `budget`, `marker` (may be null) and `poison` outlive the
  // pipeline. `references` gives the columns of joined tables that are known already.
  static Result<std::unique_ptr<StreamPipeline>> create(PipelineSettings settings,
                                                        const KnownReferences& references,
                                                        MemoryBudget& budget, CrashMarker* marker,
                                                        const PoisonEvents& poison);

  const PipelineSettings& settings() const { return settings_; }
  // For readers; shared because a reader may hold it when its stream is deleted.
  const std::shared_ptr<StreamTables>& tables() const { return tables_; }

  // Room for a batch of that size in the memory budget? Asked before the log takes it.
  bool has_room(std::size_t records, std::size_t bytes);
  // Takes records of this stream in log order; what they point to must live until the call returns.
  // `one_by_one` runs each event alone through everything, to find the one that ends the process.
  Status process(std::span<const log::Record> records, bool one_by_one);
  // Could this version be put in force? Asked before the log says so. Any thread.
  Status check_reference(const ReferenceTable& table) const;
  // From here on events are joined with this version.
  Status apply_reference(const std::shared_ptr<const ReferenceTable>& table, std::uint32_t version);
  // What must be published for all that was processed since the last call.
  PublishPoint take_publish_point();

  // Rows below `visible_from`, which arrived at `visible_from_us`, leave; ids past the horizon are
  // forgotten.
  void trim(Position visible_from, std::int64_t visible_from_us, std::int64_t now_us);
  // Any thread.
  std::optional<hot::RowNumber> find_row(std::string_view id) const;
  std::optional<DedupEntry> find_entry(std::string_view id) const;
  // Wrong on purpose: forgets every id, as a restart must not. For the simulation alone.
  void plant_forgotten_ids();
  std::uint64_t dedup_entries() const { return dedup_.entry_count(); }

 private:
  struct RowOrigin {  // of a row of decoded_
    EventId id;
    Position position;
    std::uint32_t sub = 0;
    PartitionId partition = 0;
    std::int64_t arrival_us = 0;
    std::string_view json;
    std::string_view camera_id;
  };

  StreamPipeline(PipelineSettings settings, Join join, std::unique_ptr<RowTransform> transform,
                 TableInfo info, MemoryBudget& budget, CrashMarker* marker,
                 const PoisonEvents& poison);

  static RowOrigin origin_of(const log::Record& record, std::uint32_t sub, std::string_view json);
  void process_record(const log::Record& record);
  void process_event(const log::Record& record, std::uint32_t sub, std::string_view json);
  void refuse(const RowOrigin& origin, std::string_view reason, std::string_view detail,
              std::string_view id_text, std::uint32_t attempts);
  void note_duplicate(const RowOrigin& origin, const DedupEntry& first);
  Status finish_rows();
  Status finish_rows_one_by_one(const ColumnBatch& joined);
  Status append_rows(const TransformedRows& transformed, std::size_t first_origin,
                     std::size_t origin_count);
  Status append_outcomes();
  std::string_view partition_text(PartitionId partition);
  std::string_view keep_text(std::string text);

  PipelineSettings settings_;
  Decoder decoder_;
  Dedup dedup_;
  Join join_;
  std::unique_ptr<RowTransform> transform_;
  std::shared_ptr<StreamTables> tables_;
  MemoryBudget& budget_;
  CrashMarker* marker_;
  const PoisonEvents& poison_;
  std::uint32_t ref_version_ = 0;
  Position last_position_;

  // Of the batch in hand.
  ColumnBatch decoded_;
  std::vector<RowOrigin> origins_;
  ColumnBatch out_, dead_, dupes_;
  LedgerDelta ledger_;
  std::vector<std::unique_ptr<std::string>> texts_;  // behind views in dead_ and dupes_
  std::unordered_map<PartitionId, std::string> partition_texts_;
};

}  // namespace freshet::pipeline

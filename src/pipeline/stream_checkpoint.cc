// How a stream's pipeline goes into a checkpoint and comes out of it.
#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include "pipeline/checkpoint_store.h"
#include "pipeline/stream_pipeline.h"

namespace freshet::pipeline {

std::uint64_t StreamPipeline::plan_hash() const {
  // Raised when the same log begins to give other rows.
  static constexpr int kPlanFormat = 1;
  std::string text = fmt::format(
      "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n", kPlanFormat, settings_.stream, settings_.table,
      settings_.sql, settings_.dedup.horizon_us, settings_.dedup.hash_seed,
      settings_.decode.id_seed, settings_.decode.ahead_max_us, settings_.decode.box_required);
  for (const JoinTable& join : settings_.joins) {
    text += fmt::format("join {} {} {} {} {}\n", join.prefix, join.table, join.event_column,
                        join.fallback_prefix, join.fallback_column);
  }
  for (const ColumnSchema& column : tables_->info().schema.columns)
    text += fmt::format("column {} {}\n", column.name, static_cast<int>(column.type));
  for (std::size_t key : tables_->info().key_columns) text += fmt::format("key {}\n", key);
  std::uint64_t hash = XXH3_64bits(text.data(), text.size());
  return hash == 0 ? 1 : hash;
}

StreamPipeline::Sealed StreamPipeline::seal(StreamCheckpoint& to) {
  to.plan = plan_hash();
  to.ref_version = ref_version_;
  Sealed sealed;
  sealed.ledger = tables_->ledger();
  std::array<hot::Table*, 3> tables = tables_->hot_tables();
  for (std::size_t i = 0; i < tables.size(); ++i) sealed.tables[i] = tables[i]->seal();
  sealed.ids = dedup_.hold_state();
  return sealed;
}

Result<std::uint64_t> StreamPipeline::restore(const StreamCheckpoint& from, Position position,
                                              CheckpointStore& store, io::Disk& disk) {
  FRESHET_TRY(std::uint64_t hold, dedup_.restore_runs(from.ids.runs));
  FRESHET_TRY_STATUS(store.read_ids(
      from.ids, [this](const dedup::DedupEntry& entry) { dedup_.restore_entry(entry); }));
  std::array<hot::Table*, 3> tables = tables_->hot_tables();
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const TableCheckpoint& table = from.tables[i];
    FRESHET_TRY_STATUS(
        tables[i]->restore(disk, store.folder(), table.begin, table.end, table.chunks));
  }
  tables_->restore(position, from.ref_version, from.ledger);
  ref_version_ = from.ref_version;
  last_position_ = position;
  return hold;
}

Status StreamPipeline::move_to_files(const TableCheckpoint& rows, const std::string& folder,
                                     io::Disk& disk, std::uint64_t above, std::uint64_t down_to) {
  std::uint64_t percent = budget_.limit_bytes() / 100;
  if (budget_.used_bytes() <= above * percent) return ok();
  for (const hot::ChunkFile& file : rows.chunks) {
    if (budget_.used_bytes() <= down_to * percent) return ok();
    FRESHET_TRY_STATUS(tables_->rows().move_to_file(disk, folder, file));
  }
  return ok();
}

}  // namespace freshet::pipeline

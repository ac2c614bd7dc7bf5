#include "sql/pruned_relation.h"

namespace freshet::sql {

PrunedRelation::PrunedRelation(std::shared_ptr<const Relation> whole,
                               const ScanConstraints& constraints, TableScan& scan)
    : whole_(std::move(whole)) {
  for (std::size_t chunk = 0; chunk < whole_->chunk_count(); ++chunk) {
    Rows rows = whole_->chunk_rows(chunk);
    std::uint64_t count = rows.end - rows.begin;
    if (auto reason = whole_->why_not(chunk, constraints)) {
      add_left_out(scan.chunks_left_out, *reason, count, 0);
      continue;
    }
    chunks_.push_back(chunk);
    row_count_ += count;
  }
  scan.chunks = chunks_.size();
  scan.chunk_rows = row_count_;
}

}  // namespace freshet::sql

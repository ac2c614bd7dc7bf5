// A relation without the chunks that cannot matter to a query.
#pragma once

#include <memory>
#include <vector>

#include "sql/relation.h"
#include "sql/scan_report.h"

namespace freshet::sql {

class PrunedRelation : public Relation {
 public:
  // Notes in `scan` what is read and what is not.
  PrunedRelation(std::shared_ptr<const Relation> whole, const ScanConstraints& constraints,
                 TableScan& scan);
  const Schema& schema() const override { return whole_->schema(); }
  std::uint64_t row_count() const override { return row_count_; }
  std::size_t chunk_count() const override { return chunks_.size(); }
  Rows chunk_rows(std::size_t chunk) const override { return whole_->chunk_rows(chunks_[chunk]); }
  RelationColumn column(std::size_t chunk, std::size_t column) const override {
    return whole_->column(chunks_[chunk], column);
  }
  std::string_view text(std::size_t chunk, std::size_t column, std::uint32_t code) const override {
    return whole_->text(chunks_[chunk], column, code);
  }

 private:
  std::shared_ptr<const Relation> whole_;
  std::vector<std::size_t> chunks_;
  std::uint64_t row_count_ = 0;
};

}  // namespace freshet::sql

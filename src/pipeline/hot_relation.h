// Hot rows of one snapshot as SQL reads them.
#pragma once

#include "hot/table.h"
#include "sql/relation.h"

namespace freshet::pipeline {

// Keeps the snapshot, and with it the chunks.
class HotRelation : public sql::Relation {
 public:
  explicit HotRelation(hot::Snapshot snapshot) : snapshot_(std::move(snapshot)) {}
  const Schema& schema() const override { return snapshot_.schema(); }
  std::uint64_t row_count() const override { return snapshot_.row_count(); }
  std::size_t chunk_count() const override { return snapshot_.chunks().size(); }
  Rows chunk_rows(std::size_t chunk) const override;
  sql::RelationColumn column(std::size_t chunk, std::size_t column) const override;
  std::string_view text(std::size_t chunk, std::size_t column, std::uint32_t code) const override;
  // By the chunk's times, the columns that rise with rows, and the keys that it has.
  std::optional<std::string> why_not(std::size_t chunk,
                                     const sql::ScanConstraints& constraints) const override;

 private:
  hot::Snapshot snapshot_;
};

}  // namespace freshet::pipeline

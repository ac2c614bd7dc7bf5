// A ColumnBatch as SQL reads it: small tables that do not live in hot (ledger, reference tables).
#pragma once

#include <memory>
#include <vector>

#include "event/column_batch.h"
#include "pipeline/ledger.h"
#include "sql/relation.h"

namespace freshet::query {

class BatchRelation : public sql::Relation {
 public:
  // `owner` keeps what the rows and their texts lie in.
  BatchRelation(Schema schema, const ColumnBatch& rows, std::shared_ptr<const void> owner);
  const Schema& schema() const override { return schema_; }
  std::uint64_t row_count() const override { return rows_.row_count(); }
  std::size_t chunk_count() const override { return 1; }
  Rows chunk_rows(std::size_t chunk) const override;
  sql::RelationColumn column(std::size_t chunk, std::size_t column) const override;
  std::string_view text(std::size_t chunk, std::size_t column, std::uint32_t code) const override;

 private:
  Schema schema_;
  const ColumnBatch& rows_;
  std::shared_ptr<const void> owner_;
  std::vector<std::uint32_t> codes_;                  // row i's text is text i
  std::vector<std::vector<std::uint64_t>> validity_;  // by column; empty: every row is there
};

// The ledger of one cut, "<table>$ledger": camera_id VARCHAR, minute TIMESTAMPTZ, then received,
// accepted, duplicate, late, refused, filtered and erased as UBIGINT. By minute, then camera.
const Schema& ledger_schema();
std::shared_ptr<const sql::Relation> make_ledger_relation(const pipeline::Ledger::Minutes& minutes);

}  // namespace freshet::query

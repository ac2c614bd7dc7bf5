#include "query/batch_relation.h"

#include <algorithm>
#include <numeric>

namespace freshet::query {
namespace {

std::vector<std::uint64_t> validity_bits(std::span<const std::uint8_t> bytes) {
  if (std::find(bytes.begin(), bytes.end(), 0) == bytes.end()) return {};
  std::vector<std::uint64_t> words((bytes.size() + 63) / 64, 0);
  for (std::size_t row = 0; row < bytes.size(); ++row)
    words[row / 64] |= std::uint64_t{bytes[row]} << (row % 64);
  return words;
}

// Rows and the texts that they point to.
struct LedgerRows {
  std::vector<pipeline::LedgerRow> rows;
  ColumnBatch batch{ledger_schema()};
};

}  // namespace

BatchRelation::BatchRelation(Schema schema, const ColumnBatch& rows,
                             std::shared_ptr<const void> owner)
    : schema_(std::move(schema)), rows_(rows), owner_(std::move(owner)), codes_(rows.row_count()) {
  std::iota(codes_.begin(), codes_.end(), 0u);
  for (const ColumnVector& column : rows_.columns)
    validity_.push_back(validity_bits(column.validity()));
}

sql::Relation::Rows BatchRelation::chunk_rows(std::size_t) const {
  return {0, static_cast<std::uint32_t>(rows_.row_count())};
}

sql::RelationColumn BatchRelation::column(std::size_t, std::size_t column) const {
  const std::uint64_t* validity = validity_[column].empty() ? nullptr : validity_[column].data();
  if (is_text(schema_.columns[column].type)) {
    return {reinterpret_cast<const std::byte*>(codes_.data()), validity,
            static_cast<std::uint32_t>(codes_.size())};
  }
  return {rows_.columns[column].data(), validity, 0};
}

std::string_view BatchRelation::text(std::size_t, std::size_t column, std::uint32_t code) const {
  const ColumnVector& texts = rows_.columns[column];
  return texts.is_valid(code) ? texts.get<std::string_view>(code) : std::string_view();
}

const Schema& ledger_schema() {
  static const Schema schema{{{"camera_id", ColumnType::kText},
                              {"minute", ColumnType::kTimestamp},
                              {"received", ColumnType::kUInt64},
                              {"accepted", ColumnType::kUInt64},
                              {"duplicate", ColumnType::kUInt64},
                              {"late", ColumnType::kUInt64},
                              {"refused", ColumnType::kUInt64},
                              {"filtered", ColumnType::kUInt64},
                              {"erased", ColumnType::kUInt64}}};
  return schema;
}

std::shared_ptr<const sql::Relation> make_ledger_relation(
    const pipeline::Ledger::Minutes& minutes) {
  auto ledger = std::make_shared<LedgerRows>();
  ledger->rows = pipeline::Ledger::rows(minutes);
  for (const pipeline::LedgerRow& row : ledger->rows) {
    std::vector<ColumnVector>& columns = ledger->batch.columns;
    columns[0].append(std::string_view(row.camera_id));
    columns[1].append(row.minute_us);
    const std::uint64_t counts[] = {row.counts.received, row.counts.accepted, row.counts.duplicate,
                                    row.counts.late,     row.counts.refused,  row.counts.filtered,
                                    row.counts.erased};
    for (std::size_t i = 0; i < std::size(counts); ++i) columns[2 + i].append(counts[i]);
  }
  return std::make_shared<BatchRelation>(ledger_schema(), ledger->batch, ledger);
}

}  // namespace freshet::query

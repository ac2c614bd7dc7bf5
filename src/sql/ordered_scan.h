// The rows of a relation on their way into one Parquet file, in our order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/result.h"
#include "sql/duckdb_handles.h"
#include "sql/relation.h"
#include "sql/row_order.h"
#include "sql/row_source.h"

namespace freshet::sql {

class OrderedScan : public RowSource {
 public:
  // All must outlive the scan.
  OrderedScan(const Relation& relation, const ParquetLayout& layout,
              std::span<const OrderedRow> rows);

 private:
  // kInvalid FRS-3803.
  Status next(duckdb_data_chunk output) override;
  // A column of the relation, by chunk.
  struct Source {
    std::vector<const std::byte*> values;
    std::vector<const std::uint64_t*> validity;
    std::vector<std::uint32_t> dictionary_sizes;
    std::vector<std::unique_ptr<duckdb_string_t[]>> handles;  // of texts, made when first needed
    bool has_nulls = false;                                   // some chunk may have
  };
  Status fill_column(std::size_t column, std::span<const OrderedRow> rows, duckdb_vector to);
  Status fill_values(std::size_t column, std::span<const OrderedRow> rows, duckdb_vector to);
  void fill_texts(std::size_t column, std::span<const OrderedRow> rows, duckdb_vector to);
  duckdb_string_t text_of(std::size_t column, std::uint32_t chunk, std::uint32_t code);
  void fill_validity(const Source& source, std::span<const OrderedRow> rows, duckdb_vector to);

  const Relation& relation_;
  std::span<const OrderedRow> rows_;
  std::size_t next_ = 0;
  std::vector<std::uint32_t> codes_;  // of the vector being filled
  std::vector<Source> sources_;
};

}  // namespace freshet::sql

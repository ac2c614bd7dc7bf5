// The table function through which DuckDB reads the rows of one Parquet file in our order, in the
// types that the file holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/result.h"
#include "sql/column_bounds.h"
#include "sql/duckdb_handles.h"
#include "sql/parquet_writer.h"
#include "sql/relation.h"
#include "sql/row_order.h"

namespace freshet::sql {

// One reading of `rows`, on one thread: DuckDB keeps their order because nobody else has any.
class OrderedScan {
 public:
  // All must outlive the scan.
  OrderedScan(const Relation& relation, const ParquetLayout& layout,
              std::span<const OrderedRow> rows);
  void bind(duckdb_bind_info info) const;
  // The next rows, none at the end. kInvalid FRS-3803.
  Status fill(duckdb_data_chunk output);
  // Whole after the last row.
  const LeafBounds& bounds() const { return bounds_; }
  // What fill() failed with, if it did: DuckDB passes on no more than the words.
  const std::optional<Error>& failure() const { return failure_; }

 private:
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
  const ParquetLayout& layout_;
  std::span<const OrderedRow> rows_;
  std::size_t next_ = 0;
  std::vector<std::uint32_t> codes_;  // of the vector being filled
  std::vector<Source> sources_;
  LeafBounds bounds_;
  std::optional<Error> failure_;
};

// freshet_rows(): what *current is at that moment. `current` must outlive the database.
Status register_ordered_scan(duckdb_connection connection, OrderedScan** current);

}  // namespace freshet::sql

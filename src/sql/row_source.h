// The table function through which DuckDB's COPY reads the rows of one Parquet file, in our order
// and in the types that the file holds.
#pragma once

#include <cstdint>
#include <optional>

#include "common/result.h"
#include "sql/column_bounds.h"
#include "sql/duckdb_handles.h"
#include "sql/parquet_file.h"

namespace freshet::sql {

// One reading of rows, on one thread: DuckDB keeps their order because nobody else has any.
class RowSource {
 public:
  virtual ~RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;
  void bind(duckdb_bind_info info) const;
  // The next rows, none at the end.
  Status fill(duckdb_data_chunk output);
  // Whole after the last row.
  const LeafBounds& bounds() const { return bounds_; }
  // What fill() failed with, if it did: DuckDB passes on no more than the words.
  const std::optional<Error>& failure() const { return failure_; }

 protected:
  // The layout must outlive the source.
  RowSource(const ParquetLayout& layout, std::uint64_t row_count)
      : layout_(layout), row_count_(row_count), bounds_(layout.columns) {}
  virtual Status next(duckdb_data_chunk output) = 0;
  // To be called for every vector of every chunk.
  void add_bounds(std::size_t column, duckdb_vector vector, std::size_t count) {
    bounds_.add(column, vector, static_cast<std::uint32_t>(count));
  }
  const ParquetLayout& layout() const { return layout_; }

 private:
  const ParquetLayout& layout_;
  std::uint64_t row_count_;
  LeafBounds bounds_;
  std::optional<Error> failure_;
};

// freshet_rows(): what *current is at that moment. `current` must outlive the database.
Status register_row_source(duckdb_connection connection, RowSource** current);

}  // namespace freshet::sql

// A batch of rows as the relation `batch` of DuckDB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "event/column_batch.h"
#include "event/schema.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {

// What a scan of `batch` reads: the rows, each with its number, and where it has markers a row
// behind those of each chunk that has a number from kFirstMarker on and nulls.
struct BatchFeed {
  static constexpr std::uint32_t kFirstMarker = 0xF000'0000;

  std::string function;  // the name of its table function, one for each feed of a database
  Schema schema;
  bool has_markers = false;

  const ColumnBatch* batch = nullptr;
  std::size_t next_row = 0;
  // With markers a scan goes on behind the batch's end, with markers alone, for so many chunks.
  std::size_t chunks_left = 0;
  std::uint32_t next_marker = kFirstMarker;

  LogicalType row_number_type{duckdb_create_logical_type(DUCKDB_TYPE_UINTEGER)};
};

// `batch` is what `feed` has, for this connection alone.
Status register_batch(duckdb_connection connection, BatchFeed* feed);

}  // namespace freshet::sql

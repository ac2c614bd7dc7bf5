// The order in which rows of a relation go into Parquet files: by day or hour, then by key, then by
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sql/parquet_writer.h"
#include "sql/relation.h"

namespace freshet::sql {

// A row, and its time, which is at hand wherever the order is made.
struct OrderedRow {
  std::int64_t time_us = 0;
  std::uint32_t chunk = 0;
  std::uint32_t row = 0;
};

// The rows of one file.
struct OrderedSpan {
  std::optional<std::int64_t> begin_us;  // nothing: rows without a time
  std::vector<OrderedRow> rows;
};

// The begin of the day or hour that the time is in.
std::int64_t span_begin_of(FileSpan span, std::int64_t time_us);

// Spans ascend, rows without a time are last. Inside a span by the key's text, null keys last, then
// by time; rows alike in both keep the relation's order. 16 bytes a row, twice while it works.
std::vector<OrderedSpan> order_rows(const Relation& relation, std::span<const RowRange> ranges,
                                    const ParquetLayout& layout);

}  // namespace freshet::sql

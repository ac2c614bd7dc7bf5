// Values between our columns and DuckDB's vectors: whole columns at a time, texts without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "event/column_batch.h"
#include "event/position.h"
#include "event/schema.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {

// DuckDB keeps up to 12 bytes in the value itself and points to longer ones.
inline constexpr std::uint32_t kInlinedBytes = sizeof(duckdb_string_t{}.value.inlined.inlined);

duckdb_string_t string_of(std::string_view text);
std::string_view view_of(const duckdb_string_t& text);

// DuckDB's UUID is a 128-bit number whose sign bit is turned over, so that it sorts as text does.
duckdb_hugeint hugeint_of(const EventId& id);
EventId event_id_of(const duckdb_hugeint& value);

// Writes `count` values from values[first] on to rows [0, count) of a vector of that type. Not for
// texts. Nulls are written by the functions below.
void write_values(ColumnType type, const std::byte* values, std::size_t first, std::size_t count,
                  duckdb_vector to);
// Bit (first + i) % 64 of word (first + i) / 64 says whether row i is there.
void write_validity(ColumnType type, const std::uint64_t* words, std::size_t first,
                    std::size_t count, duckdb_vector to);
// Rows [first, first + count) of a column. Texts stay where they are: they must outlive the query.
void write_column(const ColumnVector& from, std::size_t first, std::size_t count, duckdb_vector to);

// Makes one row null.
void write_null(ColumnType type, std::size_t row, duckdb_vector to);

// Rows [0, count) of a vector of that type to rows [at, at + count) of a column that has them (all
// null so far). Texts are views into the vector.
void read_column(duckdb_vector from, std::size_t count, ColumnVector& to, std::size_t at);

// Makes `to` the named rows of `from`, in that order. Texts are the same views.
void gather_rows(const ColumnVector& from, std::span<const std::uint32_t> rows, ColumnVector& to);

}  // namespace freshet::sql

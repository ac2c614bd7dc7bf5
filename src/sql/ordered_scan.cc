#include "sql/ordered_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "sql/vector_io.h"

namespace freshet::sql {
namespace {

constexpr double kBoxScale = 65'535.0;

// Neighbours in the order lie far apart in memory: without it each value waits for its cache line.
constexpr std::size_t kPrefetchRows = 48;

template <typename From>
void prefetch(const std::vector<const std::byte*>& values, std::span<const OrderedRow> rows,
              std::size_t i) {
  if (i + kPrefetchRows >= rows.size()) return;
  const OrderedRow& row = rows[i + kPrefetchRows];
  __builtin_prefetch(values[row.chunk] + std::size_t{row.row} * sizeof(From));
}

template <typename From>
From value_at(const std::vector<const std::byte*>& values, const OrderedRow& row) {
  From value;
  std::memcpy(&value, values[row.chunk] + std::size_t{row.row} * sizeof(From), sizeof(From));
  return value;
}

template <typename From, typename To>
void gather(const std::vector<const std::byte*>& values, std::span<const OrderedRow> rows,
            duckdb_vector to) {
  auto* out = static_cast<To*>(duckdb_vector_get_data(to));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    prefetch<From>(values, rows, i);
    out[i] = static_cast<To>(value_at<From>(values, rows[i]));
  }
}

void gather_uuids(const std::vector<const std::byte*>& values, std::span<const OrderedRow> rows,
                  duckdb_vector to) {
  auto* out = static_cast<duckdb_hugeint*>(duckdb_vector_get_data(to));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    prefetch<EventId>(values, rows, i);
    out[i] = hugeint_of(value_at<EventId>(values, rows[i]));
  }
}

void gather_decimals(const std::vector<const std::byte*>& values, std::span<const OrderedRow> rows,
                     duckdb_vector to) {
  auto* out = static_cast<duckdb_hugeint*>(duckdb_vector_get_data(to));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    prefetch<std::uint64_t>(values, rows, i);
    out[i] = {value_at<std::uint64_t>(values, rows[i]), 0};
  }
}

void gather_boxes(const std::vector<const std::byte*>& values, std::span<const OrderedRow> rows,
                  duckdb_vector to) {
  double* out[4];
  for (idx_t field = 0; field < 4; ++field) {
    out[field] =
        static_cast<double*>(duckdb_vector_get_data(duckdb_struct_vector_get_child(to, field)));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    prefetch<Box>(values, rows, i);
    Box box = value_at<Box>(values, rows[i]);
    out[0][i] = box.x / kBoxScale;
    out[1][i] = box.y / kBoxScale;
    out[2][i] = box.w / kBoxScale;
    out[3][i] = box.h / kBoxScale;
  }
}

Status check_signed(const std::string& column, std::size_t count, duckdb_vector vector) {
  const auto* values = static_cast<const std::int64_t*>(duckdb_vector_get_data(vector));
  const auto* negative =
      std::find_if(values, values + count, [](std::int64_t value) { return value < 0; });
  if (negative == values + count) return ok();
  return Error(
      Code::kInvalid, 3803,
      fmt::format("column {} holds {}, and the file's has room for no number above 2^63 - 1",
                  column, static_cast<std::uint64_t>(*negative)));
}

std::uint64_t* writable_validity(duckdb_vector vector) {
  duckdb_vector_ensure_validity_writable(vector);
  return duckdb_vector_get_validity(vector);
}

}  // namespace

OrderedScan::OrderedScan(const Relation& relation, const ParquetLayout& layout,
                         std::span<const OrderedRow> rows)
    : RowSource(layout, rows.size()), relation_(relation), rows_(rows) {
  for (std::size_t i = 0; i < layout.columns.size(); ++i) {
    Source source;
    for (std::size_t chunk = 0; chunk < relation.chunk_count(); ++chunk) {
      RelationColumn column = relation.column(chunk, i);
      source.values.push_back(column.values);
      source.validity.push_back(column.validity);
      source.dictionary_sizes.push_back(column.dictionary_size);
      source.has_nulls = source.has_nulls || column.validity != nullptr;
    }
    source.handles.resize(relation.chunk_count());
    sources_.push_back(std::move(source));
  }
}

Status OrderedScan::next(duckdb_data_chunk output) {
  std::size_t count = std::min<std::size_t>(duckdb_vector_size(), rows_.size() - next_);
  std::span<const OrderedRow> rows = rows_.subspan(next_, count);
  for (std::size_t column = 0; column < layout().columns.size() && count > 0; ++column) {
    FRESHET_TRY_STATUS(fill_column(column, rows, duckdb_data_chunk_get_vector(output, column)));
  }
  next_ += count;
  duckdb_data_chunk_set_size(output, count);
  return ok();
}

Status OrderedScan::fill_column(std::size_t column, std::span<const OrderedRow> rows,
                                duckdb_vector to) {
  FRESHET_TRY_STATUS(fill_values(column, rows, to));
  if (sources_[column].has_nulls) fill_validity(sources_[column], rows, to);
  add_bounds(column, to, rows.size());
  return ok();
}

Status OrderedScan::fill_values(std::size_t column, std::span<const OrderedRow> rows,
                                duckdb_vector to) {
  const std::vector<const std::byte*>& values = sources_[column].values;
  switch (layout().columns[column].type) {
    case ColumnType::kBool:
      gather<std::uint8_t, std::uint8_t>(values, rows, to);
      return ok();
    case ColumnType::kInt8:
      gather<std::int8_t, std::int32_t>(values, rows, to);
      return ok();
    case ColumnType::kInt16:
      gather<std::int16_t, std::int32_t>(values, rows, to);
      return ok();
    case ColumnType::kUInt8:
      gather<std::uint8_t, std::int32_t>(values, rows, to);
      return ok();
    case ColumnType::kUInt16:
      gather<std::uint16_t, std::int32_t>(values, rows, to);
      return ok();
    case ColumnType::kUInt32:
      gather<std::uint32_t, std::int64_t>(values, rows, to);
      return ok();
    case ColumnType::kUuid:
      gather_uuids(values, rows, to);
      return ok();
    case ColumnType::kBox:
      gather_boxes(values, rows, to);
      return ok();
    case ColumnType::kText:
    case ColumnType::kBlob:
      fill_texts(column, rows, to);
      return ok();
    case ColumnType::kInt32:
    case ColumnType::kFloat:
    case ColumnType::kDate:
      gather<std::uint32_t, std::uint32_t>(values, rows, to);
      return ok();
    case ColumnType::kInt64:
    case ColumnType::kDouble:
    case ColumnType::kTimestamp:
      gather<std::uint64_t, std::uint64_t>(values, rows, to);
      return ok();
    case ColumnType::kUInt64:
      if (layout().columns[column].is_decimal) {
        gather_decimals(values, rows, to);
        return ok();
      }
      gather<std::uint64_t, std::uint64_t>(values, rows, to);
      return check_signed(layout().columns[column].name, rows.size(), to);
  }
  return ok();
}

void OrderedScan::fill_texts(std::size_t column, std::span<const OrderedRow> rows,
                             duckdb_vector to) {
  Source& source = sources_[column];
  codes_.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    prefetch<std::uint32_t>(source.values, rows, i);
    codes_[i] = value_at<std::uint32_t>(source.values, rows[i]);
  }
  auto* out = static_cast<duckdb_string_t*>(duckdb_vector_get_data(to));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const duckdb_string_t* handles = source.handles[rows[i].chunk].get();
    out[i] = handles != nullptr && codes_[i] < source.dictionary_sizes[rows[i].chunk]
                 ? handles[codes_[i]]
                 : text_of(column, rows[i].chunk, codes_[i]);
  }
}

duckdb_string_t OrderedScan::text_of(std::size_t column, std::uint32_t chunk, std::uint32_t code) {
  Source& source = sources_[column];
  std::uint32_t size = source.dictionary_sizes[chunk];
  if (code >= size) return string_of({});
  Relation::Rows rows = relation_.chunk_rows(chunk);
  // Where nearly every row has a text of its own, the array would only cost memory.
  if (size > (rows.end - rows.begin) / 4 + 64)
    return string_of(relation_.text(chunk, column, code));
  source.handles[chunk] = std::make_unique<duckdb_string_t[]>(size);
  for (std::uint32_t i = 0; i < size; ++i)
    source.handles[chunk][i] = string_of(relation_.text(chunk, column, i));
  return source.handles[chunk][code];
}

void OrderedScan::fill_validity(const Source& source, std::span<const OrderedRow> rows,
                                duckdb_vector to) {
  std::uint64_t* out = writable_validity(to);
  for (std::size_t first = 0; first < rows.size(); first += 64) {
    std::size_t count = std::min<std::size_t>(64, rows.size() - first);
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const OrderedRow& row = rows[first + i];
      const std::uint64_t* words = source.validity[row.chunk];
      // A writer may be adding bits of later rows to the word: it is loaded once, whole.
      std::uint64_t bit =
          words == nullptr
              ? 1
              : __atomic_load_n(&words[row.row / 64], __ATOMIC_RELAXED) >> (row.row % 64) & 1;
      bits |= bit << i;
    }
    out[first / 64] = bits;
  }
}

}  // namespace freshet::sql

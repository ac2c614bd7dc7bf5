#include "sql/column_bounds.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "sql/vector_io.h"

namespace freshet::sql {
namespace {

bool is_valid(const std::uint64_t* validity, std::uint32_t row) {
  return validity == nullptr || (validity[row / 64] >> (row % 64) & 1) != 0;
}

// Bytes of a number, the least first, as on every machine that we run on.
template <typename T>
std::string bytes_of(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

// The highest byte first.
std::string big_endian(std::uint64_t high, std::uint64_t low) {
  std::string bytes;
  for (std::uint64_t half : {high, low}) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(half >> shift & 0xff);
  }
  return bytes;
}

std::string uuid_bytes(const duckdb_hugeint& value) {
  EventId id = event_id_of(value);
  return big_endian(id.high, id.low);
}

// Two's complement in as few bytes as keep the sign.
std::string decimal_bytes(const duckdb_hugeint& value) {
  std::string bytes = big_endian(static_cast<std::uint64_t>(value.upper), value.lower);
  char sign = value.upper < 0 ? '\xff' : '\0';
  std::size_t first = std::min(bytes.find_first_not_of(sign), bytes.size() - 1);
  if (((bytes[first] ^ sign) & 0x80) != 0) --first;  // The first bit must be the sign's.
  return bytes.substr(first);
}

bool is_below(const duckdb_hugeint& a, const duckdb_hugeint& b) {
  return a.upper != b.upper ? a.upper < b.upper : a.lower < b.lower;
}

// Rows that `validity` calls null become null in the vector.
void take_nulls_of(const std::uint64_t* validity, duckdb_vector vector, std::uint32_t count) {
  duckdb_vector_ensure_validity_writable(vector);
  std::uint64_t* words = duckdb_vector_get_validity(vector);
  for (std::uint32_t word = 0; word < (count + 63) / 64; ++word) words[word] &= validity[word];
}

}  // namespace

template <typename T>
void ColumnBounds::add_numbers(const T* values, const std::uint64_t* validity,
                               std::uint32_t count) {
  T least = std::numeric_limits<T>::max();
  T greatest = std::numeric_limits<T>::min();
  bool any = false;
  if (validity == nullptr) {
    for (std::uint32_t i = 0; i < count; ++i) {
      least = std::min(least, values[i]);
      greatest = std::max(greatest, values[i]);
    }
    any = count > 0;
  } else {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!is_valid(validity, i)) continue;
      least = std::min(least, values[i]);
      greatest = std::max(greatest, values[i]);
      any = true;
    }
  }
  if (!any) return;
  if (!lower_.is_set || least < lower_.number) lower_.number = least;
  if (!upper_.is_set || greatest > upper_.number) upper_.number = greatest;
  lower_.is_set = upper_.is_set = true;
}

template <typename T>
void ColumnBounds::add_reals(const T* values, const std::uint64_t* validity, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!is_valid(validity, i)) continue;
    if (std::isnan(values[i])) {
      ++nan_count_;
      continue;
    }
    if (!lower_.is_set || values[i] < lower_.real) lower_.real = values[i];
    if (!upper_.is_set || values[i] > upper_.real) upper_.real = values[i];
    lower_.is_set = upper_.is_set = true;
  }
}

void ColumnBounds::add_wide(const duckdb_hugeint* values, const std::uint64_t* validity,
                            std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!is_valid(validity, i)) continue;
    if (!lower_.is_set || is_below(values[i], lower_.wide)) lower_.wide = values[i];
    if (!upper_.is_set || is_below(upper_.wide, values[i])) upper_.wide = values[i];
    lower_.is_set = upper_.is_set = true;
  }
}

void ColumnBounds::add_texts(const duckdb_string_t* values, const std::uint64_t* validity,
                             std::uint32_t count) {
  const duckdb_string_t* last = nullptr;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!is_valid(validity, i)) continue;
    // Rows are sorted by a text, so most are as the row before: the same handle is the same text.
    if (last != nullptr && std::memcmp(last, &values[i], sizeof(duckdb_string_t)) == 0) continue;
    last = &values[i];
    std::string_view text = view_of(values[i]);
    if (!lower_.is_set || text < lower_.text) lower_.text = text;
    if (!upper_.is_set || text > upper_.text) upper_.text = text;
    lower_.is_set = upper_.is_set = true;
  }
}

void ColumnBounds::add(const void* values, const std::uint64_t* validity, std::uint32_t count) {
  if (validity != nullptr) {
    for (std::uint32_t i = 0; i < count; ++i) null_count_ += is_valid(validity, i) ? 0 : 1;
  }
  switch (type_) {
    case ColumnType::kBool:
      return add_numbers(static_cast<const std::uint8_t*>(values), validity, count);
    case ColumnType::kInt32:
    case ColumnType::kDate:
      return add_numbers(static_cast<const std::int32_t*>(values), validity, count);
    case ColumnType::kFloat:
      return add_reals(static_cast<const float*>(values), validity, count);
    case ColumnType::kDouble:
      return add_reals(static_cast<const double*>(values), validity, count);
    case ColumnType::kUuid:
    case ColumnType::kUInt64:
      return add_wide(static_cast<const duckdb_hugeint*>(values), validity, count);
    case ColumnType::kText:
    case ColumnType::kBlob:
      return add_texts(static_cast<const duckdb_string_t*>(values), validity, count);
    default:
      return add_numbers(static_cast<const std::int64_t*>(values), validity, count);
  }
}

std::optional<std::uint64_t> ColumnBounds::nan_count() const {
  if (type_ != ColumnType::kFloat && type_ != ColumnType::kDouble) return std::nullopt;
  return nan_count_;
}

std::optional<std::string> ColumnBounds::serialized(const Bound& bound, bool is_upper) const {
  if (!bound.is_set) return std::nullopt;
  // Iceberg puts -0 below 0, comparing here does not: the bound must hold both.
  double real = bound.real == 0 ? (is_upper ? 0.0 : -0.0) : bound.real;
  switch (type_) {
    case ColumnType::kBool:
      return bytes_of(static_cast<std::uint8_t>(bound.number));
    case ColumnType::kInt32:
    case ColumnType::kDate:
      return bytes_of(static_cast<std::int32_t>(bound.number));
    case ColumnType::kFloat:
      return bytes_of(static_cast<float>(real));
    case ColumnType::kDouble:
      return bytes_of(real);
    case ColumnType::kUuid:
      return uuid_bytes(bound.wide);
    case ColumnType::kUInt64:
      return decimal_bytes(bound.wide);
    case ColumnType::kText:
    case ColumnType::kBlob:
      return bound.text;
    default:
      return bytes_of(bound.number);
  }
}

LeafBounds::LeafBounds(const std::vector<ParquetColumn>& columns) {
  for (const ParquetColumn& column : columns) {
    ColumnType type = parquet_type_of(column);
    first_leaf_.push_back(leaves_.size());
    is_box_.push_back(type == ColumnType::kBox);
    if (is_box_.back())
      leaves_.insert(leaves_.end(), kBoxFieldNames.size(), ColumnBounds(ColumnType::kDouble));
    else
      leaves_.emplace_back(type);
  }
}

void LeafBounds::add(std::size_t column, duckdb_vector vector, std::uint32_t count) {
  const std::uint64_t* validity = duckdb_vector_get_validity(vector);
  std::size_t leaf = first_leaf_[column];
  if (!is_box_[column]) return leaves_[leaf].add(duckdb_vector_get_data(vector), validity, count);
  for (idx_t field = 0; field < kBoxFieldNames.size(); ++field) {
    duckdb_vector child = duckdb_struct_vector_get_child(vector, field);
    // DuckDB's writer reads fields without asking the struct.
    if (validity != nullptr) take_nulls_of(validity, child, count);
    leaves_[leaf + field].add(duckdb_vector_get_data(child), duckdb_vector_get_validity(child),
                              count);
  }
}

}  // namespace freshet::sql

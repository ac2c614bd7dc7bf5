// Least and greatest value, nulls and NaNs of a column, seen vector by vector on its way into a
// file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "event/schema.h"
#include "sql/duckdb_handles.h"
#include "sql/parquet_column.h"

namespace freshet::sql {

class ColumnBounds {
 public:
  // `type` is the file's: one that parquet_type_of() gives, and not kBox. kUInt64 is a vector of
  // decimals of 128 bits.
  explicit ColumnBounds(ColumnType type) : type_(type) {}
  // Rows [0, count) of a vector. `validity` is null where every row is there.
  void add(const void* values, const std::uint64_t* validity, std::uint32_t count);

  std::uint64_t null_count() const { return null_count_; }
  std::optional<std::uint64_t> nan_count() const;
  // Iceberg's single values; nothing where no row has one.
  std::optional<std::string> lower() const { return serialized(lower_, false); }
  std::optional<std::string> upper() const { return serialized(upper_, true); }

 private:
  // The value as it lies in a vector; of texts the bytes.
  struct Bound {
    bool is_set = false;
    std::int64_t number = 0;
    double real = 0;
    duckdb_hugeint wide{};  // a UUID or a decimal
    std::string text;
  };
  template <typename T>
  void add_numbers(const T* values, const std::uint64_t* validity, std::uint32_t count);
  template <typename T>
  void add_reals(const T* values, const std::uint64_t* validity, std::uint32_t count);
  void add_wide(const duckdb_hugeint* values, const std::uint64_t* validity, std::uint32_t count);
  void add_texts(const duckdb_string_t* values, const std::uint64_t* validity, std::uint32_t count);
  std::optional<std::string> serialized(const Bound& bound, bool is_upper) const;

  ColumnType type_;
  std::uint64_t null_count_ = 0;
  std::uint64_t nan_count_ = 0;
  Bound lower_, upper_;
};

// Of every leaf that a file of these columns has: a column is one, a box is four.
class LeafBounds {
 public:
  explicit LeafBounds(const std::vector<ParquetColumn>& columns);
  // Rows [0, count) of a column, in the file's type. The fields of a null box become null.
  void add(std::size_t column, duckdb_vector vector, std::uint32_t count);
  const std::vector<ColumnBounds>& leaves() const { return leaves_; }

 private:
  std::vector<ColumnBounds> leaves_;
  std::vector<std::size_t> first_leaf_;  // by column
  std::vector<bool> is_box_;             // by column
};

}  // namespace freshet::sql

// Least and greatest value, nulls and NaNs of a column, seen vector by vector on its way into a
// file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "event/schema.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {

class ColumnBounds {
 public:
  // `type` is the file's: one that parquet_type_of() gives, and not kBox.
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
    duckdb_hugeint uuid{};
    std::string text;
  };
  template <typename T>
  void add_numbers(const T* values, const std::uint64_t* validity, std::uint32_t count);
  template <typename T>
  void add_reals(const T* values, const std::uint64_t* validity, std::uint32_t count);
  void add_uuids(const duckdb_hugeint* values, const std::uint64_t* validity, std::uint32_t count);
  void add_texts(const duckdb_string_t* values, const std::uint64_t* validity, std::uint32_t count);
  std::optional<std::string> serialized(const Bound& bound, bool is_upper) const;

  ColumnType type_;
  std::uint64_t null_count_ = 0;
  std::uint64_t nan_count_ = 0;
  Bound lower_, upper_;
};

}  // namespace freshet::sql

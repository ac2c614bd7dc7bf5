// Rows in columns, on their way from the decoder through join and transform into hot.
// A ColumnBatch does not own the bytes behind its texts: whoever fills it says how long they live.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "common/check.h"
#include "event/schema.h"

namespace freshet {

// One column of a batch: `row_count` values of column_type_bytes(type) and one validity byte each.
class ColumnVector {
 public:
  explicit ColumnVector(ColumnType type) : type_(type), width_(column_type_bytes(type)) {}

  ColumnType type() const { return type_; }
  std::size_t row_count() const { return valid_.size(); }
  void clear() {
    values_.clear();
    valid_.clear();
  }
  void reserve(std::size_t rows) {
    values_.reserve(rows * width_);
    valid_.reserve(rows);
  }
  // Makes `rows` rows, all null.
  void resize_null(std::size_t rows) {
    values_.assign(rows * width_, std::byte{0});
    valid_.assign(rows, 0);
  }

  // T is the type's own: bool, int64_t, double, EventId, Box, std::string_view, …
  template <typename T>
  void append(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    FRESHET_CHECK(sizeof(T) == width_);
    std::size_t at = values_.size();
    values_.resize(at + sizeof(T));
    std::memcpy(values_.data() + at, &value, sizeof(T));
    valid_.push_back(1);
  }
  void append_null() {
    values_.resize(values_.size() + width_);
    valid_.push_back(0);
  }
  template <typename T>
  void set(std::size_t row, const T& value) {
    FRESHET_CHECK(sizeof(T) == width_ && row < valid_.size());
    std::memcpy(values_.data() + row * sizeof(T), &value, sizeof(T));
    valid_[row] = 1;
  }
  void set_null(std::size_t row) { valid_[row] = 0; }

  bool is_valid(std::size_t row) const { return valid_[row] != 0; }
  template <typename T>
  T get(std::size_t row) const {
    FRESHET_CHECK(sizeof(T) == width_);
    T value;
    std::memcpy(&value, values_.data() + row * sizeof(T), sizeof(T));
    return value;
  }
  // The raw values, width after width; nulls hold zeros or stale bytes.
  const std::byte* data() const { return values_.data(); }
  std::span<const std::uint8_t> validity() const { return valid_; }
  // The same for bulk writers, after resize_null(): values as data(), validity one byte a row, 0 or
  // 1.
  std::byte* mutable_data() { return values_.data(); }
  std::uint8_t* mutable_validity() { return valid_.data(); }
  // Becomes a column of one row: that of `other`.
  void assign_row(const ColumnVector& other, std::size_t row) {
    FRESHET_CHECK(other.width_ == width_);
    const std::byte* from = other.values_.data() + row * width_;
    values_.assign(from, from + width_);
    valid_.assign(1, other.valid_[row]);
  }
  // Drops all rows from `rows` on.
  void truncate(std::size_t rows) {
    values_.resize(rows * width_);
    valid_.resize(rows);
  }

 private:
  ColumnType type_;
  std::size_t width_;
  std::vector<std::byte> values_;
  std::vector<std::uint8_t> valid_;
};

struct ColumnBatch {
  explicit ColumnBatch(const Schema& schema) {
    for (const ColumnSchema& column : schema.columns) columns.emplace_back(column.type);
  }
  std::size_t row_count() const { return columns.empty() ? 0 : columns[0].row_count(); }
  void clear() {
    for (ColumnVector& column : columns) column.clear();
  }

  std::vector<ColumnVector> columns;  // in the schema's order, all of one length
};

}  // namespace freshet

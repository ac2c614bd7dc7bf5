// Rows in columns, on their way from the decoder through join and transform into hot.
// A ColumnBatch does not own the bytes behind its texts: whoever fills it says how long they live.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/check.h"
#include "event/schema.h"

namespace freshet {

// One column of a batch: `row_count` values of column_type_bytes(type) and one validity byte each.
class ColumnVector {
 public:
  explicit ColumnVector(ColumnType type) : type_(type), width_(column_type_bytes(type)) {}
  ColumnVector(const ColumnVector& other) : type_(other.type_), width_(other.width_) {
    *this = other;
  }
  // What was moved from is a good column still: empty, or with what the other had.
  ColumnVector(ColumnVector&& other) noexcept
      : type_(other.type_),
        width_(other.width_),
        rows_(std::exchange(other.rows_, 0)),
        values_(std::exchange(other.values_, {})),
        valid_(std::exchange(other.valid_, {})) {}
  ColumnVector& operator=(ColumnVector&& other) noexcept {
    std::swap(type_, other.type_);
    std::swap(width_, other.width_);
    std::swap(rows_, other.rows_);
    values_.swap(other.values_);
    valid_.swap(other.valid_);
    return *this;
  }
  // Copies the rows, and keeps what room there is.
  ColumnVector& operator=(const ColumnVector& other) {
    if (this == &other) return *this;
    // Room is counted in rows of the present width.
    bool fits = width_ == other.width_ && room() >= other.rows_;
    type_ = other.type_;
    width_ = other.width_;
    if (!fits) grow(other.rows_);
    copy_rows(other, 0, other.rows_);
    return *this;
  }

  ColumnType type() const { return type_; }
  std::size_t row_count() const { return rows_; }
  void clear() { rows_ = 0; }
  void reserve(std::size_t rows) {
    if (rows > room()) grow(rows);
  }
  // Makes `rows` rows, all null.
  void resize_null(std::size_t rows) {
    reserve(rows);
    // An empty vector may have no memory at all, and memset(null) is undefined whatever the size.
    if (rows > 0) {
      std::memset(values_.data(), 0, rows * width_);
      std::memset(valid_.data(), 0, rows);
    }
    rows_ = rows;
  }

  // T is the type's own: bool, int64_t, double, EventId, Box, std::string_view, …
  template <typename T>
  void append(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    FRESHET_CHECK(sizeof(T) == width_);
    if (rows_ == room()) [[unlikely]]
      grow(rows_ + 1);
    std::memcpy(values_.data() + rows_ * sizeof(T), &value, sizeof(T));
    valid_[rows_++] = 1;
  }
  void append_null() {
    if (rows_ == room()) [[unlikely]]
      grow(rows_ + 1);
    std::memset(values_.data() + rows_ * width_, 0, width_);
    valid_[rows_++] = 0;
  }
  template <typename T>
  void set(std::size_t row, const T& value) {
    FRESHET_CHECK(sizeof(T) == width_ && row < rows_);
    std::memcpy(values_.data() + row * sizeof(T), &value, sizeof(T));
    valid_[row] = 1;
  }
  void set_null(std::size_t row) {
    FRESHET_CHECK(row < rows_);
    valid_[row] = 0;
  }

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
  std::span<const std::uint8_t> validity() const { return {valid_.data(), rows_}; }
  // The same for bulk writers, after resize_null(): values as data(), validity one byte a row, 0 or
  // 1.
  std::byte* mutable_data() { return values_.data(); }
  std::uint8_t* mutable_validity() { return valid_.data(); }
  // Becomes a column of one row: that of `other`.
  void assign_row(const ColumnVector& other, std::size_t row) {
    FRESHET_CHECK(other.width_ == width_ && row < other.rows_);
    rows_ = 0;
    if (room() == 0) grow(1);
    copy_rows(other, row, 1);
  }
  // Drops all rows but those, which ascend.
  void keep_rows(std::span<const std::uint32_t> rows) {
    std::size_t to = 0;
    for (std::uint32_t from : rows) {
      FRESHET_CHECK(from >= to && from < rows_);
      if (from != to) {
        std::memcpy(values_.data() + to * width_, values_.data() + from * width_, width_);
        valid_[to] = valid_[from];
      }
      ++to;
    }
    rows_ = to;
  }

 private:
  std::size_t room() const { return valid_.size(); }
  void grow(std::size_t rows) {
    std::size_t room = std::max<std::size_t>({rows, valid_.size() * 2, 64});
    values_.resize(room * width_);
    valid_.resize(room);
  }
  void copy_rows(const ColumnVector& from, std::size_t first, std::size_t count) {
    if (count > 0) {
      std::memcpy(values_.data(), from.values_.data() + first * width_, count * width_);
      std::memcpy(valid_.data(), from.valid_.data() + first, count);
    }
    rows_ = count;
  }

  ColumnType type_;
  std::size_t width_;
  std::size_t rows_ = 0;
  // Both as large as there is room; the first rows_ count.
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

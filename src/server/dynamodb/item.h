// A row as an item: text and times as S, numbers as N, BOOLEAN as BOOL, a box as a map of four
// numbers, UUIDs as S, blobs as B. Nulls are left out, as are doubles that N cannot hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hot/table.h"
#include "server/dynamodb/expression.h"
#include "server/dynamodb/table_shape.h"

namespace freshet::dynamodb {

// One row of a snapshot, read column by column as it is asked for. Valid as long as both.
class Item {
 public:
  Item(const TableShape& shape, const hot::ChunkView& chunk, std::uint32_t row)
      : shape_(shape), chunk_(chunk), row_(row) {}

  const hot::ChunkView& chunk() const { return chunk_; }
  std::uint32_t chunk_row() const { return row_; }
  bool has(std::size_t column) const { return chunk_.is_valid(column, row_); }
  std::int64_t time_us(std::size_t column) const {
    return chunk_.values_as<std::int64_t>(column)[row_];
  }
  // The id as a client writes it.
  std::string key() const;
  std::string_view text(std::size_t column) const { return chunk_.text_at(column, row_); }

  std::optional<Value> attribute(std::string_view name) const;
  // {"camera_id":{"S":"c1"},…}: all attributes, or those that `projection` leads to.
  void append_json(std::string& to, const std::vector<Path>* projection) const;
  // {"detection_id":{"S":…},…}: what names the item on this index, or on the table.
  void append_key_json(std::string& to, const TableIndex* index) const;
  // The item's size by DynamoDB's rules: names and values.
  std::uint64_t bytes() const;

 private:
  Value value_of(std::size_t column) const;
  bool is_shown(std::size_t column) const;
  void append_attribute(std::string& to, std::size_t column) const;
  void append_projected(std::string& to, std::size_t column, const std::vector<Path>& paths) const;

  const TableShape& shape_;
  const hot::ChunkView& chunk_;
  std::uint32_t row_;
};

void append_value_json(std::string& to, const Value& value);

}  // namespace freshet::dynamodb

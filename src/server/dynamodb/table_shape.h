// A pipeline's table as DynamoDB's API describes one: a key, indexes, attributes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/table_service.h"

namespace freshet::dynamodb {

struct TableIndex {
  std::string name;             // "by_camera"
  std::size_t hash_column = 0;  // camera_id; the range key is always the time column
};

struct TableShape {
  // Nothing where the table has no id to get rows by, such as "detections$dead".
  static std::optional<TableShape> of(pipeline::TableInfo info);

  pipeline::TableInfo info;
  std::size_t key_column = 0;                 // detection_id
  std::optional<std::size_t> id_text_column;  // holds the id where it was no UUID
  std::vector<TableIndex> indexes;            // none without a time column

  const std::string& name_of(std::size_t column) const { return info.schema.columns[column].name; }
  const std::string& key_name() const { return name_of(key_column); }
  const TableIndex* find_index(std::string_view index) const;
  std::size_t time_column() const { return *info.time_column; }  // where there is an index
};

}  // namespace freshet::dynamodb

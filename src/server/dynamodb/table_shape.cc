#include "server/dynamodb/table_shape.h"

namespace freshet::dynamodb {

std::optional<TableShape> TableShape::of(pipeline::TableInfo info) {
  if (!info.id_column) return std::nullopt;
  TableShape shape;
  shape.key_column = *info.id_column;
  shape.id_text_column = info.schema.find("id_text");
  if (info.time_column) {
    for (std::size_t column : info.key_columns) {
      std::string name = info.schema.columns[column].name;
      if (name.ends_with("_id")) name.resize(name.size() - 3);
      shape.indexes.push_back({"by_" + name, column});
    }
  }
  shape.info = std::move(info);
  return shape;
}

const TableIndex* TableShape::find_index(std::string_view index) const {
  for (const TableIndex& candidate : indexes) {
    if (candidate.name == index) return &candidate;
  }
  return nullptr;
}

}  // namespace freshet::dynamodb

#include "pipeline/hot_relation.h"

namespace freshet::pipeline {

sql::Relation::Rows HotRelation::chunk_rows(std::size_t chunk) const {
  const hot::ChunkView& view = snapshot_.chunks()[chunk];
  return {view.begin(), view.row_count()};
}

sql::RelationColumn HotRelation::column(std::size_t chunk, std::size_t column) const {
  const hot::ChunkView& view = snapshot_.chunks()[chunk];
  bool text = is_text(schema().columns[column].type);
  return {view.values(column), view.validity(column), text ? view.dictionary_size(column) : 0};
}

std::string_view HotRelation::text(std::size_t chunk, std::size_t column,
                                   std::uint32_t code) const {
  return snapshot_.chunks()[chunk].text(column, code);
}

}  // namespace freshet::pipeline

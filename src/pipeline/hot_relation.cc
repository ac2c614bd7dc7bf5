#include "pipeline/hot_relation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/time_text.h"

namespace freshet::pipeline {
namespace {

struct Range {
  std::int64_t least = 0, greatest = 0;
};

// Of the visible rows, where the chunk says; maybe more.
std::optional<Range> range_of(const hot::ChunkView& view, const hot::TableConfig& config,
                              std::size_t column) {
  if (column == config.time_column) return Range{view.min_time_us(), view.max_time_us()};
  const std::string& name = config.schema.columns[column].name;
  if (name != "position" && name != "ingest_time") return std::nullopt;
  // They rise with rows.
  const auto* values = view.values_as<std::int64_t>(column);
  return Range{values[view.begin()], values[view.row_count() - 1]};
}

std::optional<std::string> why_not_in_range(const Range& range, const ColumnSchema& column,
                                            const sql::ColumnConstraint& constraint) {
  auto text = [&](std::int64_t value) {
    return column.type == ColumnType::kTimestamp ? format_rfc3339_us(value) : std::to_string(value);
  };
  if (range.least > range.greatest) return column.name + " is null";
  if (constraint.minimum && range.greatest < *constraint.minimum)
    return fmt::format("{} is below {}", column.name, text(*constraint.minimum));
  if (constraint.maximum && range.least > *constraint.maximum)
    return fmt::format("{} is above {}", column.name, text(*constraint.maximum));
  return std::nullopt;
}

bool has_key(const hot::ChunkView& view, std::size_t column, const std::string& key) {
  auto code = view.find_key(column, key);
  return code && view.chain_last(column, *code) != hot::kNoChainRow;
}

}  // namespace

std::optional<std::string> HotRelation::why_not(std::size_t chunk,
                                                const sql::ScanConstraints& constraints) const {
  const hot::ChunkView& view = snapshot_.chunks()[chunk];
  const hot::TableConfig& config = snapshot_.config();
  for (const auto& [name, constraint] : constraints) {
    auto column = config.schema.find(name);
    if (!column) continue;
    if (auto range = range_of(view, config, *column)) {
      auto why = why_not_in_range(*range, config.schema.columns[*column], constraint);
      if (why) return why;
    }
    bool is_key = std::find(config.key_columns.begin(), config.key_columns.end(), *column) !=
                  config.key_columns.end();
    if (!is_key || !constraint.texts) continue;
    bool has_one = std::any_of(constraint.texts->begin(), constraint.texts->end(),
                               [&](const auto& key) { return has_key(view, *column, key); });
    if (!has_one)
      return fmt::format("{} is none of '{}'", name, fmt::join(*constraint.texts, "', '"));
  }
  return std::nullopt;
}

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

#include "pipeline/explain.h"

#include <algorithm>

namespace freshet::pipeline {
namespace {

// Reads one row of a chunk by column names.
class RowReader {
 public:
  RowReader(const hot::ChunkView& chunk, const Schema& schema, std::uint32_t row)
      : chunk_(chunk), schema_(schema), row_(row) {}
  std::string text(std::string_view column) const {
    std::size_t index = *schema_.find(column);
    return chunk_.is_valid(index, row_) ? std::string(chunk_.text_at(index, row_)) : std::string();
  }
  template <typename T>
  T value(std::string_view column) const {
    return chunk_.values_as<T>(*schema_.find(column))[row_];
  }
  FateStep step(std::string_view outcome) const {
    return {.outcome = std::string(outcome),
            .position = Position{value<std::uint64_t>("position")},
            .sub = value<std::uint32_t>("sub_position"),
            .arrival_us = value<std::int64_t>("ingest_time"),
            .partition = text("partition"),
            .reason = "",
            .detail = ""};
  }

 private:
  const hot::ChunkView& chunk_;
  const Schema& schema_;
  std::uint32_t row_;
};

// Rows of an outcome table whose detection_id is one of two spellings of the id.
template <typename Visit>
void for_each_outcome(const hot::Snapshot& snapshot, std::string_view id,
                      std::string_view canonical, Visit visit) {
  std::size_t column = *snapshot.schema().find("detection_id");
  for (const hot::ChunkView& chunk : snapshot.chunks()) {
    for (std::uint32_t row = chunk.begin(); row < chunk.row_count(); ++row) {
      if (!chunk.is_valid(column, row)) continue;
      std::string_view text = chunk.text_at(column, row);
      if (text == id || text == canonical) visit(RowReader(chunk, snapshot.schema(), row));
    }
  }
}

}  // namespace

Result<Fate> explain(const StreamPipeline& pipeline, std::string_view id) {
  Fate fate;
  fate.table = pipeline.settings().table;
  FRESHET_TRY(auto entry, pipeline.find_entry(id));
  std::string canonical = entry ? event_id_text(entry->id) : std::string(id);
  Cut cut = pipeline.tables()->cut();
  if (entry && entry->first <= cut.position) {
    FRESHET_TRY(fate.row, pipeline.find_row(id));
    FateStep step{.outcome = fate.row ? "accepted" : "filtered",
                  .position = entry->first,
                  .sub = entry->first_sub,
                  .arrival_us = 0,
                  .partition = "",
                  .reason = "",
                  .detail = ""};
    const hot::Snapshot& rows = cut.tables.at(fate.table);
    const hot::ChunkView* chunk = fate.row ? rows.find_chunk(*fate.row) : nullptr;
    if (chunk != nullptr) {
      step = RowReader(*chunk, rows.schema(),
                       static_cast<std::uint32_t>(*fate.row - chunk->first_row()))
                 .step("accepted");
    } else if (!fate.row) {
      step.detail = "the pipeline's SQL left it out, or its row is past the stream's keep";
    }
    fate.steps.push_back(std::move(step));
  }
  for_each_outcome(cut.tables.at(fate.table + "$dupes"), id, canonical,
                   [&](const RowReader& row) { fate.steps.push_back(row.step("duplicate")); });
  for_each_outcome(cut.tables.at(fate.table + "$dead"), id, canonical, [&](const RowReader& row) {
    FateStep step = row.step("refused");
    step.reason = row.text("reason");
    step.detail = row.text("detail");
    // An event that the SQL failed on is known to dedup, but was neither accepted nor filtered.
    std::erase_if(fate.steps, [&](const FateStep& other) {
      return other.position == step.position && other.sub == step.sub;
    });
    fate.steps.push_back(std::move(step));
  });
  std::sort(fate.steps.begin(), fate.steps.end(), [](const FateStep& a, const FateStep& b) {
    return std::pair(a.position, a.sub) < std::pair(b.position, b.sub);
  });
  fate.known = !fate.steps.empty();
  return fate;
}

}  // namespace freshet::pipeline

#include "query/pinned_table.h"

#include <fmt/format.h>

#include "pipeline/hot_relation.h"
#include "pipeline/stream_tables.h"

namespace freshet::query {

Result<PinnedTable> pin_table(std::string_view table, const pipeline::Cut& cut,
                              const hot::Snapshot& rows) {
  auto archived = cut.archived.find(table);
  if (archived == cut.archived.end() || archived->second.boundary == Position{})
    return PinnedTable{std::make_shared<pipeline::HotRelation>(rows), nullptr};
  const pipeline::ArchivedPart& part = archived->second;
  if (part.files == nullptr) {
    return Error(Code::kUnavailable, 5014,
                 fmt::format("the archived rows of table {} (up to position {}) cannot be "
                             "reached; GET /metrics and the log say what the archive answers",
                             table, part.boundary.value));
  }
  hot::RowNumber first = pipeline::first_row_at(rows, Position{part.boundary.value + 1});
  return PinnedTable{std::make_shared<pipeline::HotRelation>(rows.from(first)), part.files};
}

}  // namespace freshet::query

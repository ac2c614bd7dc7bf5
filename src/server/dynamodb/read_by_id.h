// One row, found by the id that a client wrote.
#pragma once

#include <optional>
#include <string_view>

#include "pipeline/table_service.h"

namespace freshet::dynamodb {

struct FoundRow {
  hot::Snapshot snapshot;  // keeps the chunk
  const hot::ChunkView* chunk;
  std::uint32_t row;  // in the chunk
};

Result<std::optional<FoundRow>> find_by_id(pipeline::TableService& tables, std::string_view table,
                                           std::string_view id);

}  // namespace freshet::dynamodb

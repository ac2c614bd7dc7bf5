// What became of records after they were put, by their positions: read from a table and its
// outcome tables.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/table_service.h"

namespace freshet::console {

struct EventOutcome {
  std::string outcome;  // "accepted", "duplicate", "refused"; "filtered" where no table holds it
  std::string reason;   // of a refusal
  std::string detail;
  Position first_position;  // of a duplicate: of the event that became the row
};

// The table that a stream's pipeline fills, or nothing where no pipeline reads the stream.
std::optional<pipeline::TableInfo> table_of_stream(pipeline::TableService& tables,
                                                   std::string_view stream);

// One outcome per position. `cut` must hold all of them. Rows stand in the order of their
// positions, so each is found by bisection.
std::vector<EventOutcome> find_outcomes(const pipeline::Cut& cut, std::string_view table,
                                        std::span<const Position> positions);

}  // namespace freshet::console

// Fixed-width values of a column as the text of a number or string attribute.
#pragma once

#include <optional>
#include <string>

#include "event/position.h"
#include "hot/table.h"

namespace freshet::dynamodb {

// The N of a number column, normalised; nothing where N cannot hold the value.
std::optional<std::string> number_text(const hot::ChunkView& chunk, std::size_t column,
                                       ColumnType type, std::uint32_t row);
std::string number_text(double value);
std::string uuid_text(EventId id);
// "2026-11-22"
std::string date_text(std::int32_t days);

}  // namespace freshet::dynamodb

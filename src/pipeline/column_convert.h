// One column's values in another type: reference files are read with the types their reader found
// (12 in CSV is a BIGINT), while a joined column keeps one type for ever. A core.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "event/column_batch.h"
#include "event/schema.h"
#include "pipeline/text_arena.h"

namespace freshet::pipeline {

// Could some value of `from` become one of `to`?
bool can_convert(ColumnType from, ColumnType to);
// Exact or not at all: kInvalid names the first row (from 1) whose value has no equal in `to`. New
// texts lie in `texts`, others stay where they are. An empty text becomes null in a column that is
// not text.
Result<std::unique_ptr<ColumnVector>> convert_column(const ColumnVector& from, ColumnType to,
                                                     TextArena& texts);
// A value as people read it, for messages; "" for null.
std::string value_text(const ColumnVector& column, std::size_t row);

}  // namespace freshet::pipeline

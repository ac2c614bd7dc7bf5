// The rows that every case of test/sql reads.
#pragma once

#include <memory>

#include "query/model_tables.h"

namespace freshet::query {

// 24 detections, two seconds apart from 2026-11-22T10:00:00Z on, from cameras c1, c2, c3 in turn.
std::unique_ptr<ModelTables> make_fixed_tables();

}  // namespace freshet::query

// What a KeyConditionExpression asks for.
#pragma once

#include <string>

#include "server/dynamodb/expression.h"
#include "server/dynamodb/table_shape.h"
#include "server/dynamodb/time_range.h"

namespace freshet::dynamodb {

struct KeyCondition {
  std::string hash;  // the id, or the index's key
  TimeRange times;   // of an index
};

// `index` is null for the table itself.
Result<KeyCondition> interpret_key_condition(const Condition& condition, const TableShape& shape,
                                             const TableIndex* index);

}  // namespace freshet::dynamodb

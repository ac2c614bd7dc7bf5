#include <algorithm>
#include <iterator>

#include "server/dynamodb/operation.h"

namespace freshet::dynamodb {
namespace {

bool never(const aws::Document&) {
  return false;
}

bool always(const aws::Document&) {
  return true;
}

// A read by key, or of a few rows, takes less time than handing it to another thread.
bool query_is_heavy(const aws::Document& body) {
  constexpr std::int64_t kFew = 100;
  if (!body.find("IndexName")) return false;
  const aws::Document* limit = body.find("Limit");
  return !limit || limit->integer().value_or(kFew + 1) > kFew;
}

constexpr Operation kOperations[] = {
    {"BatchGetItem", batch_get_item, always},
    {"DescribeLimits", describe_limits, never},
    {"DescribeTable", describe_table, never},
    {"GetItem", get_item, never},
    {"ListTables", list_tables, never},
    {"Query", query, query_is_heavy},
    {"Scan", scan, always},
};

constexpr std::string_view kWrites[] = {
    "BatchWriteItem", "CreateTable", "DeleteItem",         "DeleteTable",
    "PutItem",        "TagResource", "TransactWriteItems", "UntagResource",
    "UpdateItem",     "UpdateTable", "UpdateTimeToLive",   "UpdateContinuousBackups",
};

}  // namespace

const Operation* find_operation(std::string_view name) {
  auto at = std::find_if(std::begin(kOperations), std::end(kOperations),
                         [&](const Operation& operation) { return operation.name == name; });
  return at == std::end(kOperations) ? nullptr : at;
}

bool is_write(std::string_view operation) {
  return std::find(std::begin(kWrites), std::end(kWrites), operation) != std::end(kWrites);
}

}  // namespace freshet::dynamodb

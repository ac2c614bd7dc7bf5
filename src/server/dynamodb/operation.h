// What every operation is given, what it answers, and the steps that several of them share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/document.h"
#include "common/result.h"
#include "pipeline/table_service.h"
#include "server/dynamodb/door.h"
#include "server/dynamodb/expression_parser.h"
#include "server/dynamodb/input.h"
#include "server/dynamodb/item.h"
#include "server/dynamodb/table_shape.h"
#include "server/gate/principal.h"

namespace freshet::dynamodb {

inline constexpr std::uint64_t kPageBytes = 1 << 20;

struct Call {
  const gate::Principal& principal;
  const aws::Document& body;
  pipeline::TableService& tables;
  const DoorConfig& config;
};

// The JSON body of a good answer.
using Answer = Result<std::string>;

// Operations: one file each, in operations.cc as a table.
Answer describe_table(const Call& call);
Answer list_tables(const Call& call);
Answer describe_limits(const Call& call);
Answer get_item(const Call& call);
Answer batch_get_item(const Call& call);
Answer query(const Call& call);
Answer scan(const Call& call);
// Every operation that would change a table.
Answer refuse_write(const Call& call, std::string_view operation);

struct Operation {
  std::string_view name;
  Answer (*run)(const Call& call);
  // True where it may take long: it then runs on a worker thread, not on the net thread.
  bool (*is_heavy)(const aws::Document& body);
};
const Operation* find_operation(std::string_view name);
bool is_write(std::string_view operation);

// kDenied where the principal may not do this to the table.
Status authorize(const Call& call, std::string_view operation, std::string_view table);
// kNotFound where there is no such table that has an id.
Result<TableShape> find_table(const Call& call, std::string_view table);
std::string table_arn(const DoorConfig& config, std::string_view table);

// {"detection_id": {"S": …}}: the id, as the client wrote it.
Result<std::string> parse_key(const TableShape& shape, const aws::Document& key);

// ProjectionExpression or AttributesToGet, and the placeholders of all expressions of `input`.
struct Projection {
  std::optional<std::vector<Path>> paths;  // all attributes where there is none
};
Result<Projection> parse_projection_of(const Input& input, Placeholders& placeholders);
// The placeholders of `input`; an error where there are some without an expression in
// `expressions`, the names of the parameters that may use them.
Result<Placeholders> parse_placeholders(const Input& input,
                                        std::initializer_list<std::string_view> expressions);

// ReturnConsumedCapacity: NONE, TOTAL or INDEXES.
Result<std::string> parse_return_capacity(const Input& input);
// Half a unit for each 4 KB begun, a whole one when consistent; at least one step.
double capacity_units(std::uint64_t bytes, bool consistent);
// {"TableName":…,"CapacityUnits":…}, by index where `level` is INDEXES.
std::string capacity_json(std::string_view level, std::string_view table, double units,
                          const TableIndex* index);

}  // namespace freshet::dynamodb

#include "server/dynamodb/operation.h"

#include <fmt/format.h>

namespace freshet::dynamodb {

std::string table_arn(const DoorConfig& config, std::string_view table) {
  return fmt::format("arn:aws:dynamodb:{}:{}:table/{}", config.region, config.account, table);
}

Status authorize(const Call& call, std::string_view operation, std::string_view table) {
  if (call.principal.allows(fmt::format("dynamodb:{}", operation), fmt::format("table/{}", table)))
    return ok();
  return Error(
      Code::kDenied,
      fmt::format("User: arn:aws:iam::{}:user/{} is not authorized to perform: dynamodb:{} "
                  "on resource: {}; add \"dynamodb:{} table/{}\" to its allow list",
                  call.config.account, call.principal.name(), operation,
                  table_arn(call.config, table), operation, table));
}

Result<TableShape> find_table(const Call& call, std::string_view table) {
  auto info = call.tables.find(table);
  auto shape = info ? TableShape::of(*std::move(info)) : std::nullopt;
  if (!shape) return Error(Code::kNotFound, "Requested resource not found");
  return *std::move(shape);
}

Result<std::string> parse_key(const TableShape& shape, const aws::Document& key) {
  constexpr std::size_t kKeyBytesMax = 2048;
  const auto* members = key.members();
  if (!members) return Error(Code::kCorruption, "Key must be an object");
  if (members->size() != 1 || members->front().name != shape.key_name())
    return Error(Code::kInvalid, "The provided key element does not match the schema");
  FRESHET_TRY(Value value, parse_value(members->front().value));
  if (value.kind != Value::Kind::kString)
    return Error(Code::kInvalid, "The provided key element does not match the schema");
  if (value.bytes.empty())
    return Error(Code::kInvalid,
                 fmt::format("One or more parameter values are not valid. The AttributeValue for a "
                             "key attribute cannot contain an empty string value. Key: {}",
                             shape.key_name()));
  if (value.bytes.size() > kKeyBytesMax)
    return Error(Code::kInvalid,
                 fmt::format("One or more parameter values were invalid: Size of hashkey has "
                             "exceeded the maximum size limit of {} bytes",
                             kKeyBytesMax));
  return std::move(value.bytes);
}

Result<Placeholders> parse_placeholders(const Input& input,
                                        std::initializer_list<std::string_view> expressions) {
  const aws::Document* names = input.find("ExpressionAttributeNames");
  const aws::Document* values = input.find("ExpressionAttributeValues");
  bool any_expression = false;
  for (std::string_view expression : expressions)
    any_expression |= input.find(expression) != nullptr;
  if (!any_expression && (names || values))
    return Error(Code::kInvalid,
                 fmt::format("{} can only be specified when using expressions",
                             names ? "ExpressionAttributeNames" : "ExpressionAttributeValues"));
  return Placeholders::parse(names, values);
}

Result<Projection> parse_projection_of(const Input& input, Placeholders& placeholders) {
  Projection projection;
  FRESHET_TRY(auto expression, input.text("ProjectionExpression"));
  FRESHET_TRY(auto names, input.attributes_to_get());
  if (expression && names)
    return Error(Code::kInvalid,
                 "Can not use both expression and non-expression parameters in the same request: "
                 "Non-expression parameters: {AttributesToGet} Expression parameters: "
                 "{ProjectionExpression}");
  if (expression) {
    FRESHET_TRY(projection.paths, parse_projection(*expression, placeholders));
  } else if (names) {
    projection.paths.emplace();
    for (std::string& name : *names) {
      Path path;
      path.elements.emplace_back(std::move(name));
      projection.paths->push_back(std::move(path));
    }
  }
  return projection;
}

Result<std::string> parse_return_capacity(const Input& input) {
  return input.word("ReturnConsumedCapacity", {"INDEXES", "TOTAL", "NONE"}, "NONE");
}

double capacity_units(std::uint64_t bytes, bool consistent) {
  constexpr std::uint64_t kUnitBytes = 4096;
  std::uint64_t steps = bytes == 0 ? 1 : (bytes + kUnitBytes - 1) / kUnitBytes;
  return static_cast<double>(steps) * (consistent ? 1.0 : 0.5);
}

std::string capacity_json(std::string_view level, std::string_view table, double units,
                          const TableIndex* index) {
  std::string to = fmt::format("{{\"TableName\":\"{}\",\"CapacityUnits\":{:.1f}", table, units);
  if (level == "INDEXES") {
    to += fmt::format(",\"Table\":{{\"CapacityUnits\":{:.1f}}}", index ? 0.0 : units);
    if (index)
      to += fmt::format(",\"GlobalSecondaryIndexes\":{{\"{}\":{{\"CapacityUnits\":{:.1f}}}}}",
                        index->name, units);
  }
  return to + "}";
}

}  // namespace freshet::dynamodb

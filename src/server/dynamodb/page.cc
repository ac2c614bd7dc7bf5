#include "server/dynamodb/page.h"

#include <fmt/format.h>

#include <limits>

#include "common/time_text.h"
#include "server/dynamodb/expression_evaluator.h"

namespace freshet::dynamodb {
namespace {

Status parse_select(const Input& input, ReadParameters& to) {
  FRESHET_TRY(std::string select, input.word("Select",
                                             {"SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES",
                                              "ALL_PROJECTED_ATTRIBUTES"},
                                             ""));
  to.count_only = select == "COUNT";
  bool projects = to.projection.paths.has_value();
  if (select == "SPECIFIC_ATTRIBUTES" && !projects)
    return Error(Code::kInvalid,
                 "Must specify the AttributesToGet or ProjectionExpression when "
                 "choosing to get SPECIFIC_ATTRIBUTES");
  if (!select.empty() && select != "SPECIFIC_ATTRIBUTES" && projects)
    return Error(Code::kInvalid, fmt::format("Cannot specify the {} when choosing to get {}",
                                             input.find("AttributesToGet") ? "AttributesToGet"
                                                                           : "ProjectionExpression",
                                             select == "COUNT" ? "only the Count" : select));
  if (select == "ALL_PROJECTED_ATTRIBUTES" && !to.index_name)
    return Error(Code::kInvalid,
                 "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName");
  return ok();
}

Result<std::string> text_member(const aws::Document& key, const std::string& name) {
  Error invalid(Code::kInvalid, "The provided starting key is invalid");
  const aws::Document* member = key.find(name);
  if (!member) return invalid;
  FRESHET_TRY(Value value, parse_value(*member));
  if (value.kind != Value::Kind::kString || value.bytes.empty()) return invalid;
  return std::move(value.bytes);
}

}  // namespace

Result<ReadParameters> parse_read_parameters(const Input& input, Placeholders& placeholders) {
  for (std::string_view legacy :
       {"KeyConditions", "QueryFilter", "ScanFilter", "ConditionalOperator"}) {
    if (input.find(legacy))
      return Error(Code::kInvalid, fmt::format("{} is not supported here; use "
                                               "KeyConditionExpression and FilterExpression",
                                               legacy));
  }
  ReadParameters to;
  FRESHET_TRY(to.table, input.table_name());
  FRESHET_TRY(to.index_name, input.text("IndexName"));
  FRESHET_TRY(to.limit, input.integer("Limit", 1, std::numeric_limits<std::int32_t>::max()));
  FRESHET_TRY(to.consistent, input.boolean("ConsistentRead", false));
  FRESHET_TRY(to.capacity, parse_return_capacity(input));
  FRESHET_TRY(to.projection, parse_projection_of(input, placeholders));
  FRESHET_TRY_STATUS(parse_select(input, to));
  FRESHET_TRY(auto filter, input.text("FilterExpression"));
  if (filter) {
    FRESHET_TRY(to.filter, parse_condition("FilterExpression", *filter, placeholders));
  }
  to.start_key = input.find("ExclusiveStartKey");
  if (to.index_name && to.consistent)
    return Error(Code::kInvalid, "Consistent reads are not supported on global secondary indexes");
  return to;
}

Result<const TableIndex*> find_index(const ReadParameters& parameters, const TableShape& shape) {
  if (!parameters.index_name) return static_cast<const TableIndex*>(nullptr);
  const TableIndex* index = shape.find_index(*parameters.index_name);
  if (!index)
    return Error(Code::kInvalid, fmt::format("The table does not have the specified index: {}",
                                             *parameters.index_name));
  return index;
}

void normalise_times(Condition& filter, const TableShape& shape) {
  for (Condition& inner : filter.conditions) normalise_times(inner, shape);
  bool with_time = false;
  for (const Operand& operand : filter.operands) {
    if (operand.kind != Operand::Kind::kPath || operand.path.elements.size() != 1) continue;
    auto column = shape.info.schema.find(operand.path.attribute());
    with_time |= column && shape.info.schema.columns[*column].type == ColumnType::kTimestamp;
  }
  if (!with_time || filter.kind == Condition::Kind::kBeginsWith ||
      filter.kind == Condition::Kind::kContains)
    return;
  for (Operand& operand : filter.operands) {
    if (operand.kind != Operand::Kind::kValue || operand.value.kind != Value::Kind::kString)
      continue;
    if (auto us = parse_rfc3339_us(operand.value.bytes))
      operand.value.bytes = format_rfc3339_us(*us);
  }
}

Result<StartKey> parse_start_key(const aws::Document& key, const TableShape& shape,
                                 const TableIndex* index) {
  Error invalid(Code::kInvalid, "The provided starting key is invalid");
  if (!key.members()) return Error(Code::kCorruption, "ExclusiveStartKey must be an object");
  if (key.members()->size() != (index ? 3u : 1u)) return invalid;
  StartKey to;
  FRESHET_TRY(to.id, text_member(key, shape.key_name()));
  if (!index) return to;
  FRESHET_TRY(to.hash, text_member(key, shape.name_of(index->hash_column)));
  FRESHET_TRY(std::string time, text_member(key, shape.name_of(shape.time_column())));
  auto us = parse_rfc3339_us(time);
  if (!us) return invalid;
  to.time_us = *us;
  return to;
}

std::uint64_t Page::rows_left() const {
  if (!parameters_.limit) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(*parameters_.limit - scanned_);
}

bool Page::add(const Item& item) {
  std::uint64_t bytes = item.bytes();
  if (scanned_ > 0 && bytes_ + bytes > kPageBytes) return false;
  bytes_ += bytes;
  ++scanned_;
  last_chunk_ = &item.chunk();
  last_row_ = item.chunk_row();
  if (parameters_.filter &&
      !meets(*parameters_.filter, [&](std::string_view name) { return item.attribute(name); }))
    return true;
  ++count_;
  if (parameters_.count_only) return true;
  if (!items_.empty()) items_ += ',';
  item.append_json(items_, parameters_.projection.paths ? &*parameters_.projection.paths : nullptr);
  return true;
}

std::string Page::finish(bool has_more) && {
  std::string to = fmt::format("{{\"Count\":{},\"ScannedCount\":{}", count_, scanned_);
  if (!parameters_.count_only) to += ",\"Items\":[" + items_ + "]";
  if (has_more && last_chunk_) {
    to += ",\"LastEvaluatedKey\":";
    Item(shape_, *last_chunk_, last_row_).append_key_json(to, index_);
  }
  if (parameters_.capacity != "NONE")
    to += ",\"ConsumedCapacity\":" + capacity_json(parameters_.capacity, shape_.info.name,
                                                   capacity_units(bytes_, parameters_.consistent),
                                                   index_);
  return to + "}";
}

}  // namespace freshet::dynamodb

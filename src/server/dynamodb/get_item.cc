// GetItem, and the reading of one row by its id that BatchGetItem and Query share.
#include "server/dynamodb/operation.h"
#include "server/dynamodb/read_by_id.h"

namespace freshet::dynamodb {

Result<std::optional<FoundRow>> find_by_id(pipeline::TableService& tables, std::string_view table,
                                           std::string_view id) {
  FRESHET_TRY(auto row, tables.find_row(table, id));
  if (!row) return std::optional<FoundRow>();
  // After find_row, so that the row is in it unless it has left the table meanwhile.
  auto snapshot = tables.snapshot(table);
  if (!snapshot) return std::optional<FoundRow>();
  FoundRow found{*std::move(snapshot), nullptr, 0};
  found.chunk = found.snapshot.find_chunk(*row);
  if (!found.chunk) return std::optional<FoundRow>();
  found.row = static_cast<std::uint32_t>(*row - found.chunk->first_row());
  return std::optional(std::move(found));
}

Answer get_item(const Call& call) {
  Input input(call.body);
  FRESHET_TRY(std::string name, input.table_name());
  FRESHET_TRY(bool consistent, input.boolean("ConsistentRead", false));
  FRESHET_TRY(std::string capacity, parse_return_capacity(input));
  FRESHET_TRY(auto placeholders, parse_placeholders(input, {"ProjectionExpression"}));
  FRESHET_TRY(Projection projection, parse_projection_of(input, placeholders));
  FRESHET_TRY_STATUS(placeholders.all_used());
  const aws::Document* key = input.find("Key");
  if (!key) return constraint_error("null", "Key", "not be null");
  FRESHET_TRY_STATUS(authorize(call, "GetItem", name));
  FRESHET_TRY(TableShape shape, find_table(call, name));
  FRESHET_TRY(std::string id, parse_key(shape, *key));

  std::string to = "{";
  std::uint64_t bytes = 0;
  FRESHET_TRY(auto found, find_by_id(call.tables, name, id));
  if (found) {
    Item item(shape, *found->chunk, found->row);
    to += "\"Item\":";
    item.append_json(to, projection.paths ? &*projection.paths : nullptr);
    if (capacity != "NONE") bytes = item.bytes();
  }
  if (capacity != "NONE") {
    if (to.size() > 1) to += ',';
    to += "\"ConsumedCapacity\":" +
          capacity_json(capacity, name, capacity_units(bytes, consistent), nullptr);
  }
  return to + "}";
}

}  // namespace freshet::dynamodb

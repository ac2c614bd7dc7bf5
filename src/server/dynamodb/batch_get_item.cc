#include <fmt/format.h>

#include <set>

#include "server/dynamodb/operation.h"
#include "server/dynamodb/read_by_id.h"

namespace freshet::dynamodb {
namespace {

constexpr std::size_t kKeysMax = 100;
constexpr std::uint64_t kBytesMax = 16 << 20;

// What is asked of one table.
struct TableRequest {
  std::string table;
  const aws::Document* request = nullptr;
  const aws::Document::List* keys = nullptr;
  bool consistent = false;
  Projection projection;
};

Result<TableRequest> parse_table_request(const aws::Document::Member& member) {
  TableRequest to;
  to.table = member.name;
  to.request = &member.value;
  FRESHET_TRY_STATUS(check_table_name(to.table));
  if (!member.value.members())
    return Error(Code::kCorruption, "RequestItems must hold an object per table");
  Input input(member.value);
  FRESHET_TRY(to.consistent, input.boolean("ConsistentRead", false));
  FRESHET_TRY(auto placeholders, parse_placeholders(input, {"ProjectionExpression"}));
  FRESHET_TRY(to.projection, parse_projection_of(input, placeholders));
  FRESHET_TRY_STATUS(placeholders.all_used());
  std::string where = fmt::format("requestItems.{}.member.keys", to.table);
  const aws::Document* keys = input.find("Keys");
  if (!keys) return constraint_error("null", where, "not be null");
  to.keys = keys->items();
  if (!to.keys) return Error(Code::kCorruption, "Keys must be an array");
  if (to.keys->empty())
    return constraint_error("'[]'", where, "have length greater than or equal to 1");
  return to;
}

Result<std::vector<TableRequest>> parse_requests(const Call& call) {
  const aws::Document* items = call.body.find("RequestItems");
  if (!items) return constraint_error("null", "RequestItems", "not be null");
  if (!items->members()) return Error(Code::kCorruption, "RequestItems must be an object");
  if (items->members()->empty())
    return constraint_error("'{}'", "RequestItems", "have length greater than or equal to 1");
  std::vector<TableRequest> requests;
  std::size_t keys = 0;
  for (const aws::Document::Member& member : *items->members()) {
    FRESHET_TRY(TableRequest request, parse_table_request(member));
    keys += request.keys->size();
    requests.push_back(std::move(request));
  }
  if (keys > kKeysMax)
    return Error(Code::kInvalid, "Too many items requested for the BatchGetItem call");
  return requests;
}

Result<std::vector<std::string>> parse_keys(const TableShape& shape, const TableRequest& request) {
  std::vector<std::string> ids;
  std::set<std::string> seen;
  for (const aws::Document& key : *request.keys) {
    FRESHET_TRY(std::string id, parse_key(shape, key));
    if (!seen.insert(id).second)
      return Error(Code::kInvalid, "Provided list of item keys contains duplicates");
    ids.push_back(std::move(id));
  }
  return ids;
}

// The three members of the answer, as they grow.
struct BatchAnswer {
  std::string responses, unprocessed, capacity;
  std::uint64_t bytes = 0;
};

void append_member(std::string& to, std::string_view table, std::string_view json) {
  if (!to.empty()) to += ',';
  to += fmt::format("\"{}\":{}", table, json);
}

// The request again, with the keys from `first` on.
std::string rest_json(const TableRequest& request, std::size_t first) {
  aws::Document rest = aws::Document::map();
  for (const aws::Document::Member& member : *request.request->members()) {
    if (member.name != "Keys") rest.set(member.name, member.value);
  }
  aws::Document keys = aws::Document::list();
  for (std::size_t i = first; i < request.keys->size(); ++i) keys.push((*request.keys)[i]);
  return aws::write(rest.set("Keys", std::move(keys)), aws::Encoding::kJson);
}

Status read_table(const Call& call, const TableShape& shape, const TableRequest& request,
                  const std::vector<std::string>& ids, std::string_view level,
                  BatchAnswer& answer) {
  std::string items = "[";
  double units = 0;
  std::size_t next = 0;
  for (; next < ids.size(); ++next) {
    std::uint64_t bytes = 0;
    FRESHET_TRY(auto found, find_by_id(call.tables, request.table, ids[next]));
    if (found) {
      Item item(shape, *found->chunk, found->row);
      bytes = item.bytes();
      if (answer.bytes > 0 && answer.bytes + bytes > kBytesMax) break;
      if (items.size() > 1) items += ',';
      item.append_json(items, request.projection.paths ? &*request.projection.paths : nullptr);
    }
    answer.bytes += bytes;
    units += capacity_units(bytes, request.consistent);
  }
  append_member(answer.responses, request.table, items + "]");
  if (next < ids.size()) append_member(answer.unprocessed, request.table, rest_json(request, next));
  if (!answer.capacity.empty()) answer.capacity += ',';
  answer.capacity += capacity_json(level, request.table, units, nullptr);
  return ok();
}

}  // namespace

Answer batch_get_item(const Call& call) {
  FRESHET_TRY(std::string level, parse_return_capacity(Input(call.body)));
  FRESHET_TRY(auto requests, parse_requests(call));
  // Everything is checked before anything is read.
  std::vector<TableShape> shapes;
  std::vector<std::vector<std::string>> ids;
  for (const TableRequest& request : requests) {
    FRESHET_TRY_STATUS(authorize(call, "BatchGetItem", request.table));
    FRESHET_TRY(TableShape shape, find_table(call, request.table));
    FRESHET_TRY(auto table_ids, parse_keys(shape, request));
    shapes.push_back(std::move(shape));
    ids.push_back(std::move(table_ids));
  }
  BatchAnswer answer;
  for (std::size_t i = 0; i < requests.size(); ++i)
    FRESHET_TRY_STATUS(read_table(call, shapes[i], requests[i], ids[i], level, answer));
  std::string to = fmt::format("{{\"Responses\":{{{}}},\"UnprocessedKeys\":{{{}}}",
                               answer.responses, answer.unprocessed);
  if (level != "NONE") to += fmt::format(",\"ConsumedCapacity\":[{}]", answer.capacity);
  return to + "}";
}

}  // namespace freshet::dynamodb

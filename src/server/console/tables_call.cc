// GET /v1/tables: what the caller may read.
#include <fmt/format.h>

#include "server/console/calls.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

std::string json_of(const pipeline::TableInfo& info, std::uint64_t rows) {
  std::string json = fmt::format(R"({{"name":{},"stream":{},"rows":{},"columns":[)",
                                 json_text(info.name), json_text(info.stream), rows);
  for (std::size_t i = 0; i < info.schema.columns.size(); ++i) {
    const ColumnSchema& column = info.schema.columns[i];
    json += fmt::format(R"({}{{"name":{},"type":"{}"}})", i == 0 ? "" : ",", json_text(column.name),
                        sql_type_name(column.type));
  }
  return json + "]}";
}

}  // namespace

void list_tables(const Context& context, const CallPointer& call) {
  std::string json = R"({"api":"v1","tables":[)";
  bool first = true;
  for (const pipeline::TableInfo& info : context->parts.tables.tables()) {
    if (!call->caller.allows("sql:read", "table/" + info.name)) continue;
    auto snapshot = context->parts.tables.snapshot(info.name);
    if (!first) json += ',';
    first = false;
    json += json_of(info, snapshot ? snapshot->row_count() : 0);
  }
  call->answer_json(json + "]}\n");
}

}  // namespace freshet::console

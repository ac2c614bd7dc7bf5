// Rows are made by pipelines, from what is put into their streams. Whoever tries to write here is
// told so, with the stream's name.
#include <fmt/format.h>

#include "server/dynamodb/operation.h"

namespace freshet::dynamodb {
namespace {

// The first table that the request names, wherever its operation keeps it.
std::string named_table(const aws::Document& body) {
  if (const aws::Document* name = body.find("TableName"); name && name->text())
    return *name->text();
  if (const aws::Document* arn = body.find("ResourceArn"); arn && arn->text()) {
    std::size_t slash = arn->text()->find('/');
    return slash == std::string::npos ? "" : arn->text()->substr(slash + 1);
  }
  if (const aws::Document* requests = body.find("RequestItems");
      requests && requests->members() && !requests->members()->empty())
    return requests->members()->front().name;
  if (const aws::Document* actions = body.find("TransactItems");
      actions && actions->items() && !actions->items()->empty()) {
    if (const auto* action = actions->items()->front().members(); action && !action->empty())
      return named_table(action->front().value);
  }
  return "";
}

}  // namespace

Answer refuse_write(const Call& call, std::string_view operation) {
  std::string table = named_table(call.body);
  FRESHET_TRY_STATUS(authorize(call, operation, table.empty() ? "*" : table));
  if (operation == "CreateTable")
    return Error(Code::kDenied,
                 "Tables cannot be created here: each table belongs to a pipeline in Freshet's "
                 "configuration file");
  auto info = call.tables.find(table);
  if (!info) return Error(Code::kNotFound, "Requested resource not found");
  return Error(Code::kDenied,
               fmt::format("Table {} is read only: its rows come from stream {}. Put events into "
                           "that stream (Kinesis PutRecord or PutRecords, StreamName {})",
                           info->name, info->stream, info->stream));
}

}  // namespace freshet::dynamodb

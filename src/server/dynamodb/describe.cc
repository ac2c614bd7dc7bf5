// DescribeTable, ListTables and DescribeLimits: what there is to read.
#include <fmt/format.h>

#include <set>

#include "aws/document.h"
#include "server/dynamodb/operation.h"

namespace freshet::dynamodb {
namespace {

using aws::Document;

Document key_element(const std::string& name, const char* type) {
  return Document::map().set("AttributeName", name).set("KeyType", type);
}

Document no_provisioning() {
  return Document::map()
      .set("NumberOfDecreasesToday", 0)
      .set("ReadCapacityUnits", 0)
      .set("WriteCapacityUnits", 0);
}

// The mean of up to a hundred rows spread over the table, times all of them.
std::uint64_t estimate_bytes(const TableShape& shape, const hot::Snapshot& snapshot) {
  constexpr std::uint64_t kSamples = 100;
  std::uint64_t rows = snapshot.row_count(), bytes = 0, sampled = 0;
  if (rows == 0) return 0;
  std::uint64_t step = rows / kSamples + 1;
  for (hot::RowNumber row = snapshot.begin(); row < snapshot.end(); row += step, ++sampled) {
    const hot::ChunkView* chunk = snapshot.find_chunk(row);
    bytes += Item(shape, *chunk, static_cast<std::uint32_t>(row - chunk->first_row())).bytes();
  }
  return bytes / sampled * rows;
}

Document describe_indexes(const Call& call, const TableShape& shape, std::uint64_t bytes,
                          std::uint64_t rows) {
  Document indexes = Document::list();
  for (const TableIndex& index : shape.indexes) {
    indexes.push(
        Document::map()
            .set("IndexName", index.name)
            .set("KeySchema", Document::list()
                                  .push(key_element(shape.name_of(index.hash_column), "HASH"))
                                  .push(key_element(shape.name_of(shape.time_column()), "RANGE")))
            .set("Projection", Document::map().set("ProjectionType", "ALL"))
            .set("IndexStatus", "ACTIVE")
            .set("ProvisionedThroughput", no_provisioning())
            .set("IndexSizeBytes", bytes)
            .set("ItemCount", rows)
            .set("IndexArn", table_arn(call.config, shape.info.name) + "/index/" + index.name));
  }
  return indexes;
}

Document attribute_definitions(const TableShape& shape) {
  std::set<std::size_t> columns = {shape.key_column};
  for (const TableIndex& index : shape.indexes)
    columns.insert({index.hash_column, shape.time_column()});
  Document definitions = Document::list();
  for (std::size_t column : columns)
    definitions.push(
        Document::map().set("AttributeName", shape.name_of(column)).set("AttributeType", "S"));
  return definitions;
}

}  // namespace

Answer describe_table(const Call& call) {
  FRESHET_TRY(std::string name, Input(call.body).table_name());
  FRESHET_TRY_STATUS(authorize(call, "DescribeTable", name));
  auto found = find_table(call, name);
  auto snapshot = call.tables.snapshot(name);
  if (!found || !snapshot)
    return Error(Code::kNotFound,
                 fmt::format("Requested resource not found: Table: {} not found", name));
  const TableShape& shape = *found;
  std::uint64_t rows = snapshot->row_count();
  std::uint64_t bytes = estimate_bytes(shape, *snapshot);
  Document table =
      Document::map()
          .set("AttributeDefinitions", attribute_definitions(shape))
          .set("TableName", name)
          .set("KeySchema", Document::list().push(key_element(shape.key_name(), "HASH")))
          .set("TableStatus", "ACTIVE")
          .set("CreationDateTime", Document::timestamp(shape.info.created_us / 1000))
          .set("ProvisionedThroughput", no_provisioning())
          .set("BillingModeSummary", Document::map().set("BillingMode", "PAY_PER_REQUEST"))
          .set("TableSizeBytes", bytes)
          .set("ItemCount", rows)
          .set("TableArn", table_arn(call.config, name))
          .set("DeletionProtectionEnabled", true);
  if (!shape.indexes.empty())
    table.set("GlobalSecondaryIndexes", describe_indexes(call, shape, bytes, rows));
  return aws::write(Document::map().set("Table", std::move(table)), aws::Encoding::kJson);
}

Answer list_tables(const Call& call) {
  Input input(call.body);
  FRESHET_TRY(auto limit, input.integer("Limit", 1, 100));
  FRESHET_TRY(auto after, input.text("ExclusiveStartTableName"));
  if (after) FRESHET_TRY_STATUS(check_table_name(*after));
  std::set<std::string> names;
  bool any_allowed = call.principal.allows("dynamodb:ListTables", "table/*");
  for (pipeline::TableInfo& info : call.tables.tables()) {
    // Only what the principal may list: rules name tables, not the list.
    if (!call.principal.allows("dynamodb:ListTables", "table/" + info.name)) continue;
    any_allowed = true;
    if (!TableShape::of(info) || !check_table_name(info.name)) continue;
    if (!after || info.name > *after) names.insert(info.name);
  }
  if (!any_allowed) FRESHET_TRY_STATUS(authorize(call, "ListTables", "*"));
  Document list = Document::list();
  std::int64_t left = limit.value_or(100);
  const std::string* last = nullptr;
  for (const std::string& name : names) {
    if (left-- == 0) break;
    list.push(name);
    last = &name;
  }
  Document answer = Document::map().set("TableNames", std::move(list));
  if (last && *last != *names.rbegin()) answer.set("LastEvaluatedTableName", *last);
  return aws::write(answer, aws::Encoding::kJson);
}

// Rates are not limited here; these are the service's own figures for an account.
Answer describe_limits(const Call& call) {
  FRESHET_TRY_STATUS(authorize(call, "DescribeLimits", "*"));
  Document answer = Document::map()
                        .set("AccountMaxReadCapacityUnits", 80'000)
                        .set("AccountMaxWriteCapacityUnits", 80'000)
                        .set("TableMaxReadCapacityUnits", 40'000)
                        .set("TableMaxWriteCapacityUnits", 40'000);
  return aws::write(answer, aws::Encoding::kJson);
}

}  // namespace freshet::dynamodb

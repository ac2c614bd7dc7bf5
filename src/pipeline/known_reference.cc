#include <fmt/format.h>

#include "pipeline/column_convert.h"
#include "pipeline/reference_table.h"

namespace freshet::pipeline {

const KnownReference& known_reference(std::string_view name) {
  using enum ColumnType;
  static const KnownReference cameras{"camera_id",
                                      {{"camera_id", kText},
                                       {"location_id", kText},
                                       {"name", kText},
                                       {"heading_deg", kDouble},
                                       {"frame_w", kInt32},
                                       {"frame_h", kInt32},
                                       {"vendor", kText},
                                       {"model", kText},
                                       {"adapter", kText},
                                       {"enabled", kBool},
                                       {"retention_class", kText},
                                       {"heartbeat_s", kDouble}}};
  static const KnownReference locations{"location_id",
                                        {{"location_id", kText},
                                         {"name", kText},
                                         {"lat", kDouble},
                                         {"lon", kDouble},
                                         {"zone", kText},
                                         {"site", kText},
                                         {"region", kText},
                                         {"kind", kText},
                                         {"timezone", kText},
                                         {"capacity", kInt64},
                                         {"retention_class", kText},
                                         {"tags", kText},
                                         {"valid_from", kTimestamp},
                                         {"valid_to", kTimestamp}}};
  static const KnownReference none{};
  return name == "cameras" ? cameras : name == "locations" ? locations : none;
}

Status check_known_reference(std::string_view name, const Schema& schema) {
  const KnownReference& known = known_reference(name);
  if (known.columns.empty()) return ok();
  if (!schema.find(known.key_column)) {
    return Error(Code::kInvalid, 1308,
                 fmt::format("reference table {}: the column {} is missing; it is its key", name,
                             known.key_column));
  }
  for (const ColumnSchema& column : known.columns) {
    auto found = schema.find(column.name);
    if (!found) continue;
    ColumnType type = schema.columns[*found].type;
    if (can_convert(type, column.type)) continue;
    return Error(Code::kInvalid, 1308,
                 fmt::format("reference table {}: the column {} is {}, but must be {}", name,
                             column.name, sql_type_name(type), sql_type_name(column.type)));
  }
  return ok();
}

}  // namespace freshet::pipeline

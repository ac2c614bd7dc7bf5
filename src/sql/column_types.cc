#include "sql/column_types.h"

#include <fmt/format.h>

#include <array>

namespace freshet::sql {
namespace {

struct TypePair {
  ColumnType ours;
  duckdb_type theirs;
};
constexpr TypePair kPairs[] = {
    {ColumnType::kBool, DUCKDB_TYPE_BOOLEAN},           {ColumnType::kInt8, DUCKDB_TYPE_TINYINT},
    {ColumnType::kInt16, DUCKDB_TYPE_SMALLINT},         {ColumnType::kInt32, DUCKDB_TYPE_INTEGER},
    {ColumnType::kInt64, DUCKDB_TYPE_BIGINT},           {ColumnType::kUInt8, DUCKDB_TYPE_UTINYINT},
    {ColumnType::kUInt16, DUCKDB_TYPE_USMALLINT},       {ColumnType::kUInt32, DUCKDB_TYPE_UINTEGER},
    {ColumnType::kUInt64, DUCKDB_TYPE_UBIGINT},         {ColumnType::kFloat, DUCKDB_TYPE_FLOAT},
    {ColumnType::kDouble, DUCKDB_TYPE_DOUBLE},          {ColumnType::kDate, DUCKDB_TYPE_DATE},
    {ColumnType::kTimestamp, DUCKDB_TYPE_TIMESTAMP_TZ}, {ColumnType::kUuid, DUCKDB_TYPE_UUID},
    {ColumnType::kText, DUCKDB_TYPE_VARCHAR},           {ColumnType::kBlob, DUCKDB_TYPE_BLOB},
};

constexpr const char* kBoxFields[] = {"x", "y", "w", "h"};

std::string taken(char* text) {
  std::string copy = text == nullptr ? std::string() : std::string(text);
  duckdb_free(text);
  return copy;
}

bool is_box(duckdb_logical_type type) {
  if (duckdb_struct_type_child_count(type) != 4) return false;
  for (idx_t i = 0; i < 4; ++i) {
    LogicalType child(duckdb_struct_type_child_type(type, i));
    if (taken(duckdb_struct_type_child_name(type, i)) != kBoxFields[i] ||
        duckdb_get_type_id(child.get()) != DUCKDB_TYPE_DOUBLE)
      return false;
  }
  return true;
}

std::string_view plain_type_name(duckdb_type id) {
  switch (id) {
    case DUCKDB_TYPE_TIMESTAMP:
      return "TIMESTAMP";
    case DUCKDB_TYPE_TIMESTAMP_S:
      return "TIMESTAMP_S";
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return "TIMESTAMP_MS";
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return "TIMESTAMP_NS";
    case DUCKDB_TYPE_TIME:
      return "TIME";
    case DUCKDB_TYPE_TIME_NS:
      return "TIME_NS";
    case DUCKDB_TYPE_TIME_TZ:
      return "TIME WITH TIME ZONE";
    case DUCKDB_TYPE_INTERVAL:
      return "INTERVAL";
    case DUCKDB_TYPE_HUGEINT:
      return "HUGEINT";
    case DUCKDB_TYPE_UHUGEINT:
      return "UHUGEINT";
    case DUCKDB_TYPE_ENUM:
      return "ENUM";
    case DUCKDB_TYPE_UNION:
      return "UNION";
    case DUCKDB_TYPE_BIT:
      return "BIT";
    case DUCKDB_TYPE_BIGNUM:
      return "BIGNUM";
    case DUCKDB_TYPE_SQLNULL:
      return "NULL";
    case DUCKDB_TYPE_GEOMETRY:
      return "GEOMETRY";
    case DUCKDB_TYPE_VARIANT:
      return "VARIANT";
    default:
      break;
  }
  for (const TypePair& pair : kPairs) {
    if (pair.theirs == id) return sql_type_name(pair.ours);
  }
  return "another type";
}

std::string struct_name(duckdb_logical_type type) {
  std::string name = "STRUCT(";
  for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
    LogicalType child(duckdb_struct_type_child_type(type, i));
    if (i > 0) name += ", ";
    name += taken(duckdb_struct_type_child_name(type, i)) + ' ' + type_name(child.get());
  }
  return name + ')';
}

}  // namespace

LogicalType logical_type_of(ColumnType type) {
  if (type == ColumnType::kBox) {
    std::array<LogicalType, 4> doubles;
    std::array<duckdb_logical_type, 4> children{};
    std::array<const char*, 4> names{};
    for (std::size_t i = 0; i < 4; ++i) {
      doubles[i] = LogicalType(duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE));
      children[i] = doubles[i].get();
      names[i] = kBoxFields[i];
    }
    return LogicalType(duckdb_create_struct_type(children.data(), names.data(), 4));
  }
  for (const TypePair& pair : kPairs) {
    if (pair.ours == type) return LogicalType(duckdb_create_logical_type(pair.theirs));
  }
  check_failed_with("a column type without a SQL type", sql_type_name(type));
}

LogicalType parquet_logical_type(ColumnType file_type) {
  if (file_type == ColumnType::kUInt64) return LogicalType(duckdb_create_decimal_type(20, 0));
  return logical_type_of(file_type);
}

std::optional<ColumnType> column_type_of(duckdb_logical_type type) {
  duckdb_type id = duckdb_get_type_id(type);
  if (id == DUCKDB_TYPE_STRUCT)
    return is_box(type) ? std::optional(ColumnType::kBox) : std::nullopt;
  for (const TypePair& pair : kPairs) {
    if (pair.theirs == id) return pair.ours;
  }
  return std::nullopt;
}

std::string type_name(duckdb_logical_type type) {
  if (std::string alias = taken(duckdb_logical_type_get_alias(type)); !alias.empty()) return alias;
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_DECIMAL:
      return fmt::format("DECIMAL({},{})", duckdb_decimal_width(type), duckdb_decimal_scale(type));
    case DUCKDB_TYPE_LIST: {
      LogicalType child(duckdb_list_type_child_type(type));
      return type_name(child.get()) + "[]";
    }
    case DUCKDB_TYPE_ARRAY: {
      LogicalType child(duckdb_array_type_child_type(type));
      return fmt::format("{}[{}]", type_name(child.get()), duckdb_array_type_array_size(type));
    }
    case DUCKDB_TYPE_MAP: {
      LogicalType key(duckdb_map_type_key_type(type));
      LogicalType value(duckdb_map_type_value_type(type));
      return fmt::format("MAP({}, {})", type_name(key.get()), type_name(value.get()));
    }
    case DUCKDB_TYPE_STRUCT:
      return struct_name(type);
    default:
      return std::string(plain_type_name(duckdb_get_type_id(type)));
  }
}

}  // namespace freshet::sql

// From columns of events to fields of a table, and from one shape to the next.
#include <fmt/format.h>

#include <algorithm>

#include "archive/iceberg/schema.h"

namespace freshet::archive::iceberg {
namespace {

Field unnumbered(std::string name, FieldType type) {
  Field field;
  field.name = std::move(name);
  field.type = std::move(type);
  return field;
}

FieldType plain(TypeKind kind) {
  FieldType type;
  type.kind = kind;
  return type;
}

FieldType unsigned_long_type() {
  FieldType type = plain(TypeKind::kDecimal);
  type.precision = 20;
  return type;
}

// As SQL shows a box, so that a row is the same before and after it is archived.
FieldType box_type() {
  FieldType type = plain(TypeKind::kStruct);
  for (const char* side : {"x", "y", "w", "h"}) {
    type.fields.push_back(unnumbered(side, plain(TypeKind::kDouble)));
  }
  return type;
}

FieldType type_of(ColumnType type, bool is_position) {
  switch (type) {
    case ColumnType::kBool:
      return plain(TypeKind::kBoolean);
    case ColumnType::kInt8:
    case ColumnType::kInt16:
    case ColumnType::kInt32:
    case ColumnType::kUInt8:
    case ColumnType::kUInt16:
      return plain(TypeKind::kInt);
    case ColumnType::kInt64:
    case ColumnType::kUInt32:
      return plain(TypeKind::kLong);
    case ColumnType::kUInt64:
      return is_position ? plain(TypeKind::kLong) : unsigned_long_type();
    case ColumnType::kFloat:
      return plain(TypeKind::kFloat);
    case ColumnType::kDouble:
      return plain(TypeKind::kDouble);
    case ColumnType::kDate:
      return plain(TypeKind::kDate);
    case ColumnType::kTimestamp:
      return plain(TypeKind::kTimestamptz);
    case ColumnType::kUuid:
      return plain(TypeKind::kUuid);
    case ColumnType::kBox:
      return box_type();
    case ColumnType::kText:
      return plain(TypeKind::kString);
    case ColumnType::kBlob:
      return plain(TypeKind::kBinary);
  }
  return plain(TypeKind::kString);
}

std::string lower_case(std::string_view name) {
  std::string lower(name);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return lower;
}

// The names that readers of Iceberg give to columns of their own.
bool is_reserved(std::string_view lower) {
  for (std::string_view name : {"_file", "_pos", "_deleted", "_spec_id", "_partition"}) {
    if (lower == name) return true;
  }
  return lower.starts_with("_row_id") || lower.starts_with("_last_updated");
}

Status check_names(const freshet::Schema& columns) {
  std::vector<std::string> names;
  for (const ColumnSchema& column : columns.columns) {
    std::string lower = lower_case(column.name);
    if (lower.empty() || is_reserved(lower)) {
      return Error(Code::kInvalid, 3602,
                   fmt::format("a table cannot have a column named \"{}\": Iceberg keeps that name "
                               "for itself; give the column another one",
                               column.name));
    }
    if (std::find(names.begin(), names.end(), lower) != names.end()) {
      return Error(Code::kInvalid, 3602,
                   fmt::format("column \"{}\" differs from another one only in case, which many "
                               "readers do not tell apart; give it another name",
                               column.name));
    }
    names.push_back(std::move(lower));
  }
  return ok();
}

// Iceberg numbers a level before the levels below it.
void number_below(std::vector<Field>& fields, std::size_t first, std::int32_t& last_id) {
  for (std::size_t i = first; i < fields.size(); ++i) {
    for (Field& field : fields[i].type.fields) field.id = ++last_id;
    number_below(fields[i].type.fields, 0, last_id);
  }
}

void number_from(std::vector<Field>& fields, std::size_t first, std::int32_t& last_id) {
  for (std::size_t i = first; i < fields.size(); ++i) fields[i].id = ++last_id;
  number_below(fields, first, last_id);
}

enum class Fit { kSame, kWiden, kNarrower, kNot };

bool same_but_ids(const FieldType& left, const FieldType& right) {
  auto same_field = [](const Field& a, const Field& b) {
    return a.name == b.name && same_but_ids(a.type, b.type);
  };
  return left.kind == right.kind && left.precision == right.precision &&
         left.scale == right.scale && left.length == right.length &&
         std::equal(left.fields.begin(), left.fields.end(), right.fields.begin(),
                    right.fields.end(), same_field);
}

Fit fit(const FieldType& in_table, const FieldType& wanted) {
  if (same_but_ids(in_table, wanted)) return Fit::kSame;
  auto is = [&](TypeKind table_kind, TypeKind wanted_kind) {
    return in_table.kind == table_kind && wanted.kind == wanted_kind;
  };
  if (is(TypeKind::kInt, TypeKind::kLong)) return Fit::kWiden;
  if (is(TypeKind::kFloat, TypeKind::kDouble)) return Fit::kWiden;
  if (is(TypeKind::kLong, TypeKind::kInt)) return Fit::kNarrower;
  if (is(TypeKind::kDouble, TypeKind::kFloat)) return Fit::kNarrower;
  return Fit::kNot;
}

Error does_not_fit(const Field& field, const FieldType& wanted) {
  return Error(Code::kInvalid, 3603,
               fmt::format("column \"{}\" is {} in the archive's table and would be {} now: files "
                           "written before could not be read; give the column another name",
                           field.name, type_name(field.type), type_name(wanted)));
}

Status check_none_left(const TableSchema& current, const freshet::Schema& columns) {
  for (const Field& field : current.fields) {
    if (columns.find(field.name)) continue;
    return Error(Code::kInvalid, 3603,
                 fmt::format("column \"{}\" of the archive's table is gone: keep it (it may be "
                             "null), or start a new table",
                             field.name));
  }
  return ok();
}

// Widens the field that has the column's name, or adds one behind all others, without an id.
Status take_column(std::vector<Field>& fields, const std::string& name, FieldType wanted) {
  auto has_name = [&](const Field& field) { return field.name == name; };
  auto found = std::find_if(fields.begin(), fields.end(), has_name);
  if (found == fields.end()) {
    fields.push_back(unnumbered(name, std::move(wanted)));
    return ok();
  }
  switch (fit(found->type, wanted)) {
    case Fit::kNot:
      return does_not_fit(*found, wanted);
    case Fit::kWiden:
      found->type = std::move(wanted);
      return ok();
    case Fit::kSame:
    case Fit::kNarrower:
      return ok();
  }
  return ok();
}

}  // namespace

Result<NumberedSchema> new_schema(const freshet::Schema& columns,
                                  std::span<const std::string_view> position_columns) {
  return evolve_schema(TableSchema(), 0, columns, position_columns);
}

Result<NumberedSchema> evolve_schema(const TableSchema& current, std::int32_t last_column_id,
                                     const freshet::Schema& columns,
                                     std::span<const std::string_view> position_columns) {
  FRESHET_TRY_STATUS(check_names(columns));
  FRESHET_TRY_STATUS(check_none_left(current, columns));
  NumberedSchema next{current, last_column_id};
  for (const ColumnSchema& column : columns.columns) {
    bool is_position = std::find(position_columns.begin(), position_columns.end(), column.name) !=
                       position_columns.end();
    FRESHET_TRY_STATUS(
        take_column(next.schema.fields, column.name, type_of(column.type, is_position)));
  }
  number_from(next.schema.fields, current.fields.size(), next.last_column_id);
  // The very first schema keeps id 0.
  if (!current.fields.empty() && !next.schema.same_shape(current)) ++next.schema.schema_id;
  return next;
}

}  // namespace freshet::archive::iceberg

#include "archive/iceberg/planner.h"

#include <fmt/format.h>

#include "archive/iceberg/transform.h"
#include "common/time_text.h"

namespace freshet::archive::iceberg {
namespace {

bool is_integer(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz:
      return true;
    default:
      return false;
  }
}

bool is_timestamp(TypeKind kind) {
  return kind == TypeKind::kTimestamp || kind == TypeKind::kTimestamptz;
}

// Nothing where there is no bound, or one that we cannot read: then it proves nothing.
std::optional<Value> bound_of(const PerField<std::string>& bounds, const Field& field) {
  auto found = bounds.find(field.id);
  if (found == bounds.end()) return std::nullopt;
  auto value = decode_value(field.type, found->second);
  return value ? std::optional(*std::move(value)) : std::nullopt;
}

std::optional<std::int64_t> integer_bound(const PerField<std::string>& bounds, const Field& field) {
  std::optional<Value> value = bound_of(bounds, field);
  const std::int64_t* number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  return number ? std::optional(*number) : std::nullopt;
}

bool is_all_null(const DataFile& file, const Field& field) {
  auto values = file.value_counts.find(field.id);
  auto nulls = file.null_value_counts.find(field.id);
  return values != file.value_counts.end() && nulls != file.null_value_counts.end() &&
         values->second > 0 && values->second == nulls->second;
}

// What values a partition field can have where a condition on its column holds.
std::optional<ValueRange> partition_range(Transform transform, const Field& source,
                                          std::int64_t first, std::int64_t last) {
  TypeKind kind = source.type.kind;
  if (transform.kind == TransformKind::kIdentity) return ValueRange{first, last};
  if (transform.kind == TransformKind::kDay && kind == TypeKind::kDate) {
    return ValueRange{first, last};
  }
  if (!is_timestamp(kind)) return std::nullopt;
  if (transform.kind == TransformKind::kDay) {
    return ValueRange{day_of_us(first), day_of_us(last)};
  }
  if (transform.kind == TransformKind::kHour) {
    return ValueRange{hour_of_us(first), hour_of_us(last)};
  }
  return std::nullopt;
}

// The one value that a partition field has where its column is this text.
std::optional<Value> partition_of_text(Transform transform, const std::string& text) {
  if (transform.kind == TransformKind::kIdentity) return Value(text);
  if (transform.kind == TransformKind::kBucket) {
    return Value(std::int64_t{bucket_of_bytes(text, transform.width)});
  }
  return std::nullopt;
}

// Decodes a summary's bound as its partition type says; nothing where that cannot be.
std::optional<Value> summary_bound(const std::optional<std::string>& bound, const FieldType& type) {
  if (!bound) return std::nullopt;
  auto value = decode_value(type, *bound);
  return value ? std::optional(*std::move(value)) : std::nullopt;
}

// True where both values are of one kind and `left` is smaller; nothing else proves anything.
bool is_below(const Value& left, const Value& right) {
  return left.index() == right.index() && left < right;
}

// "" where it is the column itself.
std::string name_of(Transform transform) {
  return transform.kind == TransformKind::kIdentity ? "" : transform_name(transform);
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + '\'';
}

std::string bound_text(const Field& field, std::int64_t value) {
  return is_timestamp(field.type.kind) ? format_rfc3339_us(value) : std::to_string(value);
}

Mismatch null_mismatch(const Field& field, Transform transform) {
  return {field.name, name_of(transform), "is null", ""};
}

Mismatch below(const Field& field, Transform transform, std::int64_t first) {
  return {field.name, name_of(transform), "is below", bound_text(field, first)};
}

Mismatch above(const Field& field, Transform transform, std::int64_t last) {
  return {field.name, name_of(transform), "is above", bound_text(field, last)};
}

Mismatch other_partition(const Field& field, Transform transform, const std::string& text) {
  return {field.name, name_of(transform), "is not that of", quoted(text)};
}

Error row_level_deletes(std::string_view path) {
  return Error(Code::kUnsupported, 3615,
               fmt::format("{} holds row-level deletes, which this server does not apply: let the "
                           "engine that wrote them compact the table",
                           path));
}

}  // namespace

Planner::Planner(const TableMetadata& table, Predicate predicate) : table_(&table) {
  const TableSchema& schema = table.current_schema();
  for (const RangeCondition& range : predicate.ranges) {
    const Field* field = schema.find(range.column);
    if (field != nullptr && is_integer(field->type.kind)) {
      ranges_.push_back({field, range.first, range.last});
    }
  }
  for (TextCondition& text : predicate.texts) {
    const Field* field = schema.find(text.column);
    if (field != nullptr && field->type.kind == TypeKind::kString) {
      texts_.push_back({field, std::move(text.value)});
    }
  }
}

std::string Mismatch::text() const {
  std::string words = transform.empty() ? column : fmt::format("{} of {}", transform, column);
  words += ' ' + relation;
  return bound.empty() ? words : words + ' ' + bound;
}

std::optional<Mismatch> Planner::why_not_by_bounds(const DataFile& file) const {
  for (const Range& range : ranges_) {
    if (is_all_null(file, *range.field)) return null_mismatch(*range.field, {});
    auto lowest = integer_bound(file.lower_bounds, *range.field);
    auto highest = integer_bound(file.upper_bounds, *range.field);
    if (lowest && *lowest > range.last) return above(*range.field, {}, range.last);
    if (highest && *highest < range.first) return below(*range.field, {}, range.first);
  }
  for (const Text& text : texts_) {
    if (is_all_null(file, *text.field)) return null_mismatch(*text.field, {});
    // A lower bound that was cut is still at most the text, an upper one was rounded up.
    auto lowest = bound_of(file.lower_bounds, *text.field);
    auto highest = bound_of(file.upper_bounds, *text.field);
    if (lowest && is_below(Value(text.value), *lowest))
      return Mismatch{text.field->name, "", "is above", quoted(text.value)};
    if (highest && is_below(*highest, Value(text.value)))
      return Mismatch{text.field->name, "", "is below", quoted(text.value)};
  }
  return std::nullopt;
}

std::optional<Mismatch> Planner::why_not_by_value(const PartitionField& field,
                                                  const Value& value) const {
  for (const Range& range : ranges_) {
    if (range.field->id != field.source_id) continue;
    auto wanted = partition_range(field.transform, *range.field, range.first, range.last);
    if (!wanted) continue;
    // A null partition holds the rows in which the column is null; those are in no range.
    if (is_null(value)) return null_mismatch(*range.field, field.transform);
    if (is_below(value, Value(wanted->first)))
      return below(*range.field, field.transform, range.first);
    if (is_below(Value(wanted->last), value))
      return above(*range.field, field.transform, range.last);
  }
  for (const Text& text : texts_) {
    if (text.field->id != field.source_id) continue;
    auto wanted = partition_of_text(field.transform, text.value);
    if (!wanted) continue;
    if (is_null(value)) return null_mismatch(*text.field, field.transform);
    if (is_below(value, *wanted) || is_below(*wanted, value))
      return other_partition(*text.field, field.transform, text.value);
  }
  return std::nullopt;
}

std::optional<Mismatch> Planner::why_not_by_summary(const PartitionField& field,
                                                    const FieldSummary& summary) const {
  auto type = partition_type(field, table_->current_schema());
  if (!type) return std::nullopt;
  auto lowest = summary_bound(summary.lower_bound, *type);
  auto highest = summary_bound(summary.upper_bound, *type);
  for (const Range& range : ranges_) {
    if (range.field->id != field.source_id) continue;
    auto wanted = partition_range(field.transform, *range.field, range.first, range.last);
    if (!wanted) continue;
    if (highest && is_below(*highest, Value(wanted->first)))
      return below(*range.field, field.transform, range.first);
    if (lowest && is_below(Value(wanted->last), *lowest))
      return above(*range.field, field.transform, range.last);
  }
  for (const Text& text : texts_) {
    if (text.field->id != field.source_id) continue;
    auto wanted = partition_of_text(field.transform, text.value);
    if (!wanted) continue;
    if ((highest && is_below(*highest, *wanted)) || (lowest && is_below(*wanted, *lowest)))
      return other_partition(*text.field, field.transform, text.value);
  }
  return std::nullopt;
}

std::optional<Mismatch> Planner::why_not(const ManifestFile& manifest) const {
  const PartitionSpec* spec = table_->find_spec(manifest.partition_spec_id);
  if (spec == nullptr || spec->fields.size() != manifest.partitions.size()) return std::nullopt;
  for (std::size_t i = 0; i < spec->fields.size(); ++i) {
    if (auto why = why_not_by_summary(spec->fields[i], manifest.partitions[i])) return why;
  }
  return std::nullopt;
}

std::optional<Mismatch> Planner::why_not(const DataFile& file, const PartitionSpec& spec) const {
  if (file.partition.size() == spec.fields.size()) {
    for (std::size_t i = 0; i < spec.fields.size(); ++i) {
      if (auto why = why_not_by_value(spec.fields[i], file.partition[i])) return why;
    }
  }
  return why_not_by_bounds(file);
}

Status refuse_deletes(const ManifestFile& manifest) {
  return manifest.content == ManifestContent::kData ? ok() : row_level_deletes(manifest.path);
}

Status refuse_deletes(const DataFile& file) {
  return file.content == FileContent::kData ? ok() : row_level_deletes(file.path);
}

Result<std::vector<ManifestFile>> Planner::select_manifests(
    std::span<const ManifestFile> list) const {
  std::vector<ManifestFile> selected;
  for (const ManifestFile& manifest : list) {
    FRESHET_TRY_STATUS(refuse_deletes(manifest));
    if (may_match(manifest)) selected.push_back(manifest);
  }
  return selected;
}

Result<std::vector<DataFile>> Planner::select_files(const Manifest& manifest) const {
  std::vector<DataFile> selected;
  for (const ManifestEntry& entry : manifest.entries) {
    if (!entry.is_live()) continue;
    FRESHET_TRY_STATUS(refuse_deletes(entry.file));
    if (may_match(entry.file, manifest.head.spec)) selected.push_back(entry.file);
  }
  return selected;
}

std::optional<ValueRange> value_range(const DataFile& file, const Field& field) {
  auto first = integer_bound(file.lower_bounds, field);
  auto last = integer_bound(file.upper_bounds, field);
  if (!first || !last) return std::nullopt;
  return ValueRange{*first, *last};
}

}  // namespace freshet::archive::iceberg

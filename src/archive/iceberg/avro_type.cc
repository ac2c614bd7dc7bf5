#include "archive/iceberg/avro_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

namespace freshet::archive::iceberg {
namespace {

constexpr std::int64_t kPartsMax = 10'000;
constexpr int kDepthMax = 32;
constexpr std::int64_t kFixedBytesMax = 1 << 20;

constexpr std::array<std::pair<std::string_view, AvroKind>, 8> kPlainKinds{
    {{"null", AvroKind::kNull},
     {"boolean", AvroKind::kBoolean},
     {"int", AvroKind::kInt},
     {"long", AvroKind::kLong},
     {"float", AvroKind::kFloat},
     {"double", AvroKind::kDouble},
     {"bytes", AvroKind::kBytes},
     {"string", AvroKind::kString}}};

Error bad_schema(std::string_view why) {
  return Error(Code::kCorruption, 3612, fmt::format("Avro schema: {}", why));
}

std::int64_t part_count(const AvroType& type) {
  std::int64_t count = 1;
  for (const AvroType& child : type.children) count += part_count(child);
  return count;
}

std::string_view without_namespace(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

class TypeParser {
 public:
  Result<AvroType> parse(const JsonValue& json, int depth) {
    if (depth > kDepthMax) return bad_schema("nested too deep");
    if (++parts_ > kPartsMax) return bad_schema("too many parts");
    if (const std::string* name = json.text()) return named(*name);
    if (json.items() != nullptr) return parse_union(*json.items(), depth);
    const JsonValue* type = json.find("type");
    if (type == nullptr) return bad_schema("a type is neither a name, nor a list, nor an object");
    // {"type": {"type": "array", …}} and {"type": ["null", …]} are allowed, too.
    if (type->text() == nullptr) return parse(*type, depth + 1);
    return parse_object(json, *type->text(), depth);
  }

 private:
  // A primitive, or a type that was defined before. The latter is copied, which the limit on parts
  // keeps from growing without bound.
  Result<AvroType> named(std::string_view name) {
    for (const auto& [plain, kind] : kPlainKinds) {
      if (name == plain) return of_kind(kind);
    }
    auto found = named_.find(without_namespace(name));
    if (found == named_.end()) return bad_schema(fmt::format("unknown type \"{}\"", name));
    if (!found->second) {
      return bad_schema(fmt::format("type \"{}\" holds itself or is defined twice", name));
    }
    parts_ += part_count(*found->second);
    if (parts_ > kPartsMax) return bad_schema("too many parts");
    return *found->second;
  }

  Result<AvroType> parse_union(const JsonValue::List& branches, int depth) {
    AvroType type = of_kind(AvroKind::kUnion);
    for (const JsonValue& branch : branches) {
      FRESHET_TRY(AvroType parsed, parse(branch, depth + 1));
      if (parsed.kind == AvroKind::kUnion) return bad_schema("a union in a union");
      type.children.push_back(std::move(parsed));
    }
    if (type.children.empty()) return bad_schema("a union of nothing");
    return type;
  }

  Result<AvroType> parse_object(const JsonValue& json, std::string_view kind, int depth) {
    if (kind == "array") return parse_container(json, AvroKind::kArray, "items", depth);
    if (kind == "map") return parse_container(json, AvroKind::kMap, "values", depth);
    if (kind != "record" && kind != "fixed" && kind != "enum") return named(kind);
    const JsonValue* name = json.find("name");
    if (name == nullptr || name->text() == nullptr) return bad_schema("a type without a name");
    std::string key(without_namespace(*name->text()));
    auto before = named_.find(key);
    std::optional<AvroType> earlier =
        before == named_.end() ? std::nullopt : std::move(before->second);
    bool is_first = before == named_.end();
    named_[key] = std::nullopt;  // until it is whole
    FRESHET_TRY(AvroType type, parse_definition(json, kind, depth));
    // Some writers define a type anew wherever it stands; that is no harm while it is the same.
    if (is_first || earlier == type) named_[key] = type;
    return type;
  }

  Result<AvroType> parse_definition(const JsonValue& json, std::string_view kind, int depth) {
    if (kind == "record") return parse_record(json, depth);
    if (kind == "enum") return of_kind(AvroKind::kEnum);
    AvroType type = of_kind(AvroKind::kFixed);
    const JsonValue* size = json.find("size");
    type.fixed_bytes = size == nullptr ? -1 : size->integer().value_or(-1);
    if (type.fixed_bytes < 0 || type.fixed_bytes > kFixedBytesMax) {
      return bad_schema("a fixed without a size, or with one beyond 1 MiB");
    }
    return type;
  }

  Result<AvroType> parse_record(const JsonValue& json, int depth) {
    const JsonValue* fields = json.find("fields");
    if (fields == nullptr || fields->items() == nullptr) return bad_schema("a record's fields");
    AvroType type = of_kind(AvroKind::kRecord);
    for (const JsonValue& field : *fields->items()) {
      const JsonValue* field_type = field.find("type");
      if (field_type == nullptr) return bad_schema("a field without a type");
      FRESHET_TRY(AvroType parsed, parse(*field_type, depth + 1));
      const JsonValue* id = field.find("field-id");
      std::int64_t number = id == nullptr ? -1 : id->integer().value_or(-1);
      bool is_id = number >= 0 && std::in_range<std::int32_t>(number);
      type.children.push_back(std::move(parsed));
      type.ids.push_back(is_id ? static_cast<std::int32_t>(number) : -1);
    }
    return type;
  }

  Result<AvroType> parse_container(const JsonValue& json, AvroKind kind, std::string_view member,
                                   int depth) {
    const JsonValue* items = json.find(member);
    if (items == nullptr) return bad_schema(fmt::format("an array or map without {}", member));
    FRESHET_TRY(AvroType parsed, parse(*items, depth + 1));
    // Else a few bytes could announce 2^63 items.
    if (kind == AvroKind::kArray && !takes_bytes(parsed)) {
      return bad_schema("an array of things without bytes");
    }
    AvroType type = of_kind(kind);
    type.children.push_back(std::move(parsed));
    return type;
  }

  static AvroType of_kind(AvroKind kind) {
    AvroType type;
    type.kind = kind;
    return type;
  }

  std::map<std::string, std::optional<AvroType>, std::less<>> named_;
  std::int64_t parts_ = 0;
};

}  // namespace

bool takes_bytes(const AvroType& type) {
  switch (type.kind) {
    case AvroKind::kNull:
      return false;
    case AvroKind::kFixed:
      return type.fixed_bytes > 0;
    case AvroKind::kRecord:
      return std::any_of(type.children.begin(), type.children.end(), takes_bytes);
    default:
      return true;
  }
}

const AvroType* find_field(const AvroType& record, std::int32_t id) {
  for (std::size_t i = 0; i < record.ids.size(); ++i) {
    if (record.ids[i] == id) return &record.children[i];
  }
  return nullptr;
}

Result<AvroType> parse_avro_type(const JsonValue& json) {
  return TypeParser().parse(json, 0);
}

}  // namespace freshet::archive::iceberg

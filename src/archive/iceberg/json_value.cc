#include "archive/iceberg/json_value.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/check.h"

namespace freshet::archive::iceberg {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kDepthMax = 64;

Error not_json(std::string_view why) {
  return Error(Code::kInvalid, "not valid JSON: " + std::string(why));
}

const std::string* repeated_name(const JsonValue::Map& members) {
  std::vector<const std::string*> names;
  names.reserve(members.size());
  for (const JsonValue::Member& member : members) names.push_back(&member.name);
  auto less = [](const std::string* left, const std::string* right) { return *left < *right; };
  std::sort(names.begin(), names.end(), less);
  auto same = [](const std::string* left, const std::string* right) { return *left == *right; };
  auto found = std::adjacent_find(names.begin(), names.end(), same);
  return found == names.end() ? nullptr : *found;
}

Result<JsonValue> convert(dom::element element);

Result<JsonValue> convert_list(dom::array array) {
  JsonValue list = JsonValue::list();
  for (dom::element item : array) {
    FRESHET_TRY(JsonValue converted, convert(item));
    list.push(std::move(converted));
  }
  return list;
}

Result<JsonValue> convert_map(dom::object object) {
  JsonValue map = JsonValue::map();
  for (auto [name, value] : object) {
    FRESHET_TRY(JsonValue converted, convert(value));
    map.set(std::string(name), std::move(converted));
  }
  if (const std::string* twice = repeated_name(*map.members())) {
    return not_json("member \"" + *twice + "\" is named twice in one object");
  }
  return map;
}

// The type was asked before each value is taken, so value_unsafe() cannot be wrong.
Result<JsonValue> convert(dom::element element) {
  switch (element.type()) {
    case dom::element_type::ARRAY:
      return convert_list(element.get_array().value_unsafe());
    case dom::element_type::OBJECT:
      return convert_map(element.get_object().value_unsafe());
    case dom::element_type::INT64:
      return JsonValue(std::int64_t{element.get_int64().value_unsafe()});
    case dom::element_type::UINT64:
      return JsonValue(std::uint64_t{element.get_uint64().value_unsafe()});
    case dom::element_type::DOUBLE:
      return JsonValue(element.get_double().value_unsafe());
    case dom::element_type::STRING:
      return JsonValue(std::string_view(element.get_string().value_unsafe()));
    case dom::element_type::BOOL:
      return JsonValue(bool{element.get_bool().value_unsafe()});
    case dom::element_type::NULL_VALUE:
      return JsonValue();
  }
  return Error(Code::kInternal, 9101, "simdjson gave a value of an unknown type");
}

void append_escape(std::string& to, unsigned char symbol) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (symbol) {
    case '"':
      to += "\\\"";
      return;
    case '\\':
      to += "\\\\";
      return;
    case '\n':
      to += "\\n";
      return;
    default:
      to += "\\u00";
      to += kHex[symbol >> 4];
      to += kHex[symbol & 15];
  }
}

void append_text(std::string& to, std::string_view text) {
  to += '"';
  for (char symbol : text) {
    auto byte = static_cast<unsigned char>(symbol);
    if (byte < 0x20 || byte == '"' || byte == '\\') {
      append_escape(to, byte);
    } else {
      to += symbol;
    }
  }
  to += '"';
}

// With a point or an exponent, so that it reads as a double again. JSON has no NaN, and no JSON
// text gives us one.
void append_double(std::string& to, double value) {
  FRESHET_CHECK(std::isfinite(value));
  char digits[32];
  std::string_view written(
      digits,
      static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits));
  to += written;
  if (written.find_first_of(".e") == std::string_view::npos) to += ".0";
}

void append_list(std::string& to, const JsonValue::List& list) {
  to += '[';
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) to += ',';
    append_json(to, list[i]);
  }
  to += ']';
}

void append_map(std::string& to, const JsonValue::Map& map) {
  to += '{';
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (i > 0) to += ',';
    append_text(to, map[i].name);
    to += ':';
    append_json(to, map[i].value);
  }
  to += '}';
}

}  // namespace

JsonValue JsonValue::list() {
  JsonValue value;
  value.state_ = List();
  return value;
}

JsonValue JsonValue::map() {
  JsonValue value;
  value.state_ = Map();
  return value;
}

JsonValue& JsonValue::set(std::string name, JsonValue value) & {
  std::get<Map>(state_).push_back({std::move(name), std::move(value)});
  return *this;
}

JsonValue&& JsonValue::set(std::string name, JsonValue value) && {
  return std::move(set(std::move(name), std::move(value)));
}

JsonValue& JsonValue::push(JsonValue value) & {
  std::get<List>(state_).push_back(std::move(value));
  return *this;
}

const JsonValue* JsonValue::find(std::string_view name) const {
  if (const Map* map = members()) {
    for (const Member& member : *map) {
      if (member.name == name && !member.value.is_null()) return &member.value;
    }
  }
  return nullptr;
}

std::optional<bool> JsonValue::boolean() const {
  const bool* value = std::get_if<bool>(&state_);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::int64_t> JsonValue::integer() const {
  const std::int64_t* value = std::get_if<std::int64_t>(&state_);
  return value ? std::optional(*value) : std::nullopt;
}

bool JsonValue::operator==(const JsonValue& other) const {
  return state_ == other.state_;
}

Result<JsonValue> parse_json(std::string_view text) {
  dom::parser parser;
  // A capacity of zero would make simdjson refuse even to report an empty text.
  if (auto failed = parser.allocate(std::max<std::size_t>(text.size(), 1), kDepthMax)) {
    return not_json(simdjson::error_message(failed));
  }
  dom::element root;
  // The text is copied behind the parser's padding: whoever hands it in need not know of that.
  if (auto failed = parser.parse(text.data(), text.size(), true).get(root)) {
    return not_json(simdjson::error_message(failed));
  }
  return convert(root);
}

void append_json(std::string& to, const JsonValue& value) {
  struct Writer {
    std::string& to;
    void operator()(std::monostate) const { to += "null"; }
    void operator()(bool is) const { to += is ? "true" : "false"; }
    void operator()(std::int64_t number) const { to += std::to_string(number); }
    void operator()(std::uint64_t number) const { to += std::to_string(number); }
    void operator()(double number) const { append_double(to, number); }
    void operator()(const std::string& text) const { append_text(to, text); }
    void operator()(const JsonValue::List& list) const { append_list(to, list); }
    void operator()(const JsonValue::Map& map) const { append_map(to, map); }
  };
  std::visit(Writer{to}, value.state_);
}

std::string write_json(const JsonValue& value) {
  std::string text;
  append_json(text, value);
  return text;
}

}  // namespace freshet::archive::iceberg

#include "cli/json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>

namespace freshet::cli {
namespace {

namespace od = simdjson::ondemand;

std::string_view trimmed(std::string_view token) {
  std::size_t end = token.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? "" : token.substr(0, end + 1);
}

JsonValue read(od::value value) {
  JsonValue read_value;
  switch (value.type()) {
    case od::json_type::array:
      read_value.kind = JsonValue::Kind::kArray;
      for (od::value item : value.get_array()) read_value.items.push_back(read(item));
      break;
    case od::json_type::object:
      read_value.kind = JsonValue::Kind::kObject;
      for (auto field : value.get_object()) {
        std::string name(std::string_view(field.unescaped_key()));
        read_value.members.emplace_back(std::move(name), read(field.value()));
      }
      break;
    case od::json_type::string:
      read_value.kind = JsonValue::Kind::kText;
      read_value.text = std::string_view(value.get_string());
      break;
    case od::json_type::number:
      read_value.kind = JsonValue::Kind::kNumber;
      read_value.text = trimmed(value.raw_json_token());
      break;
    case od::json_type::boolean:
      read_value.kind = JsonValue::Kind::kBoolean;
      read_value.text = value.get_bool() ? "true" : "false";
      break;
    case od::json_type::null:
      if (!value.is_null()) throw simdjson::simdjson_error(simdjson::N_ATOM_ERROR);
      break;
  }
  return read_value;
}

}  // namespace

const JsonValue& JsonValue::operator[](std::string_view name) const {
  static const JsonValue kNone;
  for (const auto& [key, value] : members) {
    if (key == name) return value;
  }
  return kNone;
}

std::string JsonValue::to_text() const {
  bool is_scalar = kind != Kind::kArray && kind != Kind::kObject;
  return is_scalar ? text : to_json();
}

std::string JsonValue::to_json() const {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBoolean:
    case Kind::kNumber:
      return text;
    case Kind::kText:
      return json_string(text);
    case Kind::kArray: {
      std::string out = "[";
      for (const JsonValue& item : items) out += (out.size() > 1 ? "," : "") + item.to_json();
      return out + "]";
    }
    case Kind::kObject: {
      std::string out = "{";
      for (const auto& [name, value] : members) {
        out += (out.size() > 1 ? "," : "") + json_string(name) + ":" + value.to_json();
      }
      return out + "}";
    }
  }
  return "null";
}

std::uint64_t JsonValue::to_count() const {
  std::uint64_t count = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  return kind == Kind::kNumber && failed == std::errc() ? count : 0;
}

Result<JsonValue> parse_json(std::string_view text) {
  try {
    simdjson::padded_string padded(text);
    od::parser parser;
    od::document document = parser.iterate(padded);
    if (document.is_scalar()) {
      // simdjson reads a bare scalar by other calls; none of our answers is one.
      return Error(Code::kCorruption, "the answer is not a JSON object or array");
    }
    JsonValue value = read(document.get_value());
    const char* behind = nullptr;  // there is no such place at the end
    if (!document.current_location().get(behind)) {
      return Error(Code::kCorruption, "something stands behind the JSON");
    }
    return value;
  } catch (const simdjson::simdjson_error& error) {
    return Error(Code::kCorruption, fmt::format("this is not JSON: {}", error.what()));
  }
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < ' ') {
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

}  // namespace freshet::cli

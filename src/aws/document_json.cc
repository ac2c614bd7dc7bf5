#include <simdjson.h>

#include <charconv>
#include <cmath>

#include "aws/document.h"
#include "aws/member_names.h"
#include "common/base64.h"

namespace freshet::aws {

namespace {

namespace dom = simdjson::dom;

// A parser keeps its working memory, about six times its largest text. Larger texts get one of
// their own, so that one big request does not stay in memory for ever.
constexpr std::size_t kKeptParserBytesMax = 256 * 1024;

Error not_json(std::string_view why) {
  return Error(Code::kInvalid, "the body is not valid JSON: " + std::string(why));
}

Result<Document> convert(dom::element element);

Result<Document> convert_list(dom::array array) {
  Document list = Document::list();
  for (dom::element item : array) {
    FRESHET_TRY(Document converted, convert(item));
    list.push(std::move(converted));
  }
  return list;
}

Result<Document> convert_map(dom::object object) {
  Document map = Document::map();
  for (auto [name, value] : object) {
    FRESHET_TRY(Document converted, convert(value));
    map.set(std::string(name), std::move(converted));
  }
  if (auto twice = repeated_name(*map.members())) {
    return not_json("member \"" + *twice + "\" is named twice in one object");
  }
  return map;
}

// The type was asked before each value is taken, so value_unsafe() cannot be wrong.
Result<Document> convert(dom::element element) {
  switch (element.type()) {
    case dom::element_type::ARRAY:
      return convert_list(element.get_array().value_unsafe());
    case dom::element_type::OBJECT:
      return convert_map(element.get_object().value_unsafe());
    case dom::element_type::INT64:
      return Document(std::int64_t{element.get_int64().value_unsafe()});
    case dom::element_type::UINT64:
      return Document(std::uint64_t{element.get_uint64().value_unsafe()});
    case dom::element_type::DOUBLE:
      return Document(element.get_double().value_unsafe());
    case dom::element_type::STRING:
      return Document(std::string_view(element.get_string().value_unsafe()));
    case dom::element_type::BOOL:
      return Document(bool{element.get_bool().value_unsafe()});
    case dom::element_type::NULL_VALUE:
      return Document();
  }
  return Error(Code::kInternal, 9101, "simdjson gave a value of an unknown type");
}

Result<Document> parse_with(dom::parser& parser, const std::string& text) {
  // A capacity of zero would make simdjson refuse even to report an empty text.
  std::size_t capacity = std::max<std::size_t>(text.size(), 1);
  if (parser.capacity() < capacity || parser.max_depth() != kDocumentDepthMax) {
    if (auto failed = parser.allocate(capacity, kDocumentDepthMax)) {
      return not_json(simdjson::error_message(failed));
    }
  }
  dom::element root;
  if (auto failed = parser.parse(text).get(root)) return not_json(simdjson::error_message(failed));
  return convert(root);
}

void append_double(std::string& to, double value) {
  if (std::isnan(value)) {
    to += "\"NaN\"";
  } else if (std::isinf(value)) {
    to += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    char digits[32];
    to.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
}

// 1700000000.123: plain, because some SDKs do not read an exponent.
void append_seconds(std::string& to, std::int64_t ms) {
  std::uint64_t magnitude = static_cast<std::uint64_t>(ms);
  if (ms < 0) {
    to += '-';
    magnitude = 0 - magnitude;
  }
  to += std::to_string(magnitude / 1000);
  if (std::uint64_t rest = magnitude % 1000; rest != 0) {
    std::string digits = std::to_string(1000 + rest);  // keeps leading zeros
    digits[0] = '.';
    to += digits;
  }
}

void append_blob(std::string& to, const std::string& bytes) {
  to += '"';
  base64_append(to, bytes);
  to += '"';
}

void append_list(std::string& to, const Document::List& list) {
  to += '[';
  bool first = true;
  for (const Document& item : list) {
    if (!first) to += ',';
    first = false;
    write_json(item, to);
  }
  to += ']';
}

void append_map(std::string& to, const Document::Map& map) {
  to += '{';
  bool first = true;
  for (const Document::Member& member : map) {
    if (!first) to += ',';
    first = false;
    append_json_text(to, member.name);
    to += ':';
    write_json(member.value, to);
  }
  to += '}';
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
    case '\r':
      to += "\\r";
      return;
    case '\t':
      to += "\\t";
      return;
    default:
      to += "\\u00";
      to += kHex[symbol >> 4];
      to += kHex[symbol & 15];
  }
}

}  // namespace

Result<Document> parse_json(const std::string& text) {
  if (text.size() > kKeptParserBytesMax) {
    dom::parser parser;
    return parse_with(parser, text);
  }
  thread_local dom::parser kept;
  return parse_with(kept, text);
}

void append_json_text(std::string& to, std::string_view text) {
  to += '"';
  std::size_t plain = 0;  // start of the run that needs no escape
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto symbol = static_cast<unsigned char>(text[i]);
    if (symbol >= 0x20 && symbol != '"' && symbol != '\\') continue;
    to.append(text, plain, i - plain);
    append_escape(to, symbol);
    plain = i + 1;
  }
  to.append(text, plain);
  to += '"';
}

void write_json(const Document& document, std::string& to) {
  switch (document.kind()) {
    case Document::Kind::kNull:
      to += "null";
      return;
    case Document::Kind::kBool:
      to += *document.boolean() ? "true" : "false";
      return;
    case Document::Kind::kInteger:
      to += std::to_string(*document.integer());
      return;
    case Document::Kind::kUnsigned:
      to += std::to_string(*document.unsigned_integer());
      return;
    case Document::Kind::kDouble:
      return append_double(to, *document.number());
    case Document::Kind::kText:
      return append_json_text(to, *document.text());
    case Document::Kind::kBlob:
      return append_blob(to, *document.bytes());
    case Document::Kind::kTimestamp:
      return append_seconds(to, *document.timestamp_ms());
    case Document::Kind::kList:
      return append_list(to, *document.items());
    case Document::Kind::kMap:
      return append_map(to, *document.members());
  }
}

}  // namespace freshet::aws

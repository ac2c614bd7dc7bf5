#include "sql/syntax_tree.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>

namespace freshet::sql {
namespace {

// DuckDB stops expressions at a depth of 1,000; each level of SQL is a few of JSON.
constexpr std::size_t kDepthMax = 8'192;

SyntaxNode node_of(const simdjson::dom::element& element) {
  SyntaxNode node;
  switch (element.type()) {
    case simdjson::dom::element_type::ARRAY:
      node.kind = SyntaxNode::Kind::kList;
      for (auto item : simdjson::dom::array(element)) node.items.push_back(node_of(item));
      break;
    case simdjson::dom::element_type::OBJECT:
      node.kind = SyntaxNode::Kind::kObject;
      for (auto field : simdjson::dom::object(element))
        node.members.emplace_back(std::string(field.key), node_of(field.value));
      break;
    case simdjson::dom::element_type::STRING:
      return SyntaxNode::of_text(std::string_view(element));
    case simdjson::dom::element_type::BOOL:
      node.kind = SyntaxNode::Kind::kBool;
      node.boolean = bool(element);
      break;
    case simdjson::dom::element_type::NULL_VALUE:
      break;
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE:
      node.kind = SyntaxNode::Kind::kNumber;
      node.text = simdjson::minify(element);
      break;
  }
  return node;
}

void write_text(std::string& json, std::string_view text) {
  json += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      json += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      json += c;
    }
  }
  json += '"';
}

// One text in, one text out, through a scalar function of DuckDB.
Result<std::string> call_text_function(duckdb_connection connection, const char* query,
                                       std::string_view argument) {
  PreparedStatement statement;
  if (duckdb_prepare(connection, query, statement.out()) == DuckDBError)
    return Error(Code::kInternal, 9606, duckdb_prepare_error(statement.get()));
  duckdb_bind_varchar_length(statement.get(), 1, argument.data(), argument.size());
  QueryResult result;
  if (duckdb_execute_prepared(statement.get(), result.out()) == DuckDBError)
    return Error(Code::kInvalid, plain_message(result.error()));
  DataChunk chunk(duckdb_fetch_chunk(result.get()));
  if (chunk.get() == nullptr || duckdb_data_chunk_get_size(chunk.get()) != 1)
    return Error(Code::kInternal, 9607, "DuckDB gave no answer to its own function");
  duckdb_vector vector = duckdb_data_chunk_get_vector(chunk.get(), 0);
  auto* text = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  return std::string(duckdb_string_t_data(text), duckdb_string_t_length(*text));
}

Error parse_error(std::string_view sql, const SyntaxNode& answer, int number) {
  std::string_view kind = answer.text_of("error_type");
  std::string message(answer.text_of("error_message"));
  if (kind == "not implemented") {
    return Error(Code::kInvalid, number,
                 message.find("SELECT") != std::string::npos
                     ? "only one query is taken here: SELECT, WITH, VALUES or FROM"
                     : plain_message(message));
  }
  std::string_view position = answer.text_of("position");
  std::size_t offset = 0;
  auto [end, failure] = std::from_chars(position.data(), position.data() + position.size(), offset);
  if (failure != std::errc() || position.empty())
    return Error(Code::kInvalid, number, plain_message(message));
  return Error(Code::kInvalid, number,
               fmt::format("{}: {}", place_in(sql, offset), plain_message(message)));
}

}  // namespace

SyntaxNode SyntaxNode::of_text(std::string_view text) {
  SyntaxNode node;
  node.kind = Kind::kText;
  node.text = text;
  return node;
}

const SyntaxNode* SyntaxNode::find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

SyntaxNode* SyntaxNode::find(std::string_view name) {
  return const_cast<SyntaxNode*>(std::as_const(*this).find(name));
}

std::string_view SyntaxNode::text_of(std::string_view name) const {
  const SyntaxNode* member = find(name);
  return member != nullptr && member->kind == Kind::kText ? std::string_view(member->text)
                                                          : std::string_view();
}

bool SyntaxNode::is_empty(std::string_view name) const {
  const SyntaxNode* member = find(name);
  if (member == nullptr) return true;
  return member->text.empty() && member->items.empty() && member->members.empty() &&
         !member->boolean;
}

std::optional<std::size_t> SyntaxNode::location() const {
  const SyntaxNode* member = find("query_location");
  if (member == nullptr) return std::nullopt;
  std::uint64_t offset = 0;
  std::from_chars(member->text.data(), member->text.data() + member->text.size(), offset);
  if (offset == ~std::uint64_t{0}) return std::nullopt;
  return offset;
}

void SyntaxNode::write_to(std::string& json) const {
  switch (kind) {
    case Kind::kNull:
      json += "null";
      break;
    case Kind::kBool:
      json += boolean ? "true" : "false";
      break;
    case Kind::kNumber:
      json += text;
      break;
    case Kind::kText:
      write_text(json, text);
      break;
    case Kind::kList:
      json += '[';
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (i > 0) json += ',';
        items[i].write_to(json);
      }
      json += ']';
      break;
    case Kind::kObject:
      json += '{';
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (i > 0) json += ',';
        write_text(json, members[i].name);
        json += ':';
        members[i].value.write_to(json);
      }
      json += '}';
      break;
  }
}

std::string place_in(std::string_view sql, std::size_t offset) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i < offset && i < sql.size(); ++i) {
    if (sql[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(sql[i]) & 0xC0) != 0x80) {
      ++column;  // bytes inside a UTF-8 character do not count
    }
  }
  return fmt::format("line {}:{}", line, column);
}

Result<SyntaxNode> parse_query(duckdb_connection connection, std::string_view sql, int number) {
  if (!simdjson::validate_utf8(sql.data(), sql.size()))
    return Error(Code::kInvalid, number, "the SQL text is not UTF-8");
  if (sql.find('\0') != std::string_view::npos)
    return Error(Code::kInvalid, number, "the SQL text holds a NUL character: remove it");
  auto json = call_text_function(connection, "SELECT json_serialize_sql($1::VARCHAR)", sql);
  if (!json)
    return Error(json.error().code(), json.error().number() == 0 ? number : json.error().number(),
                 json.error().message());
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.allocate(json->size() + 1, kDepthMax) != simdjson::SUCCESS ||
      parser.parse(*json).get(root) != simdjson::SUCCESS)
    return Error(Code::kInvalid, number, "the SQL text is nested too deeply: simplify it");
  SyntaxNode answer = node_of(root);
  const SyntaxNode* failed = answer.find("error");
  if (failed != nullptr && failed->boolean) return parse_error(sql, answer, number);
  SyntaxNode* statements = answer.find("statements");
  if (statements == nullptr || statements->items.empty())
    return Error(Code::kInvalid, number, "the SQL text is empty: write a SELECT");
  if (statements->items.size() > 1) {
    return Error(Code::kInvalid, number,
                 fmt::format("{} statements in one text: send one", statements->items.size()));
  }
  SyntaxNode* node = statements->items[0].find("node");
  if (node == nullptr)
    return Error(Code::kInternal, 9608, "DuckDB's tree of a statement has no node");
  return std::move(*node);
}

Result<std::string> sql_of(duckdb_connection connection, const SyntaxNode& node) {
  std::string json = R"({"error":false,"statements":[{"node":)";
  node.write_to(json);
  json += R"(,"named_param_map":[]}]})";
  return call_text_function(connection, "SELECT json_deserialize_sql($1::JSON)", json);
}

}  // namespace freshet::sql

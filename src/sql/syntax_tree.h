// A statement as DuckDB parses it: the tree of json_serialize_sql, read, changed and written back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {

// A JSON value. A plain value; numbers keep their text, so that writing gives back what was read.
struct SyntaxNode {
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kText, kList, kObject };

  struct Member;

  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;  // of kText and kNumber
  std::vector<SyntaxNode> items;
  std::vector<Member> members;

  static SyntaxNode of_text(std::string_view text);
  bool is_null() const { return kind == Kind::kNull; }
  // A member of an object, or null where there is none.
  const SyntaxNode* find(std::string_view name) const;
  SyntaxNode* find(std::string_view name);
  // The text of a member, or "".
  std::string_view text_of(std::string_view name) const;
  // True where a member is missing, null, "" or an empty list.
  bool is_empty(std::string_view name) const;
  // Offset in the statement where the node stands, if DuckDB noted it.
  std::optional<std::size_t> location() const;

  void write_to(std::string& json) const;
};

struct SyntaxNode::Member {
  std::string name;
  SyntaxNode value;
};

// "line 2:14" of an offset in a text, counted from 1 in characters.
std::string place_in(std::string_view sql, std::size_t offset);

// Parses one statement with `connection`. kInvalid with `number` where it is not SQL, not one
// statement, or not a query; gives the statement's node (SELECT_NODE, SET_OPERATION_NODE, …).
Result<SyntaxNode> parse_query(duckdb_connection connection, std::string_view sql, int number);

// The SQL of a statement's node, as DuckDB writes it.
Result<std::string> sql_of(duckdb_connection connection, const SyntaxNode& node);

}  // namespace freshet::sql

// Cuts an expression into tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace freshet::dynamodb {

struct Token {
  enum class Kind {
    kName,             // camera_id, AND, begins_with: words are told apart by the parser
    kNamePlaceholder,  // #camera
    kValue,            // :camera
    kInteger,          // 3, in a list index
    kSymbol,           // ( ) [ ] , . = <> < <= > >=
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string_view text;
  std::size_t at = 0;  // in the expression
};

// The tokens of `expression`, the last one kEnd. They point into it.
Result<std::vector<Token>> tokenize(std::string_view expression);

// `Syntax error; token: "=", near: "a = ="`.
Error syntax_error(std::string_view expression, const Token& token);

}  // namespace freshet::dynamodb

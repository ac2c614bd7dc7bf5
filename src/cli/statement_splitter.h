// Where one SQL statement ends and the next begins.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace freshet::cli {

// Takes text bit by bit. A semicolon inside quotes, "names", $$ texts or comments ends nothing.
class StatementSplitter {
 public:
  void add(std::string_view text) { pending_ += text; }
  // The next whole statement, without its semicolon.
  std::optional<std::string> next();
  // What stands behind the last semicolon; "" where that is blank.
  std::string rest() const;

 private:
  std::string pending_;
};

}  // namespace freshet::cli

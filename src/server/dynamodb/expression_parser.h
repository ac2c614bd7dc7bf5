// Condition, key condition and projection expressions of a request, with the names and values that
// stand in for their placeholders.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "aws/document.h"
#include "server/dynamodb/expression.h"

namespace freshet::dynamodb {

inline constexpr std::size_t kExpressionBytesMax = 4096;
inline constexpr int kOperatorsMax = 300;
inline constexpr int kNestingMax = 150;
inline constexpr std::size_t kInMax = 100;
inline constexpr std::size_t kPlaceholderBytesMax = 255;
inline constexpr std::size_t kSubstitutedBytesMax = 2 << 20;

// ExpressionAttributeNames and ExpressionAttributeValues, and which of them an expression used.
class Placeholders {
 public:
  // Either may be null. Errors name what is wrong with them.
  static Result<Placeholders> parse(const aws::Document* names, const aws::Document* values);

  // `placeholder` with its '#' or ':'.
  Result<std::string> name(std::string_view placeholder);
  Result<Value> value(std::string_view placeholder);
  bool has_names() const { return !names_.empty(); }
  bool has_values() const { return !values_.empty(); }
  // An error where one was given that no expression needed.
  Status all_used() const;

 private:
  template <typename T>
  struct Entry {
    std::string placeholder;
    T stands_for;
    bool used = false;
  };
  std::vector<Entry<std::string>> names_;
  std::vector<Entry<Value>> values_;
};

// `parameter` ("FilterExpression") is named in errors.
Result<Condition> parse_condition(std::string_view parameter, std::string_view expression,
                                  Placeholders& placeholders);
Result<std::vector<Path>> parse_projection(std::string_view expression, Placeholders& placeholders);
// An error where two paths are equal, or one leads into the other.
Status check_overlaps(const std::vector<Path>& paths);

}  // namespace freshet::dynamodb

// Members of a request, with their types and limits checked.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/document.h"
#include "common/result.h"

namespace freshet::dynamodb {

// A view of one object of a request. A member of the wrong JSON type is kCorruption: the service
// answers SerializationException.
class Input {
 public:
  explicit Input(const aws::Document& body) : body_(body) {}

  const aws::Document* find(std::string_view name) const { return body_.find(name); }
  Result<std::optional<std::string>> text(std::string_view name) const;
  Result<bool> boolean(std::string_view name, bool otherwise) const;
  // Checked against `lowest`..`highest`.
  Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t lowest,
                                              std::int64_t highest) const;
  // One of `allowed`, else `otherwise` where it is not given.
  Result<std::string> word(std::string_view name, std::initializer_list<std::string_view> allowed,
                           std::string_view otherwise) const;
  // A table's name, or its ARN, whose name is given back.
  Result<std::string> table_name() const;
  // AttributesToGet, the predecessor of ProjectionExpression.
  Result<std::optional<std::vector<std::string>>> attributes_to_get() const;

 private:
  const aws::Document& body_;
};

Status check_table_name(std::string_view name);

// "1 validation error detected: Value 'x' at 'limit' failed to satisfy constraint: …"
Error constraint_error(std::string_view value, std::string_view member, std::string_view must);

}  // namespace freshet::dynamodb

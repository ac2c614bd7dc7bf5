#include "server/dynamodb/input.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace freshet::dynamodb {
namespace {

// Members begin with a capital on the wire, and with a small letter in messages.
std::string message_name(std::string_view name) {
  std::string to(name);
  if (!to.empty() && to[0] >= 'A' && to[0] <= 'Z') to[0] = static_cast<char>(to[0] - 'A' + 'a');
  return to;
}

Error wrong_type(std::string_view name, std::string_view wanted) {
  return Error(Code::kCorruption, fmt::format("{} must be {}", name, wanted));
}

bool is_table_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

}  // namespace

Error constraint_error(std::string_view value, std::string_view member, std::string_view must) {
  return Error(Code::kInvalid,
               fmt::format("1 validation error detected: Value {} at '{}' failed to satisfy "
                           "constraint: Member must {}",
                           value, message_name(member), must));
}

Status check_table_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 255)
    return Error(Code::kInvalid,
                 "TableName must be at least 3 characters long and at most 255 characters long");
  if (!is_table_name(name))
    return constraint_error(fmt::format("'{}'", name), "TableName",
                            "satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
  return ok();
}

Result<std::optional<std::string>> Input::text(std::string_view name) const {
  const aws::Document* member = find(name);
  if (!member) return std::optional<std::string>();
  const std::string* text = member->text();
  if (!text) return wrong_type(name, "a string");
  return std::optional<std::string>(*text);
}

Result<bool> Input::boolean(std::string_view name, bool otherwise) const {
  const aws::Document* member = find(name);
  if (!member) return otherwise;
  auto given = member->boolean();
  if (!given) return wrong_type(name, "true or false");
  return *given;
}

Result<std::optional<std::int64_t>> Input::integer(std::string_view name, std::int64_t lowest,
                                                   std::int64_t highest) const {
  const aws::Document* member = find(name);
  if (!member) return std::optional<std::int64_t>();
  auto given = member->integer();
  if (!given) return wrong_type(name, "an integer");
  if (*given < lowest)
    return constraint_error(fmt::format("'{}'", *given), name,
                            fmt::format("have value greater than or equal to {}", lowest));
  if (*given > highest)
    return constraint_error(fmt::format("'{}'", *given), name,
                            fmt::format("have value less than or equal to {}", highest));
  return given;
}

Result<std::string> Input::word(std::string_view name,
                                std::initializer_list<std::string_view> allowed,
                                std::string_view otherwise) const {
  FRESHET_TRY(auto given, text(name));
  if (!given) return std::string(otherwise);
  if (std::find(allowed.begin(), allowed.end(), *given) == allowed.end())
    return constraint_error(fmt::format("'{}'", *given), name,
                            fmt::format("satisfy enum value set: [{}]", fmt::join(allowed, ", ")));
  return *given;
}

Result<std::string> Input::table_name() const {
  FRESHET_TRY(auto name, text("TableName"));
  if (!name) return constraint_error("null", "TableName", "not be null");
  constexpr std::string_view kInArn = ":table/";
  if (name->starts_with("arn:") && name->find(kInArn) != std::string::npos)
    name->erase(0, name->find(kInArn) + kInArn.size());
  FRESHET_TRY_STATUS(check_table_name(*name));
  return *name;
}

Result<std::optional<std::vector<std::string>>> Input::attributes_to_get() const {
  constexpr std::string_view kName = "AttributesToGet";
  const aws::Document* member = find(kName);
  if (!member) return std::optional<std::vector<std::string>>();
  const auto* list = member->items();
  if (!list) return wrong_type(kName, "an array");
  if (list->empty())
    return constraint_error("'[]'", kName, "have length greater than or equal to 1");
  std::vector<std::string> names;
  for (const aws::Document& item : *list) {
    const std::string* name = item.text();
    if (!name) return wrong_type(kName, "an array of strings");
    if (std::find(names.begin(), names.end(), *name) != names.end())
      return Error(Code::kInvalid, fmt::format("One or more parameter values were invalid: "
                                               "Duplicate value in attribute name: {}",
                                               *name));
    names.push_back(*name);
  }
  return std::optional(std::move(names));
}

}  // namespace freshet::dynamodb

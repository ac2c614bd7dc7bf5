#include <fmt/format.h>

#include <algorithm>

#include "server/dynamodb/expression_parser.h"

namespace freshet::dynamodb {
namespace {

bool is_placeholder(std::string_view text, char first) {
  return text.size() >= 2 && text[0] == first &&
         std::all_of(text.begin() + 1, text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

Status check_key(std::string_view parameter, std::string_view key, char first) {
  if (!is_placeholder(key, first))
    return Error(Code::kInvalid,
                 fmt::format("{} contains invalid key: Syntax error; key: \"{}\"", parameter, key));
  if (key.size() > kPlaceholderBytesMax)
    return Error(Code::kInvalid,
                 fmt::format("{} contains invalid key: The placeholder is longer than {} bytes",
                             parameter, kPlaceholderBytesMax));
  return ok();
}

Result<const aws::Document::Map*> members_of(std::string_view parameter,
                                             const aws::Document& document) {
  const auto* members = document.members();
  if (!members) return Error(Code::kCorruption, fmt::format("{} must be an object", parameter));
  if (members->empty())
    return Error(Code::kInvalid, fmt::format("{} must not be empty", parameter));
  return members;
}

std::size_t bytes_of(const Value& value) {
  std::size_t bytes = value.bytes.size();
  for (const std::string& name : value.names) bytes += name.size();
  for (const Value& item : value.items) bytes += bytes_of(item) + 1;
  return bytes;
}

template <typename Entries>
std::string unused_of(const Entries& entries) {
  std::string unused;
  for (const auto& entry : entries) {
    if (!entry.used) unused += (unused.empty() ? "" : ", ") + entry.placeholder;
  }
  return unused;
}

}  // namespace

Result<Placeholders> Placeholders::parse(const aws::Document* names, const aws::Document* values) {
  Placeholders to;
  std::size_t bytes = 0;
  if (names) {
    constexpr std::string_view kParameter = "ExpressionAttributeNames";
    FRESHET_TRY(const auto* members, members_of(kParameter, *names));
    for (const aws::Document::Member& member : *members) {
      FRESHET_TRY_STATUS(check_key(kParameter, member.name, '#'));
      const std::string* name = member.value.text();
      if (!name) return Error(Code::kCorruption, fmt::format("{} must hold strings", kParameter));
      if (name->empty())
        return Error(Code::kInvalid, fmt::format("{} contains invalid value: Expression attribute "
                                                 "name must not be empty; key: \"{}\"",
                                                 kParameter, member.name));
      bytes += name->size();
      to.names_.push_back({member.name, *name});
    }
  }
  if (values) {
    constexpr std::string_view kParameter = "ExpressionAttributeValues";
    FRESHET_TRY(const auto* members, members_of(kParameter, *values));
    for (const aws::Document::Member& member : *members) {
      FRESHET_TRY_STATUS(check_key(kParameter, member.name, ':'));
      auto value = parse_value(member.value);
      if (!value && value.error().code() == Code::kInvalid)
        return Error(Code::kInvalid, fmt::format("{} contains invalid value: {} for key {}",
                                                 kParameter, value.error().message(), member.name));
      if (!value) return std::move(value).error();
      bytes += bytes_of(*value);
      to.values_.push_back({member.name, *std::move(value)});
    }
  }
  if (bytes > kSubstitutedBytesMax)
    return Error(Code::kInvalid,
                 fmt::format("The expression attribute names and values have {} bytes; at most {} "
                             "are allowed",
                             bytes, kSubstitutedBytesMax));
  return to;
}

Result<std::string> Placeholders::name(std::string_view placeholder) {
  for (auto& entry : names_) {
    if (entry.placeholder != placeholder) continue;
    entry.used = true;
    return entry.stands_for;
  }
  return Error(Code::kInvalid,
               fmt::format("An expression attribute name used in the document path is not "
                           "defined; attribute name: {}",
                           placeholder));
}

Result<Value> Placeholders::value(std::string_view placeholder) {
  for (auto& entry : values_) {
    if (entry.placeholder != placeholder) continue;
    entry.used = true;
    return entry.stands_for;
  }
  return Error(Code::kInvalid,
               fmt::format("An expression attribute value used in expression is not defined; "
                           "attribute value: {}",
                           placeholder));
}

Status Placeholders::all_used() const {
  std::string names = unused_of(names_);
  if (!names.empty())
    return Error(Code::kInvalid, fmt::format("Value provided in ExpressionAttributeNames unused in "
                                             "expressions: keys: {{{}}}",
                                             names));
  std::string values = unused_of(values_);
  if (!values.empty())
    return Error(Code::kInvalid, fmt::format("Value provided in ExpressionAttributeValues unused "
                                             "in expressions: keys: {{{}}}",
                                             values));
  return ok();
}

}  // namespace freshet::dynamodb

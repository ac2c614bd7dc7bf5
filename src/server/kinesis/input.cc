#include "server/kinesis/input.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/kinesis/errors.h"
#include "server/kinesis/hash_key.h"

namespace freshet::kinesis {
namespace {

constexpr std::size_t kErrorsMax = 10;  // as the real service stops
constexpr std::size_t kShownValueBytesMax = 512;
constexpr std::size_t kTagsInCallMax = 200;
constexpr std::size_t kTagKeysInCallMax = 50;

std::string_view pattern_text(Pattern pattern) {
  switch (pattern) {
    case Pattern::kAny:
      return ".*";
    case Pattern::kName:
      return "[a-zA-Z0-9_.-]+";
    case Pattern::kStreamArn:
      return "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+";
    case Pattern::kResourceArn:
      return "arn:aws.*:kinesis:.*:\\d{12}:.*stream/\\S+";
    case Pattern::kHashKey:
      return "0|([1-9]\\d{0,38})";
    case Pattern::kSequenceNumber:
      return "0|([1-9]\\d{0,128})";
  }
  return "";
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.' || c == '-';
  });
}
bool is_sequence_number(std::string_view text) {
  if (text == "0") return true;
  return !text.empty() && text.size() <= 129 && text[0] != '0' &&
         std::ranges::all_of(text, is_digit);
}
// arn:aws…:kinesis:REGION:ACCOUNT:stream/NAME; a resource may have more between the last colon and
// "stream/". REGION may hold colons by the pattern, yet never does.
bool is_arn(std::string_view text, bool only_streams) {
  if (!text.starts_with("arn:aws")) return false;
  std::size_t service = text.find(":kinesis:");
  if (service == std::string_view::npos) return false;
  std::string_view rest = text.substr(service + 9);
  std::size_t region_end = rest.find(':');
  if (region_end == std::string_view::npos) return false;
  rest.remove_prefix(region_end + 1);
  if (rest.size() < 13 || rest[12] != ':') return false;
  if (!std::ranges::all_of(rest.substr(0, 12), is_digit)) return false;
  rest.remove_prefix(13);
  std::size_t kind = only_streams ? (rest.starts_with("stream/") ? 0 : std::string_view::npos)
                                  : rest.find("stream/");
  if (kind == std::string_view::npos) return false;
  std::string_view name = rest.substr(kind + 7);
  return !name.empty() && name.find_first_of(" \t\r\n\f\v") == std::string_view::npos;
}

std::string lower_first(std::string_view name) {
  std::string text(name);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

// Cut at a character's border, so that an answer never carries half of one.
std::string_view shown(std::string_view value) {
  if (value.size() <= kShownValueBytesMax) return value;
  std::size_t end = kShownValueBytesMax;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
  return value.substr(0, end);
}

}  // namespace

std::size_t character_count(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool matches(Pattern pattern, std::string_view text) {
  switch (pattern) {
    case Pattern::kAny:
      return true;
    case Pattern::kName:
      return is_name(text);
    case Pattern::kStreamArn:
      return is_arn(text, true);
    case Pattern::kResourceArn:
      return is_arn(text, false);
    case Pattern::kHashKey:
      return is_hash_key_text(text);
    case Pattern::kSequenceNumber:
      return is_sequence_number(text);
  }
  return false;
}

void ShapeErrors::add(std::string_view path, std::optional<std::string_view> value,
                      std::string_view constraint) {
  if (errors_.size() == kErrorsMax) return;
  std::string text = value ? fmt::format("'{}'", shown(*value)) : "null";
  errors_.push_back(
      fmt::format("Value {} at '{}' failed to satisfy constraint: {}", text, path, constraint));
}

void ShapeErrors::check_text(std::string_view path, std::string_view text, const TextRule& rule) {
  if (!matches(rule.pattern, text)) {
    add(path, text,
        fmt::format("Member must satisfy regular expression pattern: {}",
                    pattern_text(rule.pattern)));
  }
  std::size_t length = character_count(text);
  if (length < rule.length_min) {
    add(path, text,
        fmt::format("Member must have length greater than or equal to {}", rule.length_min));
  }
  if (length > rule.length_max) {
    add(path, text,
        fmt::format("Member must have length less than or equal to {}", rule.length_max));
  }
  if (!rule.values.empty() && std::ranges::find(rule.values, text) == rule.values.end()) {
    add(path, text,
        fmt::format("Member must satisfy enum value set: [{}]", fmt::join(rule.values, ", ")));
  }
}

void ShapeErrors::take(const ShapeErrors& inner) {
  for (const std::string& error : inner.errors_) {
    if (errors_.size() < kErrorsMax) errors_.push_back(error);
  }
}

Status ShapeErrors::status() const {
  if (errors_.empty()) return ok();
  return broken_shape(fmt::format("{} validation error{} detected: {}", errors_.size(),
                                  errors_.size() > 1 ? "s" : "", fmt::join(errors_, "; ")));
}

Input::Input(const aws::Document& document, std::string path)
    : document_(&document), path_(std::move(path)) {
  if (document.members() == nullptr) {
    unreadable_ = unreadable_body(
        fmt::format("the request's {} must be an object", path_.empty() ? "body" : path_));
  }
}

std::string Input::path_of(std::string_view name) const {
  return path_.empty() ? lower_first(name) : path_ + "." + lower_first(name);
}

const aws::Document* Input::member(std::string_view name, Presence presence) {
  const aws::Document* found = document_->find(name);
  if (found == nullptr && presence == kRequired) {
    shape_.add(path_of(name), std::nullopt, "Member must not be null");
  }
  return found;
}

void Input::wrong_kind(std::string_view name, std::string_view wanted) {
  if (!unreadable_)
    unreadable_ = unreadable_body(fmt::format("{} must be {}", path_of(name), wanted));
}

std::optional<std::string> Input::text(std::string_view name, const TextRule& rule,
                                       Presence presence) {
  const aws::Document* found = member(name, presence);
  if (found == nullptr) return std::nullopt;
  const std::string* text = found->text();
  if (text == nullptr) {
    wrong_kind(name, "a string");
    return std::nullopt;
  }
  shape_.check_text(path_of(name), *text, rule);
  return *text;
}

std::optional<std::int64_t> Input::integer(std::string_view name, const IntegerRule& rule,
                                           Presence presence) {
  const aws::Document* found = member(name, presence);
  if (found == nullptr) return std::nullopt;
  std::optional<std::int64_t> value = found->integer();
  if (!value) {
    wrong_kind(name, "an integer");
    return std::nullopt;
  }
  if (*value < rule.min) {
    shape_.add(path_of(name), std::to_string(*value),
               fmt::format("Member must have value greater than or equal to {}", rule.min));
  }
  if (*value > rule.max) {
    shape_.add(path_of(name), std::to_string(*value),
               fmt::format("Member must have value less than or equal to {}", rule.max));
  }
  return value;
}

std::optional<std::int64_t> Input::timestamp_us(std::string_view name, Presence presence) {
  const aws::Document* found = member(name, presence);
  if (found == nullptr) return std::nullopt;
  std::optional<std::int64_t> ms = found->timestamp_ms();
  std::int64_t us = 0;
  if (!ms || __builtin_mul_overflow(*ms, std::int64_t{1000}, &us)) {
    wrong_kind(name, "a time");
    return std::nullopt;
  }
  return us;
}

std::map<std::string, std::string> Input::tags(std::string_view name, Presence presence) {
  std::map<std::string, std::string> tags;
  const aws::Document* found = member(name, presence);
  if (found == nullptr) return tags;
  if (found->members() == nullptr) {
    wrong_kind(name, "a map of strings");
    return tags;
  }
  const aws::Document::Map& members = *found->members();
  std::string path = path_of(name);
  if (members.empty()) {
    shape_.add(path, "{}", "Member must have length greater than or equal to 1");
  }
  if (members.size() > kTagsInCallMax) {
    shape_.add(path, "{…}",
               fmt::format("Member must have length less than or equal to {}", kTagsInCallMax));
    return tags;
  }
  for (const aws::Document::Member& tag : members) {
    const std::string* value = tag.value.text();
    if (value == nullptr) {
      wrong_kind(name, "a map of strings");
      return tags;
    }
    shape_.check_text(path, tag.name, kTagKeyRule);
    shape_.check_text(fmt::format("{}.{}.member", path, tag.name), *value, kTagValueRule);
    tags[tag.name] = *value;
  }
  return tags;
}

std::vector<std::string> Input::tag_keys(std::string_view name) {
  std::vector<std::string> keys;
  const aws::Document* found = member(name, kRequired);
  if (found == nullptr) return keys;
  if (found->items() == nullptr) {
    wrong_kind(name, "a list of strings");
    return keys;
  }
  std::string path = path_of(name);
  if (found->items()->empty()) {
    shape_.add(path, "[]", "Member must have length greater than or equal to 1");
  }
  if (found->items()->size() > kTagKeysInCallMax) {
    shape_.add(path, "[…]",
               fmt::format("Member must have length less than or equal to {}", kTagKeysInCallMax));
    return keys;
  }
  for (const aws::Document& item : *found->items()) {
    if (item.text() == nullptr) {
      wrong_kind(name, "a list of strings");
      return keys;
    }
    shape_.check_text(fmt::format("{}.{}.member", path, keys.size() + 1), *item.text(),
                      kTagKeyRule);
    keys.push_back(*item.text());
  }
  return keys;
}

std::optional<Input> Input::structure(std::string_view name, Presence presence) {
  const aws::Document* found = member(name, presence);
  if (found == nullptr) return std::nullopt;
  return Input(*found, path_of(name));
}

void Input::take(const Input& inner) {
  if (!unreadable_ && inner.unreadable_) unreadable_ = inner.unreadable_;
  shape_.take(inner.shape_);
}

Status Input::status() const {
  if (unreadable_) return *unreadable_;
  return shape_.status();
}

}  // namespace freshet::kinesis

#include "pipeline/canonical_json.h"

#include <algorithm>
#include <cmath>

namespace freshet::pipeline {

void CanonicalObject::clear() {
  text_.clear();
  members_.clear();
  problem_.clear();
}

bool CanonicalObject::add_member(std::string_view key, JsonReader& reader, int depth) {
  std::size_t begin = text_.size();
  append_quoted(key, text_);
  std::size_t key_end = text_.size();
  text_.push_back(':');
  if (!append_value(reader, depth)) return false;
  members_.push_back({begin, key_end, text_.size()});
  return true;
}

bool CanonicalObject::add_members_of_object(JsonReader& reader, int depth) {
  if (depth >= kJsonDepthMax) return reader.fail("values are nested too deep");
  reader.take('{');
  if (reader.take('}')) return true;
  while (true) {
    std::size_t begin = text_.size();
    if (!append_key(reader)) return false;
    std::size_t key_end = text_.size();
    text_.push_back(':');
    if (!append_value(reader, depth + 1)) return false;
    members_.push_back({begin, key_end, text_.size()});
    if (reader.take('}')) return true;
    if (!reader.take(',')) return reader.fail("expected a comma or }");
  }
}

bool CanonicalObject::finish(std::string& to) {
  sort_from(0);
  bool unique = check_unique_from(0);
  to.assign("{");
  for (const Member& member : members_) {
    if (to.size() > 1) to.push_back(',');
    to.append(text_, member.begin, member.end - member.begin);
  }
  to.push_back('}');
  return unique && problem_.empty();
}

bool CanonicalObject::append_key(JsonReader& reader) {
  if (!append_string(reader)) return false;
  return reader.take(':') || reader.fail("expected a colon");
}

bool CanonicalObject::append_string(JsonReader& reader) {
  JsonString text;
  if (!reader.read_string(text)) return false;
  if (!text.escaped) {
    text_.append("\"").append(text.raw).append("\"");
    return true;
  }
  scratch_.clear();
  append_unescaped(text, scratch_);
  append_quoted(scratch_, text_);
  return true;
}

bool CanonicalObject::append_number(JsonReader& reader) {
  JsonNumber number;
  if (!reader.read_number(number)) return false;
  if (std::isinf(number.to_double()) && problem_.empty()) {
    problem_ = "the number " + std::string(number.raw.substr(0, 32)) + " is too large";
  }
  append_canonical_number(number, text_);
  return true;
}

bool CanonicalObject::append_value(JsonReader& reader, int depth) {
  switch (reader.peek()) {
    case '"':
      return append_string(reader);
    case '{':
      return append_object(reader, depth);
    case '[':
      return append_array(reader, depth);
    case 't':
      text_.append("true");
      return reader.read_literal("true");
    case 'f':
      text_.append("false");
      return reader.read_literal("false");
    case 'n':
      text_.append("null");
      return reader.read_literal("null");
    default:
      return append_number(reader);
  }
}

bool CanonicalObject::append_array(JsonReader& reader, int depth) {
  if (depth >= kJsonDepthMax) return reader.fail("values are nested too deep");
  reader.take('[');
  text_.push_back('[');
  if (!reader.take(']')) {
    while (true) {
      if (!append_value(reader, depth + 1)) return false;
      if (reader.take(']')) break;
      if (!reader.take(',')) return reader.fail("expected a comma or ]");
      text_.push_back(',');
    }
  }
  text_.push_back(']');
  return true;
}

// The members are written as they come, then put in order, where they are not already, in one copy.
bool CanonicalObject::append_object(JsonReader& reader, int depth) {
  text_.push_back('{');
  std::size_t first_member = members_.size();
  std::size_t first_byte = text_.size();
  if (!add_members_of_object(reader, depth)) return false;
  sort_from(first_member);
  check_unique_from(first_member);
  std::string sorted;
  for (std::size_t i = first_member; i < members_.size(); ++i) {
    if (i > first_member) sorted.push_back(',');
    sorted.append(text_, members_[i].begin, members_[i].end - members_[i].begin);
  }
  members_.resize(first_member);
  text_.resize(first_byte);
  text_.append(sorted).push_back('}');
  return true;
}

void CanonicalObject::sort_from(std::size_t first_member) {
  auto by_key = [this](const Member& a, const Member& b) { return key_of(a) < key_of(b); };
  auto first = members_.begin() + static_cast<std::ptrdiff_t>(first_member);
  if (!std::is_sorted(first, members_.end(), by_key)) std::sort(first, members_.end(), by_key);
}

bool CanonicalObject::check_unique_from(std::size_t first_member) {
  for (std::size_t i = first_member + 1; i < members_.size(); ++i) {
    if (key_of(members_[i - 1]) != key_of(members_[i])) continue;
    if (problem_.empty()) {
      problem_ = "the name " + std::string(key_of(members_[i]).substr(0, 80)) + " stands twice";
    }
    return false;
  }
  return true;
}

}  // namespace freshet::pipeline

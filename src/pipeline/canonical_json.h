// JSON values in their one spelling: no white space, members sorted by key, numbers and texts as
// json_reader.h spells them. So equal attributes are equal bytes. A core.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/json_reader.h"

namespace freshet::pipeline {

// One object under construction. Reused from event to event, so that it allocates nothing in steady
// use. One thread.
class CanonicalObject {
 public:
  void clear();
  bool empty() const { return members_.empty(); }
  // Reads the value that comes next and adds it as member `key`. False where the JSON is wrong
  // (reader.error() is set) or a rule is broken (problem() is set and reading may go on).
  bool add_member(std::string_view key, JsonReader& reader, int depth);
  // Reads an object and adds its members.
  bool add_members_of_object(JsonReader& reader, int depth);
  // Sorts. False where a key stands twice: problem() names it.
  bool finish(std::string& to);
  const std::string& problem() const { return problem_; }

 private:
  struct Member {
    std::size_t begin;    // of the quoted key in text_
    std::size_t key_end;  // one past its closing quote
    std::size_t end;
  };
  bool append_value(JsonReader& reader, int depth);
  bool append_object(JsonReader& reader, int depth);
  bool append_array(JsonReader& reader, int depth);
  bool append_key(JsonReader& reader);
  bool append_string(JsonReader& reader);
  bool append_number(JsonReader& reader);
  std::string_view key_of(const Member& member) const {
    return std::string_view(text_).substr(member.begin, member.key_end - member.begin);
  }
  void sort_from(std::size_t first_member);
  bool check_unique_from(std::size_t first_member);

  std::string text_;             // members as written, one after another
  std::vector<Member> members_;  // the outer object's, and behind them those of open inner ones
  std::string problem_;
  std::string scratch_;
};

}  // namespace freshet::pipeline

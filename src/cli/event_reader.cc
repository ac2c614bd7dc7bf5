#include "cli/event_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/json.h"

namespace freshet::cli {
namespace {

bool is_blank(int c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

Error at_line(std::uint64_t line, std::string_view what) {
  return {Code::kInvalid, fmt::format("line {}: {}", line, what)};
}

Error too_long(std::uint64_t line) {
  return at_line(line, "this event is longer than 16 MiB");
}

class NdjsonReader : public EventReader {
 public:
  explicit NdjsonReader(std::istream& from) : EventReader(from) {}

  Result<std::optional<std::string>> next() override {
    for (;;) {
      std::uint64_t begin = line_;
      std::string text;
      int c;
      while ((c = take()) != EOF && c != '\n') {
        text += static_cast<char>(c);
        if (text.size() > kEventTextBytesMax) return too_long(begin);
      }
      bool has_event = std::any_of(text.begin(), text.end(), [](char at) { return !is_blank(at); });
      if (has_event) return std::optional(std::move(text));
      if (c == EOF) return std::optional<std::string>();
    }
  }
};

// Finds where each element ends by counting brackets outside texts.
class JsonArrayReader : public EventReader {
 public:
  explicit JsonArrayReader(std::istream& from) : EventReader(from) {}

  Result<std::optional<std::string>> next() override {
    if (!is_open_) {
      if (is_done_) return std::optional<std::string>();
      int c = take_behind_blanks();
      if (c == EOF) return std::optional<std::string>();
      if (c != '[') return at_line(line_, "a JSON file of events begins with [");
      is_open_ = true;
      is_first_ = true;
    }
    int c = take_behind_blanks();
    if (!is_first_ && c == ',') c = take_behind_blanks();
    if (c == ']') return close();
    if (c == EOF) return at_line(line_, "the array is cut: its ] is missing");
    is_first_ = false;
    return element(c);
  }

 private:
  int take_behind_blanks() {
    int c;
    do c = take();
    while (is_blank(c));
    return c;
  }

  Result<std::optional<std::string>> close() {
    is_open_ = false;
    is_done_ = true;
    if (take_behind_blanks() != EOF) return at_line(line_, "something stands behind the array");
    return std::optional<std::string>();
  }

  Result<std::optional<std::string>> element(int c) {
    std::uint64_t begin = line_;
    std::string text;
    int depth = 0;
    bool in_text = false;
    for (;; c = take()) {
      if (c == EOF) return at_line(begin, "the event that begins here is cut");
      if (in_text) {
        if (c == '\\') {
          text += '\\';
          c = take();
          if (c == EOF) continue;
        } else if (c == '"') {
          in_text = false;
        }
      } else if (c == '"') {
        in_text = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        --depth;
      }
      text += c == '\n' || c == '\r' ? ' ' : static_cast<char>(c);
      if (text.size() > kEventTextBytesMax) return too_long(begin);
      int behind = peek();
      bool ends = depth <= 0 && !in_text && (behind == ',' || behind == ']' || is_blank(behind));
      if (ends) return std::optional(std::move(text));
    }
  }

  bool is_open_ = false, is_first_ = true, is_done_ = false;
};

// RFC 4180, with LF alone too.
class CsvReader : public EventReader {
 public:
  explicit CsvReader(std::istream& from) : EventReader(from) {}

  Result<std::optional<std::string>> next() override {
    if (names_.empty()) {
      FRESHET_TRY(bool found, read_row(names_));
      if (!found) return std::optional<std::string>();
      if (names_[0].starts_with("\xef\xbb\xbf")) names_[0].erase(0, 3);
    }
    std::vector<std::string> fields;
    std::uint64_t begin;
    do {
      begin = line_;
      FRESHET_TRY(bool found, read_row(fields));
      if (!found) return std::optional<std::string>();
    } while (fields.size() == 1 && fields[0].empty() && names_.size() > 1);
    if (fields.size() != names_.size()) {
      return at_line(
          begin, fmt::format("{} fields where the header has {}", fields.size(), names_.size()));
    }
    return std::optional(csv_row_to_json(names_, fields));
  }

 private:
  // False at the end.
  Result<bool> read_row(std::vector<std::string>& fields) {
    fields.clear();
    if (peek() == EOF) return false;
    std::uint64_t begin = line_;
    std::size_t bytes = 0;
    for (;;) {
      FRESHET_TRY(int ended_by, read_field(fields, begin));
      bytes += fields.back().size();
      if (bytes > kEventTextBytesMax) return too_long(begin);
      if (ended_by != ',') return true;
    }
  }

  // Gives ',' or '\n' or EOF.
  Result<int> read_field(std::vector<std::string>& fields, std::uint64_t begin) {
    std::string& field = fields.emplace_back();
    bool is_quoted = peek() == '"';
    if (is_quoted) take();
    for (;;) {
      int c = take();
      if (is_quoted) {
        if (c == EOF) return at_line(begin, "a quote is not closed");
        if (c != '"') {
          field += static_cast<char>(c);
        } else if (peek() == '"') {
          field += static_cast<char>(take());
        } else {
          is_quoted = false;
        }
      } else if (c == ',' || c == '\n' || c == EOF) {
        if (!field.empty() && field.back() == '\r') field.pop_back();
        return c;
      } else {
        field += static_cast<char>(c);
      }
      if (field.size() > kEventTextBytesMax) return too_long(begin);
    }
  }

  std::vector<std::string> names_;
};

bool is_json_number(std::string_view text) {
  std::size_t at = 0;
  auto digits = [&] {
    std::size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - begin;
  };
  if (at < text.size() && text[at] == '-') ++at;
  std::size_t first = at;
  std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

template <std::size_t kCount>
bool is_one_of(std::string_view name, const std::array<std::string_view, kCount>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 12> kTextColumns = {
    "detection_id", "id",   "camera_id", "cam",   "location_id", "loc",
    "item_name",    "item", "track_id",  "track", "media_ref",   "media"};
constexpr std::array<std::string_view, 3> kJsonColumns = {"bbox", "attributes", "attr"};

}  // namespace

std::unique_ptr<EventReader> EventReader::make(EventFormat format, std::istream& from) {
  if (format == EventFormat::kCsv) return std::make_unique<CsvReader>(from);
  if (format == EventFormat::kJsonArray) return std::make_unique<JsonArrayReader>(from);
  return std::make_unique<NdjsonReader>(from);
}

int EventReader::take() {
  int c = from_.get();
  if (c == EOF) return c;
  ++offset_;
  if (c == '\n') ++line_;
  return c;
}

Status EventReader::skip_to(std::uint64_t offset) {
  while (offset_ < offset) {
    FRESHET_TRY(auto event, next());
    if (!event) return Error(Code::kInvalid, "the file is shorter than it was");
  }
  if (offset_ == offset) return ok();
  return Error(Code::kInvalid, "the file has other contents than before");
}

std::string csv_row_to_json(const std::vector<std::string>& names,
                            const std::vector<std::string>& fields) {
  std::string json = "{";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& field = fields[i];
    if (field.empty()) continue;
    if (json.size() > 1) json += ',';
    json += json_string(names[i]) + ":";
    bool is_literal = field == "true" || field == "false" || is_json_number(field);
    bool is_json = is_one_of(names[i], kJsonColumns) && (field[0] == '{' || field[0] == '[') &&
                   field.find('\n') == std::string::npos;
    json +=
        (is_literal && !is_one_of(names[i], kTextColumns)) || is_json ? field : json_string(field);
  }
  return json + "}";
}

}  // namespace freshet::cli

#include "sql/csv_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/function_catalog.h"

namespace freshet::sql {
namespace {

// Goes over a file record by record.
class CsvScanner {
 public:
  CsvScanner(std::string_view path, std::string_view text, char delimiter)
      : path_(path), text_(text), delimiter_(delimiter) {}

  bool at_end() const { return at_ == text_.size(); }
  std::size_t line() const { return record_line_; }

  // The fields of the next record; `fields` keeps their text only where `keep`.
  Result<std::size_t> next(std::vector<std::string>* keep) {
    record_line_ = line_;
    if (text_[at_] == '\n' || text_[at_] == '\r')
      return fail(record_line_, "the line is empty: remove it");
    std::size_t count = 0;
    for (;;) {
      std::string field;
      FRESHET_TRY_STATUS(read_field(field));
      if (keep != nullptr) keep->push_back(std::move(field));
      ++count;
      if (at_end())
        return fail(line_, "the last line does not end with a line break: the file may be cut");
      char c = text_[at_++];
      if (c == delimiter_) continue;
      if (c == '\r' && !at_end() && text_[at_] == '\n') ++at_;
      ++line_;
      return count;
    }
  }

  Error fail(std::size_t line, std::string_view what) const {
    return Error(Code::kInvalid, 1323, fmt::format("{}:{}: {}", path_, line, what));
  }

 private:
  Status read_field(std::string& field) {
    if (at_end() || text_[at_] != '"') return read_plain(field);
    std::size_t opened = line_;
    for (++at_; !at_end(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
        continue;
      }
      ++at_;
      if (at_end() || text_[at_] != '"') return check_end_of_quoted();
      field += '"';
    }
    return fail(opened, "a quoted field has no closing quote: the file may be cut");
  }

  Status check_end_of_quoted() const {
    if (at_end() || text_[at_] == delimiter_ || text_[at_] == '\n' || text_[at_] == '\r')
      return ok();
    return fail(line_, "text stands behind a closing quote: double the quotes inside a field");
  }

  Status read_plain(std::string& field) {
    std::size_t first = at_;
    while (!at_end() && text_[at_] != delimiter_ && text_[at_] != '\n' && text_[at_] != '\r') {
      if (text_[at_] == '"')
        return fail(line_, "a quote stands inside a field without quotes: quote the whole field");
      ++at_;
    }
    field = text_.substr(first, at_ - first);
    return ok();
  }

  std::string_view path_;
  std::string_view text_;
  char delimiter_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 1;
};

// The one that stands most often in the header line.
char find_delimiter(std::string_view text) {
  std::string_view header = text.substr(0, text.find_first_of("\r\n"));
  char best = ',';
  std::ptrdiff_t best_count = 0;
  for (char candidate : {',', ';', '\t', '|'}) {
    std::ptrdiff_t count = std::count(header.begin(), header.end(), candidate);
    if (count > best_count) {
      best = candidate;
      best_count = count;
    }
  }
  return best;
}

Status check_names(std::string_view path, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) {
      return Error(Code::kInvalid, 1324,
                   fmt::format("{}:1: column {} has no name: give each column one", path, i + 1));
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (lower_case(names[i]) == lower_case(names[j])) {
        return Error(Code::kInvalid, 1324,
                     fmt::format("{}:1: columns {} and {} are both called \"{}\": rename one", path,
                                 j + 1, i + 1, names[i]));
      }
    }
  }
  return ok();
}

}  // namespace

Result<CsvShape> check_csv(std::string_view path, std::string_view text) {
  CsvShape shape;
  shape.delimiter = find_delimiter(text);
  CsvScanner scanner(path, text, shape.delimiter);
  FRESHET_TRY(std::size_t columns, scanner.next(&shape.names));
  FRESHET_TRY_STATUS(check_names(path, shape.names));
  while (!scanner.at_end()) {
    FRESHET_TRY(std::size_t fields, scanner.next(nullptr));
    if (fields != columns) {
      return scanner.fail(
          scanner.line(),
          fmt::format("{} fields where the header has {}: the file may be cut, or a "
                      "field with a delimiter lacks its quotes",
                      fields, columns));
    }
    ++shape.row_count;
  }
  return shape;
}

}  // namespace freshet::sql

// Events of a file, one by one: NDJSON lines, elements of a JSON array, rows of a CSV.
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace freshet::cli {

enum class EventFormat { kNdjson, kJsonArray, kCsv };

inline constexpr std::size_t kEventTextBytesMax = 16u << 20;

// Reads forward only; holds one event at a time. An event is given as one line of JSON, but is not
// judged: that is the server's business. Errors name the line.
class EventReader {
 public:
  static std::unique_ptr<EventReader> make(EventFormat format, std::istream& from);
  virtual ~EventReader() = default;
  // Nothing at the end. "" is never given: blank lines are passed over.
  virtual Result<std::optional<std::string>> next() = 0;
  // Bytes taken so far: the event given last ends there, and the next can begin there.
  std::uint64_t offset() const { return offset_; }
  // Goes on where an earlier reader of the same bytes stood. Reads what stands before (a CSV's
  // header must be seen).
  Status skip_to(std::uint64_t offset);

 protected:
  explicit EventReader(std::istream& from) : from_(from) {}
  int take();  // the next byte, or EOF
  int peek() { return from_.peek(); }

  std::istream& from_;
  std::uint64_t offset_ = 0;
  std::uint64_t line_ = 1;
};

// A CSV row as one line of JSON: empty fields are left out; numbers stay numbers except in the
// columns that hold names and ids; bbox and attributes hold JSON.
std::string csv_row_to_json(const std::vector<std::string>& names,
                            const std::vector<std::string>& fields);

}  // namespace freshet::cli

#include "server/console/event_body.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <memory>

namespace freshet::console {
namespace {

constexpr std::size_t kKeyCharactersMax = 256;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

Error too_many() {
  return Error(Code::kInvalid, 5103,
               fmt::format("more than {} events in one request: send them in several", kEventsMax));
}

Result<std::vector<std::string_view>> split_lines(std::string_view body) {
  std::vector<std::string_view> events;
  while (!body.empty()) {
    std::size_t end = std::min(body.find('\n'), body.size());
    std::string_view line = trimmed(body.substr(0, end));
    if (!line.empty()) events.push_back(line);
    if (events.size() > kEventsMax) return too_many();
    body.remove_prefix(std::min(end + 1, body.size()));
  }
  return events;
}

// Position behind the text that begins at `at` with a quote.
std::size_t skip_text(std::string_view json, std::size_t at) {
  for (++at; json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
  }
  return at + 1;
}

// Cuts at the commas between the brackets. The array has been parsed, so it is well-formed.
Result<std::vector<std::string_view>> split_array(std::string_view array) {
  std::vector<std::string_view> events;
  std::size_t depth = 0;
  std::size_t first = 1;
  for (std::size_t at = 0; at < array.size();) {
    char c = array[at];
    if (c == '"') {
      at = skip_text(array, at);
      continue;
    }
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    bool ends = (depth == 1 && c == ',') || depth == 0;
    if (ends) {
      std::string_view event = trimmed(array.substr(first, at - first));
      if (!event.empty()) events.push_back(event);
      first = at + 1;
      if (events.size() > kEventsMax) return too_many();
    }
    ++at;
  }
  return events;
}

}  // namespace

Result<std::vector<std::string_view>> split_events(std::string_view body,
                                                   std::string_view content_type) {
  std::string_view text = trimmed(body);
  if (text.empty()) return Error(Code::kInvalid, 5103, "the body holds no event");
  bool lines = content_type.find("ndjson") != std::string_view::npos ||
               content_type.find("jsonl") != std::string_view::npos;
  if (lines || (text.front() != '[' && text.front() != '{')) return split_lines(text);
  simdjson::dom::parser parser;
  simdjson::error_code failure = parser.parse(text.data(), text.size()).error();
  if (text.front() == '{') {
    // Not one object: then several, a line each, whatever the type says.
    if (failure != simdjson::SUCCESS) return split_lines(text);
    return std::vector<std::string_view>{text};
  }
  if (failure != simdjson::SUCCESS) {
    return Error(Code::kInvalid, 5103,
                 fmt::format("the array of events is not JSON: {} Nothing of it was taken.",
                             simdjson::error_message(failure)));
  }
  return split_array(text);
}

struct PartitionKeyReader::State {
  simdjson::dom::parser parser;
};

PartitionKeyReader::PartitionKeyReader() : state_(std::make_unique<State>()) {}
PartitionKeyReader::~PartitionKeyReader() = default;

std::string PartitionKeyReader::read(std::string_view event) {
  simdjson::dom::object object;
  if (state_->parser.parse(event.data(), event.size()).get_object().get(object) !=
      simdjson::SUCCESS)
    return "-";
  for (const char* name : {"camera_id", "cam"}) {
    std::string_view key;
    if (object[name].get_string().get(key) != simdjson::SUCCESS) continue;
    // At most 256 bytes are at most 256 characters.
    if (!key.empty() && key.size() <= kKeyCharactersMax) return std::string(key);
  }
  return "-";
}

}  // namespace freshet::console

#include "sql/json_check.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sql/function_catalog.h"

namespace freshet::sql {
namespace {

Error fail(std::string_view path, std::string_view place, std::string_view what) {
  return Error(Code::kInvalid, 1325, fmt::format("{}:{}: {}", path, place, what));
}

Status check_object(std::string_view path, const std::string& place,
                    const simdjson::dom::element& element) {
  simdjson::dom::object object;
  if (element.get_object().get(object) != simdjson::SUCCESS)
    return fail(path, place, "not an object: write {\"name\": value, …}");
  std::vector<std::string> names;
  for (auto field : object) names.push_back(lower_case(field.key));
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    return fail(path, place, fmt::format("the name \"{}\" stands twice in the object", *twice));
  return ok();
}

}  // namespace

Result<std::size_t> check_json_array(std::string_view path, std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (auto error = parser.parse(text.data(), text.size()).get(root); error != simdjson::SUCCESS) {
    return Error(
        Code::kInvalid, 1325,
        fmt::format("{}: not JSON: {} The file may be cut.", path, simdjson::error_message(error)));
  }
  simdjson::dom::array array;
  if (root.get_array().get(array) != simdjson::SUCCESS) {
    return Error(Code::kInvalid, 1325,
                 fmt::format("{}: not an array of objects: write [{{…}}, …], or one object a line "
                             "in a file that ends in .ndjson",
                             path));
  }
  std::size_t count = 0;
  for (auto element : array) {
    ++count;
    FRESHET_TRY_STATUS(check_object(path, fmt::format("object {}", count), element));
  }
  return count;
}

Result<std::size_t> check_ndjson(std::string_view path, std::string_view text) {
  simdjson::dom::parser parser;
  std::size_t line = 0;
  while (!text.empty()) {
    ++line;
    std::string place = std::to_string(line);
    std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      return fail(path, place, "the last line does not end with a line break: the file may be cut");
    }
    simdjson::dom::element element;
    auto error = parser.parse(text.data(), end).get(element);
    if (error == simdjson::EMPTY) return fail(path, place, "the line is empty: remove it");
    if (error != simdjson::SUCCESS)
      return fail(path, place, fmt::format("not JSON: {}", simdjson::error_message(error)));
    FRESHET_TRY_STATUS(check_object(path, place, element));
    text.remove_prefix(end + 1);
  }
  return line;
}

}  // namespace freshet::sql

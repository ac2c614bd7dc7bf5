#include "server/console/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "server/console/iceberg_error.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Error(Code::kInvalid, 5106,
                     "a % in the address is not followed by two hexadecimal digits");
      }
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

}  // namespace

Result<Target> parse_target(std::string_view path, std::string_view query) {
  Target target;
  while (!path.empty()) {
    std::size_t end = std::min(path.find('/', 1), path.size());
    FRESHET_TRY(std::string segment, percent_decoded(path.substr(1, end - 1), false));
    target.segments.push_back(std::move(segment));
    path.remove_prefix(end);
  }
  while (!query.empty()) {
    std::size_t end = std::min(query.find('&'), query.size());
    std::string_view pair = query.substr(0, end);
    std::size_t equals = std::min(pair.find('='), pair.size());
    FRESHET_TRY(std::string name, percent_decoded(pair.substr(0, equals), true));
    FRESHET_TRY(std::string value,
                percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true));
    if (!target.parameters.emplace(name, std::move(value)).second)
      return Error(Code::kInvalid, 5106, fmt::format("the parameter {} stands twice", name));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return target;
}

void Call::answer(http::Response response) {
  respond_(std::move(response));
}

void Call::answer_json(std::string body, std::vector<http::Header> headers) {
  http::Response response;
  response.headers = std::move(headers);
  response.headers.push_back({"content-type", "application/json"});
  response.body = std::move(body);
  answer(std::move(response));
}

void Call::fail(const Error& error) {
  answer(refusal_of(request, error, request_id_));
}

std::string_view Call::parameter(std::string_view name) const {
  auto found = target.parameters.find(name);
  return found == target.parameters.end() ? std::string_view() : found->second;
}

Result<std::uint64_t> Call::number(std::string_view name, std::uint64_t otherwise,
                                   std::uint64_t least, std::uint64_t most) const {
  std::string_view text = parameter(name);
  if (text.empty()) return otherwise;
  std::uint64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return Error(Code::kInvalid, 5106,
                 fmt::format("{} takes a number from {} to {}", name, least, most));
  }
  return value;
}

Status Call::check_parameters(std::initializer_list<std::string_view> known) const {
  for (const auto& [name, value] : target.parameters) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return Error(Code::kInvalid, 5106, fmt::format("there is no parameter {} here", name));
  }
  return ok();
}

int http_status_of(const Error& error) {
  switch (error.code()) {
    case Code::kInvalid:
      return error.number() == 5108 ? 415 : error.number() == 5105 ? 406 : 400;
    case Code::kNotFound:
      return 404;
    case Code::kExists:
      return 409;
    case Code::kDenied:
      return error.number() == 4021 ? 401 : 403;
    case Code::kExpired:
      return 410;
    case Code::kThrottled:
      return 429;
    case Code::kUnavailable:
    case Code::kNoSpace:
      return 503;
    case Code::kTimeout:
      return 504;
    case Code::kUnsupported:
      return error.number() == 5102 ? 405 : 501;
    case Code::kCorruption:
    case Code::kIo:
    case Code::kInternal:
      return 500;
  }
  return 500;
}

void add_refusal_headers(http::Response& response) {
  if (response.status == 401) response.headers.push_back({"www-authenticate", "Bearer"});
  if (response.status == 429 || response.status == 503)
    response.headers.push_back({"retry-after", "1"});
}

http::Response error_response(const Error& error, std::string_view request_id) {
  http::Response response;
  response.status = http_status_of(error);
  std::string code = fmt::format("FRS-{:04d}", error.number() == 0 ? 9000 : error.number());
  response.body = fmt::format(
      R"({{"error":{{"code":"{}","message":{},"hint":"freshet help {}","request_id":"{}"}}}})"
      "\n",
      code, json_text(error.message()), code, request_id);
  response.headers.push_back({"content-type", "application/json"});
  add_refusal_headers(response);
  return response;
}

http::Response refusal_of(const http::Request& request, const Error& error,
                          std::string_view request_id) {
  if (is_iceberg_path(request.path())) return iceberg_error_response(error, http_status_of(error));
  return error_response(error, request_id);
}

}  // namespace freshet::console

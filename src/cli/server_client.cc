#include "cli/server_client.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <fstream>

#include "app/address.h"
#include "cli/json.h"
#include "common/units.h"

namespace freshet::cli {
namespace {

constexpr std::string_view kDefaultServer = "http://127.0.0.1:8080";
constexpr std::int64_t kTimeoutUs = 60'000'000;

Result<std::string> server_of(const Invocation& invocation) {
  if (auto server = invocation.value("server")) return *server;
  if (auto directory = invocation.value("data")) {
    return address_in_data_directory(*directory, "http");
  }
  const char* variable = std::getenv("FRESHET_SERVER");
  if (variable != nullptr && *variable != '\0') return std::string(variable);
  return std::string(kDefaultServer);
}

// The first line of the file: KEYID.SECRET.
Result<std::string> token_of(const Invocation& invocation) {
  std::string path = invocation.value_or("token-file", "");
  const char* variable = std::getenv("FRESHET_TOKEN_FILE");
  if (path.empty() && variable != nullptr) path = variable;
  if (path.empty()) return std::string();
  std::ifstream file(path);
  std::string token;
  if (!std::getline(file, token) || token.find('.') == std::string::npos) {
    return Error(
        Code::kDenied,
        fmt::format("{} does not hold a key; write KEYID.SECRET into its first line", path));
  }
  if (token.back() == '\r') token.pop_back();
  return token;
}

Code code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return Code::kDenied;
    case 404:
      return Code::kNotFound;
    case 408:
    case 504:
      return Code::kTimeout;
    case 409:
      return Code::kExists;
    case 429:
      return Code::kThrottled;
    case 502:
    case 503:
      return Code::kUnavailable;
    default:
      return status >= 500 ? Code::kInternal : Code::kInvalid;
  }
}

// {"error":{"code":"FRS-5101","message":"…","hint":"…"}}
Error error_of(const http::Response& response) {
  Code code = code_of_status(response.status);
  auto parsed = parse_json(response.body);
  if (!parsed || !(*parsed)["error"].is_object()) {
    return {code, fmt::format("the server answered {} without an explanation", response.status)};
  }
  const JsonValue& error = (*parsed)["error"];
  std::string message = error["message"].to_text();
  if (std::string hint = error["hint"].to_text(); !hint.empty()) message += "\n  " + hint;
  std::string_view number_text = error["code"].text;
  if (number_text.starts_with("FRS-")) number_text.remove_prefix(4);
  int number = 0;
  std::from_chars(number_text.data(), number_text.data() + number_text.size(), number);
  return {code, number, std::move(message)};
}

std::string header_of(const http::Response& response, std::string_view name) {
  for (const http::Header& header : response.headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

}  // namespace

std::string url_encode(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.' || c == '~';
    if (is_plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<std::string> address_in_data_directory(const std::string& directory, std::string_view door) {
  std::string path = directory + "/addresses.json";
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) {
    return Error(Code::kUnavailable,
                 fmt::format("{} is not there: no server runs on this data directory", path));
  }
  FRESHET_TRY(JsonValue addresses, parse_json(text));
  std::string address = addresses[door].to_text();
  if (address.empty()) {
    return Error(Code::kUnavailable,
                 fmt::format("{}: the server's {} door is closed (listen.{})", path, door, door));
  }
  return address;
}

Result<std::int64_t> timeout_of(const Invocation& invocation) {
  auto text = invocation.value("timeout");
  if (!text) return kTimeoutUs;
  auto parsed = parse_duration_us(*text);
  if (!parsed) return usage_error(fmt::format("--timeout: {}", parsed.error().message()));
  if (*parsed == 0) return usage_error("--timeout must be above 0");
  return *parsed;
}

Result<std::uint64_t> count_of(const Invocation& invocation, std::string_view flag,
                               std::uint64_t otherwise) {
  auto text = invocation.value(flag);
  if (!text) return otherwise;
  std::uint64_t count = 0;
  auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (failed != std::errc() || end != text->data() + text->size() || count == 0) {
    return usage_error(fmt::format("--{} takes a number above 0, not \"{}\"", flag, *text));
  }
  return count;
}

Result<ServerClient> ServerClient::open(const Invocation& invocation) {
  FRESHET_TRY(std::string server, server_of(invocation));
  FRESHET_TRY(std::int64_t timeout_us, timeout_of(invocation));
  invocation.output().detail(fmt::format("server {}", server));
  FRESHET_TRY(std::string token, token_of(invocation));
  return open_address(server, timeout_us, std::move(token));
}

Result<ServerClient> ServerClient::open_address(const std::string& address, std::int64_t timeout_us,
                                                std::string token) {
  std::string_view rest = address;
  if (rest.starts_with("https://")) {
    return Error(Code::kUnsupported,
                 fmt::format("{}: TLS is not offered by this version; use http://", address));
  }
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  auto parsed = app::parse_address(rest);
  if (!parsed) {
    return usage_error(
        fmt::format("\"{}\" is not a server's address; write http://127.0.0.1:8080", address));
  }
  http::ClientConfig config;
  config.request_timeout_us = timeout_us;
  FRESHET_TRY(auto client, http::Client::open(parsed->host, parsed->port, config));
  return ServerClient("http://" + std::string(rest), std::move(client), std::move(token));
}

Result<ServerAnswer> ServerClient::get(const std::string& target, std::string_view accept) {
  http::Request request;
  request.method = "GET";
  request.target = target;
  request.headers = {{"accept", std::string(accept)}};
  return exchange(std::move(request));
}

Result<ServerAnswer> ServerClient::send(const std::string& method, const std::string& target,
                                        std::string body, std::string_view content_type,
                                        std::string_view accept) {
  http::Request request;
  request.method = method;
  request.target = target;
  request.headers = {{"accept", std::string(accept)}, {"content-type", std::string(content_type)}};
  request.body = std::move(body);
  return exchange(std::move(request));
}

Result<ServerAnswer> ServerClient::exchange(http::Request request) {
  if (!token_.empty()) request.headers.push_back({"authorization", "Bearer " + token_});
  auto response = client_->request(request);
  if (!response) {
    Error error = std::move(response).error();
    if (error.code() != Code::kUnavailable && error.code() != Code::kIo) {
      return std::move(error).with_context(address_);
    }
    return Error(Code::kUnavailable,
                 fmt::format("{} cannot be reached ({}); is the server running? Name another with "
                             "--server or FRESHET_SERVER",
                             address_, error.message()));
  }
  if (response->status >= 300) return error_of(*response);
  return ServerAnswer{std::move(response->body), header_of(*response, "freshet-cut"),
                      header_of(*response, "content-type"),
                      header_of(*response, "freshet-partial")};
}

}  // namespace freshet::cli

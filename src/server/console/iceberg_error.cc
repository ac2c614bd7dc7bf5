#include "server/console/iceberg_error.h"

#include <fmt/format.h>

#include "server/console/call.h"
#include "server/console/json_text.h"

namespace freshet::console {
namespace {

constexpr int kNoSuchTable = 3830, kNoSuchNamespace = 5114;

std::string_view type_of(const Error& error, int status) {
  if (error.number() == kNoSuchTable) return "NoSuchTableException";
  if (error.number() == kNoSuchNamespace) return "NoSuchNamespaceException";
  switch (status) {
    case 401:
      return "NotAuthorizedException";
    case 403:
      return "ForbiddenException";
    case 404:
      return "NotFoundException";
    case 406:
      return "UnsupportedOperationException";
    case 429:
      return "TooManyRequestsException";
    case 503:
      return "ServiceUnavailableException";
    default:
      return status >= 500 ? "InternalServerError" : "BadRequestException";
  }
}

}  // namespace

bool is_iceberg_path(std::string_view path) {
  return path == "/iceberg" || path.starts_with("/iceberg/");
}

http::Response iceberg_error_response(const Error& error, int status) {
  http::Response response;
  // The specification's status for what a catalog does not offer.
  response.status = error.code() == Code::kUnsupported ? 406 : status;
  response.headers.push_back({"content-type", "application/json"});
  response.body =
      fmt::format(R"({{"error":{{"message":{},"type":"{}","code":{}}}}})"
                  "\n",
                  json_text(error.to_string()), type_of(error, response.status), response.status);
  add_refusal_headers(response);
  return response;
}

Error iceberg_has_no(std::string_view method, std::string_view path) {
  if (method == "GET" || method == "HEAD") {
    return Error(
        Code::kNotFound, 5101,
        fmt::format("there is nothing at {}: the catalog begins at /iceberg/v1/config, and "
                    "has namespaces and tables, no views",
                    path));
  }
  return Error(
      Code::kUnsupported, 5115,
      "this catalog is read-only: Freshet alone commits to its tables. Send events to their "
      "stream instead, and keep tables of your own in another catalog");
}

}  // namespace freshet::console

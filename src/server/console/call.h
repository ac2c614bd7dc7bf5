// One request on its way through the HTTP API: its path and parameters, and its answer.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "http/message.h"
#include "server/console/caller.h"

namespace freshet::console {

// A path and query, decoded. kInvalid FRS-5106 where the percent-encoding is broken.
struct Target {
  std::vector<std::string> segments;  // "/v1/streams/a%2Fb/events" -> v1, streams, a/b, events
  std::map<std::string, std::string, std::less<>> parameters;
};
Result<Target> parse_target(std::string_view path, std::string_view query);

// Moves with the work that answers it; answered exactly once.
class Call {
 public:
  Call(http::Request from, Target decoded, Caller verified, std::string request_id,
       http::Respond respond)
      : request(std::move(from)),
        target(std::move(decoded)),
        caller(std::move(verified)),
        request_id_(std::move(request_id)),
        respond_(std::move(respond)) {}

  void answer(http::Response response);
  void answer_json(std::string body, std::vector<http::Header> headers = {});
  void fail(const Error& error);

  // A parameter of the query, or "".
  std::string_view parameter(std::string_view name) const;
  // A number of the query within [least, most], or `otherwise`. kInvalid FRS-5106.
  Result<std::uint64_t> number(std::string_view name, std::uint64_t otherwise, std::uint64_t least,
                               std::uint64_t most) const;
  // kInvalid FRS-5106 where a parameter is not one of `known`.
  Status check_parameters(std::initializer_list<std::string_view> known) const;

  http::Request request;
  Target target;
  Caller caller;

 private:
  std::string request_id_;
  http::Respond respond_;
};
using CallPointer = std::shared_ptr<Call>;  // shared: std::function copies what it captures

// {"error":{"code":"FRS-5101","message":"…","hint":"…","request_id":"…"}} and the status of its
// kind.
http::Response error_response(const Error& error, std::string_view request_id);
int http_status_of(const Error& error);
// What the status asks for beside it: WWW-Authenticate, Retry-After.
void add_refusal_headers(http::Response& response);
// In the words of whoever asks: an Iceberg client reads its own form of errors.
http::Response refusal_of(const http::Request& request, const Error& error,
                          std::string_view request_id);

}  // namespace freshet::console

#include "server/dynamodb/door.h"

#include <fmt/format.h>

#include "common/metrics.h"
#include "server/dynamodb/errors.h"
#include "server/dynamodb/operation.h"

namespace freshet::dynamodb {
namespace {

metrics::Counter& requests_counter() {
  static metrics::Counter& counter =
      metrics::counter("freshet_dynamodb_requests_total", "Requests at the DynamoDB door");
  return counter;
}

// What a worker needs once the net thread has gone on.
struct Pending {
  gate::Principal principal;
  aws::Document body;
  const Operation* operation;
  http::Respond respond;
};

void respond_with(const Answer& answer_or_error, const http::Respond& respond) {
  respond(answer_or_error ? answer(*answer_or_error)
                          : answer(answer_or_error.error(), aws::Encoding::kJson));
}

}  // namespace

gate::Door DynamoDbDoor::door() {
  return {
      "DynamoDB_20120810.", "dynamodb",
      [this](const gate::Principal& principal, gate::AwsRequest&& request, http::Respond respond) {
        handle(principal, std::move(request), std::move(respond));
      }};
}

void DynamoDbDoor::handle(const gate::Principal& principal, gate::AwsRequest&& request,
                          http::Respond respond) {
  requests_counter().add();
  if (request.encoding != aws::Encoding::kJson)
    return respond(answer(Error(Code::kCorruption,
                                "DynamoDB speaks JSON: send "
                                "Content-Type: application/x-amz-json-1.0"),
                          request.encoding));
  auto body = aws::parse_json(request.body);
  if (!body || !body->members())
    return respond(answer(Error(Code::kCorruption, body ? "The request's body must be a JSON object"
                                                        : "The request's body cannot be read: " +
                                                              body.error().message()),
                          aws::Encoding::kJson));
  Call call{principal, *body, tables_, config_};
  if (is_write(request.operation))
    return respond_with(refuse_write(call, request.operation), respond);
  const Operation* operation = find_operation(request.operation);
  if (!operation)
    return respond(answer(
        Error(Code::kUnsupported, fmt::format("{} is not offered here; pipeline tables can be read "
                                              "with GetItem, BatchGetItem, Query and Scan",
                                              request.operation)),
        aws::Encoding::kJson));
  if (!operation->is_heavy(*body)) return respond_with(operation->run(call), respond);
  // Shared because std::function wants to be copied; only one thread at a time uses it.
  auto pending = std::make_shared<Pending>(
      Pending{principal, *std::move(body), operation, std::move(respond)});
  bool accepted = workers_.post([this, pending] {
    respond_with(pending->operation->run({pending->principal, pending->body, tables_, config_}),
                 pending->respond);
  });
  if (!accepted)
    pending->respond(answer(
        Error(Code::kThrottled, "Too many reads are waiting; repeat the request a little later"),
        aws::Encoding::kJson));
}

}  // namespace freshet::dynamodb

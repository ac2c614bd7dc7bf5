#include "server/kinesis/answer.h"

#include <fmt/format.h>

#include "aws/error.h"
#include "common/logging.h"
#include "server/kinesis/errors.h"

namespace freshet::kinesis {

Answer::Answer(const gate::AwsRequest& request, std::int64_t retry_after_ms, http::Respond respond)
    : encoding_(request.encoding),
      operation_(request.operation),
      request_id_(request.request_id),
      retry_after_ms_(retry_after_ms),
      respond_(std::move(respond)) {}

void Answer::succeed(const aws::Document& document) const {
  succeed_with(document.is_null() ? std::string() : aws::write(document, encoding_));
}

void Answer::succeed_with(std::string body, bool come_again) const {
  http::Response response;
  response.body = std::move(body);
  if (come_again) add_retry_after(response);
  respond_(std::move(response));
}

void Answer::fail(const Error& error) const {
  ErrorWords words = words_of(error);
  aws::ServiceError failure;
  failure.name = words.name;
  failure.http_status = words.http_status;
  failure.message = error.message();
  if (words.ours) {
    log_error(
        "kinesis request failed",
        {{"operation", operation_}, {"request_id", request_id_}, {"error", error.to_string()}});
    failure.message = fmt::format(
        "The server could not do this; its log has the reason under request {}.", request_id_);
  }
  http::Response response;
  response.status = words.http_status;
  response.body = aws::error_body(failure, encoding_);
  // AWS's wording has no place for our stable number, and clients compare messages.
  if (error.number() != 0) {
    response.headers.push_back({"x-freshet-error", fmt::format("FRS-{:04d}", error.number())});
  }
  if (words.come_again) add_retry_after(response);
  respond_(std::move(response));
}

void Answer::add_retry_after(http::Response& response) const {
  response.headers.push_back({"x-amz-retry-after", std::to_string(retry_after_ms_)});
}

}  // namespace freshet::kinesis

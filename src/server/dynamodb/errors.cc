#include "server/dynamodb/errors.h"

#include <zlib.h>

#include "common/logging.h"

namespace freshet::dynamodb {
namespace {

constexpr char kRetryAfterMs[] = "100";

std::string_view prefix_of(const std::string& name) {
  if (name == "ValidationException") return "com.amazon.coral.validate#";
  // Refused before the service itself is asked.
  if (name == "AccessDeniedException" || name == "UnknownOperationException" ||
      name == "SerializationException")
    return "com.amazon.coral.service#";
  return "com.amazonaws.dynamodb.v20120810#";
}

http::Response response(int status, std::string body) {
  http::Response to;
  to.status = status;
  auto crc =
      ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  to.headers.push_back({"x-amz-crc32", std::to_string(crc)});
  to.body = std::move(body);
  return to;
}

}  // namespace

aws::ServiceError service_error(const Error& error) {
  switch (error.code()) {
    case Code::kInvalid:
    case Code::kExpired:
      return {"ValidationException", error.message()};
    case Code::kNotFound:
      return {"ResourceNotFoundException", error.message()};
    case Code::kExists:
      return {"ResourceInUseException", error.message()};
    case Code::kDenied:
      return {"AccessDeniedException", error.message()};
    case Code::kThrottled:
      return {"ProvisionedThroughputExceededException", error.message()};
    case Code::kCorruption:
      return {"SerializationException", error.message()};
    case Code::kUnsupported:
      return {"UnknownOperationException", error.message()};
    default:
      return {"InternalServerError", "Internal server error", 500};
  }
}

http::Response answer(std::string body) {
  return response(200, std::move(body));
}

http::Response answer(const Error& error, aws::Encoding encoding) {
  aws::ServiceError words = service_error(error);
  if (words.http_status >= 500)
    log_error("a DynamoDB request failed", {{"error", error.to_string()}});
  http::Response to =
      response(words.http_status, aws::error_body(words, encoding, prefix_of(words.name)));
  if (error.code() == Code::kThrottled || words.http_status >= 500)
    to.headers.push_back({"x-amz-retry-after", kRetryAfterMs});
  return to;
}

}  // namespace freshet::dynamodb

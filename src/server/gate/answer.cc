#include "server/gate/answer.h"

#include <string>

namespace freshet::gate {

http::Response answer(const aws::Document& document, aws::Encoding encoding) {
  http::Response response;
  response.body = aws::write(document, encoding);
  return response;
}

http::Response answer(const aws::ServiceError& error, aws::Encoding encoding,
                      std::string_view type_prefix) {
  http::Response response;
  response.status = error.http_status;
  response.body = aws::error_body(error, encoding, type_prefix);
  return response;
}

void add_retry_after(http::Response& response, std::int64_t ms) {
  response.headers.push_back({"x-amz-retry-after", std::to_string(ms)});
}

}  // namespace freshet::gate

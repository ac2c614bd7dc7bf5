// Answers that every door gives.
#pragma once

#include <cstdint>
#include <string_view>

#include "aws/document.h"
#include "aws/error.h"
#include "http/message.h"

namespace freshet::gate {

// 200 with `document` in that encoding. The gate adds Content-Type and x-amzn-RequestId.
http::Response answer(const aws::Document& document, aws::Encoding encoding);
// The error in that encoding. `type_prefix` as in aws::error_body.
http::Response answer(const aws::ServiceError& error, aws::Encoding encoding,
                      std::string_view type_prefix = "");
// Tells SDKs when to come again: x-amz-retry-after, in milliseconds. On each throttle.
void add_retry_after(http::Response& response, std::int64_t ms);

}  // namespace freshet::gate

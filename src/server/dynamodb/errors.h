// Errors in DynamoDB's words.
#pragma once

#include <string>

#include "aws/document.h"
#include "aws/error.h"
#include "common/result.h"
#include "http/message.h"

namespace freshet::dynamodb {

// kInvalid is a ValidationException, kCorruption (a body that cannot be read as the operation's
// shape) a SerializationException, kThrottled a ProvisionedThroughputExceededException, …
aws::ServiceError service_error(const Error& error);

// A whole answer, with x-amz-crc32, and with x-amz-retry-after where coming again helps.
http::Response answer(std::string body);
http::Response answer(const Error& error, aws::Encoding encoding);

}  // namespace freshet::dynamodb

// An error in AWS's words, and its body.
#pragma once

#include <string>
#include <string_view>

#include "aws/document.h"

namespace freshet::aws {

struct ServiceError {
  std::string name;  // "ResourceNotFoundException"
  std::string message;
  int http_status = 400;
  // More members of the body, such as DynamoDB's CancellationReasons. A map or null.
  Document more = {};
};

// {"__type": prefix + name, "message": message, …}. DynamoDB's prefix is
// "com.amazonaws.dynamodb.v20120810#"; Kinesis has none.
std::string error_body(const ServiceError& error, Encoding encoding,
                       std::string_view type_prefix = "");

}  // namespace freshet::aws

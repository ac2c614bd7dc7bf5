// What the gate hands to the door of a service, and what it takes back.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "aws/document.h"
#include "http/message.h"
#include "server/gate/principal.h"

namespace freshet::gate {

using aws::Encoding;  // kJson, kCbor

// A request whose signature and body hash are verified.
struct AwsRequest {
  std::string operation;  // "PutRecords", from X-Amz-Target
  Encoding encoding = Encoding::kJson;
  std::string content_type;  // to answer with
  std::string body;          // with 64 spare bytes of capacity behind it, for simdjson
  std::string region;
  std::string request_id;
};

// One service behind the AWS port. The answer's body must be in the request's encoding; the gate
// adds x-amzn-RequestId and Content-Type.
struct Door {
  std::string target_prefix;  // "Kinesis_20131202."
  std::string scope;          // "kinesis": the signature's service
  std::function<void(const Principal&, AwsRequest&&, http::Respond)> handle;
};

}  // namespace freshet::gate

// A signed client of the AWS door: what demo and bench publish and read through.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aws/sigv4.h"
#include "common/result.h"
#include "http/client.h"

namespace freshet::cli {

// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as the SDKs read them; else a pair that a server
// without keys takes.
aws::Credential credential_of_environment();
// AWS_REGION, else us-east-1.
std::string region_of_environment();

// One connection, one thread.
class AwsClient {
 public:
  struct Service {
    std::string_view name;     // "kinesis"
    std::string_view target;   // "Kinesis_20131202."
    std::string_view content;  // "application/x-amz-json-1.1"
  };
  static constexpr Service kKinesis{"kinesis", "Kinesis_20131202.", "application/x-amz-json-1.1"};
  static constexpr Service kDynamoDb{"dynamodb", "DynamoDB_20120810.",
                                     "application/x-amz-json-1.0"};

  static Result<std::unique_ptr<AwsClient>> open(const std::string& address, Service service,
                                                 const aws::Credential& credential,
                                                 const std::string& region);
  // Signs and sends; gives the answer whatever its status.
  Result<http::Response> call(std::string_view operation, std::string body);
  // The body sent last, to be written anew without another allocation.
  std::string take_body() { return std::move(request_.body); }

 private:
  AwsClient(std::unique_ptr<http::Client> client, Service service, aws::Signer signer);
  std::unique_ptr<http::Client> client_;
  Service service_;
  aws::Signer signer_;
  http::Request request_;
};

// The client's error of an answer that is not 200.
Error aws_error_of(const http::Response& response);

}  // namespace freshet::cli

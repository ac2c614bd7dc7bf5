#include "cli/aws_client.h"

#include <fmt/format.h>

#include <cstdlib>

#include "app/address.h"
#include "cli/json.h"
#include "io/clock.h"

namespace freshet::cli {
namespace {

std::string variable_or(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

}  // namespace

aws::Credential credential_of_environment() {
  aws::Credential credential;
  credential.id = variable_or("AWS_ACCESS_KEY_ID", "freshet");
  credential.secret = variable_or("AWS_SECRET_ACCESS_KEY", "freshet");
  return credential;
}

std::string region_of_environment() {
  return variable_or("AWS_REGION", "us-east-1");
}

AwsClient::AwsClient(std::unique_ptr<http::Client> client, Service service, aws::Signer signer)
    : client_(std::move(client)), service_(service), signer_(std::move(signer)) {
  request_.method = "POST";
  request_.target = "/";
}

Result<std::unique_ptr<AwsClient>> AwsClient::open(const std::string& address, Service service,
                                                   const aws::Credential& credential,
                                                   const std::string& region) {
  auto parsed = app::parse_address(address);
  if (!parsed) {
    return Error(Code::kInvalid,
                 fmt::format("\"{}\" is not an address like 127.0.0.1:4566", address));
  }
  FRESHET_TRY(auto client, http::Client::open(parsed->host, parsed->port));
  aws::Signer signer(credential, region, std::string(service.name));
  return std::unique_ptr<AwsClient>(new AwsClient(std::move(client), service, std::move(signer)));
}

Result<http::Response> AwsClient::call(std::string_view operation, std::string body) {
  request_.body = std::move(body);
  request_.headers = {{"host", client_->host_header()},
                      {"content-type", std::string(service_.content)},
                      {"x-amz-target", fmt::format("{}{}", service_.target, operation)}};
  std::vector<aws::HeaderView> views;
  for (const http::Header& header : request_.headers) views.push_back({header.name, header.value});
  aws::RequestView view;
  view.method = request_.method;
  view.path = request_.target;
  view.headers = views;
  view.body = request_.body;
  auto signed_headers = signer_.sign(view, io::system_clock().wall_us());
  request_.headers.push_back({"x-amz-date", std::move(signed_headers.amz_date)});
  request_.headers.push_back({"authorization", std::move(signed_headers.authorization)});
  return client_->request(request_);
}

Error aws_error_of(const http::Response& response) {
  std::string name = "no explanation", message;
  if (auto parsed = parse_json(response.body)) {
    name = (*parsed)["__type"].to_text();
    message = (*parsed)["message"].to_text();
    if (message.empty()) message = (*parsed)["Message"].to_text();
  }
  Code code = response.status >= 500 ? Code::kUnavailable : Code::kInvalid;
  if (name.find("AccessDenied") != std::string::npos ||
      name.find("Signature") != std::string::npos ||
      name.find("UnrecognizedClient") != std::string::npos) {
    code = Code::kDenied;
  }
  if (name.find("Throughput") != std::string::npos) code = Code::kThrottled;
  return {code, fmt::format("the AWS door answered {}: {} {}", response.status, name, message)};
}

}  // namespace freshet::cli

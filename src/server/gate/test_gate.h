// A gate with two doors that only note who came, for the tests of this folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aws/sigv4.h"
#include "common/time_text.h"
#include "io/clock.h"
#include "io/random.h"
#include "server/gate/gate.h"

namespace freshet::gate {

// Those of AWS's documentation.
inline const std::string kTestKeyId = "AKIDEXAMPLE";
inline const std::string kTestSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

class TestGate {
 public:
  struct Entered {
    std::string principal;
    bool may_put = false;
    AwsRequest request;
  };

  explicit TestGate(GateConfig config = GateConfig())
      : clock(*parse_basic_time_us("20261122T100000Z")), random(1), gate(config, clock, random) {
    for (const auto& [prefix, scope] :
         {std::pair("Kinesis_20131202.", "kinesis"), std::pair("DynamoDB_20120810.", "dynamodb")}) {
      gate.add_door({prefix, scope,
                     [this](const Principal& who, AwsRequest&& request, http::Respond respond) {
                       entered.push_back({who.name(),
                                          who.allows("kinesis:PutRecords", "stream/detections"),
                                          std::move(request)});
                       respond(http::Response{200, {}, "{}"});
                     }});
    }
  }
  void use_test_key() { gate.replace_keys({{kTestKeyId, kTestSecret, {{"*", "*"}}}}); }

  http::Response send(http::Request request) {
    http::Response came;
    gate.handler()(std::move(request), [&came](http::Response response) { came = response; });
    return came;
  }

  io::ManualClock clock;
  io::SeededRandom random;
  Gate gate;
  std::vector<Entered> entered;
};

inline std::string& header_of(http::Request& request, std::string_view name) {
  for (http::Header& header : request.headers) {
    if (header.name == name) return header.value;
  }
  return request.headers.emplace_back(http::Header{std::string(name), ""}).value;
}

inline void erase_header(http::Request& request, std::string_view name) {
  std::erase_if(request.headers, [&](const http::Header& header) { return header.name == name; });
}

// Signs with our own signer, in place of any signature that stands.
inline void sign(http::Request& request, std::int64_t now_us, const std::string& service,
                 const std::string& secret = kTestSecret) {
  erase_header(request, "authorization");
  erase_header(request, "x-amz-date");
  std::vector<aws::HeaderView> headers;
  for (const http::Header& header : request.headers) headers.push_back({header.name, header.value});
  aws::Signer signer({kTestKeyId, secret, std::nullopt}, "us-east-1", service);
  auto made = signer.sign({request.method, request.path(), request.query(), headers, request.body,
                           request.version == http::Version::kHttp2},
                          now_us);
  header_of(request, "x-amz-date") = made.amz_date;
  header_of(request, "authorization") = made.authorization;
}

inline http::Request put_records() {
  http::Request request;
  request.method = "POST";
  request.target = "/";
  request.peer = "203.0.113.7:40000";
  request.headers = {{"host", "127.0.0.1:4566"},
                     {"user-agent", "freshet"},
                     {"content-type", "application/x-amz-json-1.1"},
                     {"x-amz-target", "Kinesis_20131202.PutRecords"}};
  request.body = R"({"StreamName":"detections","Records":[]})";
  return request;
}

// The error's name in an answer's body, JSON or CBOR; "" where there is none.
inline std::string error_name(const http::Response& response) {
  for (aws::Encoding encoding : {aws::Encoding::kJson, aws::Encoding::kCbor}) {
    auto body = aws::parse(response.body, encoding);
    if (!body) continue;
    const aws::Document* type = body->find("__type");
    if (type != nullptr && type->text() != nullptr) return *type->text();
  }
  return "";
}

inline std::string header_value(const http::Response& response, std::string_view name) {
  for (const http::Header& header : response.headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

}  // namespace freshet::gate

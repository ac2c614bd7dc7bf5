// Principals for this folder's tests, made as they are in production: by the gate, from a signed
// request.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aws/sigv4.h"
#include "io/clock.h"
#include "io/random.h"
#include "server/gate/gate.h"

namespace freshet::kinesis {

inline http::Request signed_request(std::int64_t now_us) {
  http::Request request;
  request.method = "POST";
  request.target = "/";
  request.scheme = "http";
  request.body = "{}";
  request.peer = "127.0.0.1:50000";
  request.peer_is_loopback = true;
  request.headers = {{"host", "localhost:4566"},
                     {"content-type", "application/x-amz-json-1.1"},
                     {"x-amz-target", "Kinesis_20131202.ListStreams"}};
  std::vector<aws::HeaderView> headers;
  for (const http::Header& header : request.headers) headers.push_back({header.name, header.value});
  aws::Signer signer({.id = "test", .secret = "secret", .session_token = std::nullopt}, "us-east-1",
                     "kinesis");
  aws::Signer::Headers added = signer.sign({.method = "POST",
                                            .path = "/",
                                            .query = "",
                                            .headers = headers,
                                            .body = request.body,
                                            .http2 = false},
                                           now_us);
  request.headers.push_back({"x-amz-date", added.amz_date});
  request.headers.push_back({"authorization", added.authorization});
  return request;
}

// Whom the gate makes of a caller with these keys configured.
inline gate::Principal principal_of(std::vector<gate::Key> keys) {
  io::ManualClock clock(1'700'000'000'000'000);
  io::SeededRandom random(1);
  gate::Gate gate(gate::GateConfig{}, clock, random);
  std::optional<gate::Principal> made;
  gate.add_door(
      {.target_prefix = "Kinesis_20131202.",
       .scope = "kinesis",
       .handle = [&](const gate::Principal& principal, gate::AwsRequest&&, http::Respond respond) {
         made.emplace(principal);
         respond({});
       }});
  gate.replace_keys(std::move(keys));
  std::string refusal;
  gate.handler()(signed_request(clock.wall_us()),
                 [&](http::Response response) { refusal = response.body; });
  if (!made) ADD_FAILURE() << "the gate refused: " << refusal;
  return *made;
}

inline const gate::Principal& everything_allowed() {
  static const gate::Principal principal = principal_of({});
  return principal;
}
inline gate::Principal allowed(std::vector<gate::AllowRule> rules) {
  return principal_of({{.id = "test", .secret = "secret", .allow = std::move(rules)}});
}

}  // namespace freshet::kinesis

#include "server/gate/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "server/gate/answer.h"
#include "server/gate/failure_limiter.h"
#include "server/gate/local_guard.h"
#include "server/gate/test_gate.h"
#include "server/gate/wildcard.h"

namespace freshet::gate {
namespace {

http::Request signed_put(TestGate& test, const std::string& secret = kTestSecret) {
  http::Request request = put_records();
  sign(request, test.clock.wall_us(), "kinesis", secret);
  return request;
}

TEST(Gate, LetsASignedRequestIn) {
  TestGate test;
  test.gate.replace_keys(
      {{kTestKeyId, kTestSecret, {{"kinesis:PutRecords", "stream/detections"}}}});
  http::Response response = test.send(signed_put(test));
  EXPECT_EQ(response.status, 200);
  ASSERT_EQ(test.entered.size(), 1u);
  EXPECT_EQ(test.entered[0].principal, kTestKeyId);
  EXPECT_TRUE(test.entered[0].may_put);
  EXPECT_EQ(test.entered[0].request.operation, "PutRecords");
  EXPECT_EQ(test.entered[0].request.region, "us-east-1");
  EXPECT_EQ(test.entered[0].request.body, put_records().body);
  EXPECT_EQ(header_value(response, "Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(header_value(response, "x-amzn-RequestId"), test.entered[0].request.request_id);
}

TEST(Gate, RulesOfTheKeyDecide) {
  TestGate test;
  test.gate.replace_keys({{kTestKeyId, kTestSecret, {{"kinesis:Get*", "stream/*"}}}});
  test.send(signed_put(test));
  ASSERT_EQ(test.entered.size(), 1u);
  EXPECT_FALSE(test.entered[0].may_put);
}

TEST(Gate, HealthNeedsNoSignature) {
  TestGate test;
  test.use_test_key();
  http::Request request;
  request.method = "GET";
  request.target = "/";
  request.headers = {{"host", "any.example"}};
  http::Response response = test.send(request);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "healthy\n");
  request.target = "/x";
  EXPECT_EQ(error_name(test.send(request)), "MissingAuthenticationTokenException");
  request.target = "/?a";
  EXPECT_EQ(error_name(test.send(request)), "MissingAuthenticationTokenException");
  request.target = "/";
  request.method = "POST";
  EXPECT_EQ(error_name(test.send(request)), "MissingAuthenticationTokenException");
}

TEST(Gate, ErrorsComeInTheEncodingOfTheRequest) {
  TestGate test;
  test.use_test_key();
  http::Request request = put_records();
  header_of(request, "content-type") = "application/x-amz-cbor-1.1";
  http::Response response = test.send(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(header_value(response, "Content-Type"), "application/x-amz-cbor-1.1");
  auto body = aws::parse_cbor(response.body);
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(*body->find("__type")->text(), "MissingAuthenticationTokenException");
  EXPECT_FALSE(header_value(response, "x-amzn-RequestId").empty());
}

TEST(Gate, TargetAndScopeMustAgree) {
  TestGate test;
  test.use_test_key();
  http::Request request = put_records();
  sign(request, test.clock.wall_us(), "dynamodb");
  EXPECT_EQ(error_name(test.send(request)), "InvalidSignatureException");
  EXPECT_TRUE(test.entered.empty());
}

TEST(Gate, UnknownTargets) {
  TestGate test;
  test.use_test_key();
  auto answers = [&](auto change) {
    http::Request request = put_records();
    change(request);
    sign(request, test.clock.wall_us(), "kinesis");
    http::Response response = test.send(request);
    return std::to_string(response.status) + " " + error_name(response);
  };
  EXPECT_EQ(answers([](auto& r) { header_of(r, "x-amz-target") = "Lambda_2015.Invoke"; }),
            "400 UnknownOperationException");
  EXPECT_EQ(answers([](auto& r) { erase_header(r, "x-amz-target"); }),
            "404 UnknownOperationException");
  EXPECT_EQ(answers([](auto& r) { r.target = "/bucket"; }), "404 UnknownOperationException");
  EXPECT_EQ(answers([](auto& r) { header_of(r, "content-type") = "text/plain"; }),
            "400 SerializationException");
  EXPECT_EQ(answers([](auto& r) { header_of(r, "content-encoding") = "gzip"; }),
            "400 SerializationException");
  // An unknown operation is the door's to refuse.
  EXPECT_EQ(answers([](auto& r) { header_of(r, "x-amz-target") = "Kinesis_20131202.New"; }),
            "200 ");
}

TEST(Gate, KeysAreReplacedWhileRunning) {
  TestGate test;
  test.use_test_key();
  EXPECT_EQ(test.send(signed_put(test)).status, 200);
  test.gate.replace_keys({{"OTHER", "other", {}}});
  EXPECT_EQ(error_name(test.send(signed_put(test))), "UnrecognizedClientException");
  test.gate.replace_keys({{kTestKeyId, "rotated", {}}, {"OTHER", "other", {}}});
  EXPECT_EQ(error_name(test.send(signed_put(test))), "InvalidSignatureException")
      << "a derived key outlived its secret";
  EXPECT_EQ(test.send(signed_put(test, "rotated")).status, 200);
}

TEST(Gate, WithoutKeysOnlyLocalNamesPass) {
  TestGate test;
  EXPECT_EQ(test.send(signed_put(test, "any secret")).status, 200);
  ASSERT_EQ(test.entered.size(), 1u);
  EXPECT_TRUE(test.entered[0].may_put);
  http::Request unsigned_request = put_records();
  EXPECT_EQ(error_name(test.send(unsigned_request)), "MissingAuthenticationTokenException");
  http::Request rebound = put_records();
  header_of(rebound, "host") = "evil.example:4566";
  sign(rebound, test.clock.wall_us(), "kinesis");
  http::Response response = test.send(rebound);
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(error_name(response), "AccessDeniedException");
  http::Request page = put_records();
  header_of(page, "origin") = "https://evil.example";
  sign(page, test.clock.wall_us(), "kinesis");
  EXPECT_EQ(test.send(page).status, 403);
  EXPECT_EQ(test.entered.size(), 1u);
}

TEST(Gate, FailuresAreLimitedPerSourceAndKey) {
  TestGate test;
  test.use_test_key();
  http::Request honest = signed_put(test);
  http::Request wrong = signed_put(test, "guess");
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(error_name(test.send(wrong)), "InvalidSignatureException") << i;
  }
  http::Response limited = test.send(wrong);
  EXPECT_EQ(error_name(limited), "ThrottlingException");
  EXPECT_EQ(header_value(limited, "x-amz-retry-after"), "200");
  EXPECT_EQ(error_name(test.send(honest)), "ThrottlingException") << "the same source and key";
  http::Request elsewhere = honest;
  elsewhere.peer = "203.0.113.8:40000";
  EXPECT_EQ(test.send(elsewhere).status, 200);
  http::Request loopback = honest;
  loopback.peer = "127.0.0.1:40000";
  loopback.peer_is_loopback = true;
  EXPECT_EQ(test.send(loopback).status, 200);
  test.clock.advance_us(1'000'000);
  EXPECT_EQ(test.send(honest).status, 200) << "a second later five more are let in";
}

TEST(Gate, RequestIdsAreUniqueUuids) {
  TestGate test;
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) {
    std::string id = header_value(test.send(put_records()), "x-amzn-RequestId");
    EXPECT_THAT(id, testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                          "[0-9a-f]{12}"));
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1'000u);
}

TEST(Gate, WordsOfTheServerItself) {
  TestGate test;
  http::Response full = test.gate.refusal(503, "full", put_records());
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(error_name(full), "ServiceUnavailableException");
  EXPECT_EQ(header_value(full, "x-amz-retry-after"), "200");
  EXPECT_FALSE(header_value(full, "x-amzn-RequestId").empty());
  EXPECT_EQ(Gate::body_limit(put_records()), 15u << 20);
  EXPECT_EQ(Gate::body_limit(http::Request()), 1u << 20);
}

TEST(AllowRule, Parses) {
  auto rule = parse_allow_rule("kinesis:PutRecords stream/detections");
  ASSERT_TRUE(rule.has_value());
  EXPECT_EQ(rule->action, "kinesis:PutRecords");
  EXPECT_EQ(rule->resource, "stream/detections");
  EXPECT_TRUE(parse_allow_rule("* *").has_value());
  for (const char* text : {"", "kinesis:PutRecords", "PutRecords stream/a", "kinesis:Put  stream/a",
                           "kinesis:Put stream/a b", "kinesis:Put stream/\n"}) {
    auto refused = parse_allow_rule(text);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().number(), 4001);
  }
}

// The slow reference: tries every length for every star.
bool matches_slowly(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] != '*') {
    return !text.empty() && text[0] == pattern[0] &&
           matches_slowly(pattern.substr(1), text.substr(1));
  }
  for (std::size_t taken = 0; taken <= text.size(); ++taken) {
    if (matches_slowly(pattern.substr(1), text.substr(taken))) return true;
  }
  return false;
}

TEST(Wildcard, AgreesWithTheSlowReference) {
  io::SeededRandom random(9);
  auto word = [&](std::string_view symbols) {
    std::string made;
    for (auto n = random.below(8); n > 0; --n) made += symbols[random.below(symbols.size())];
    return made;
  };
  int matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string pattern = word("ab*");
    std::string text = word("ab");
    bool expected = matches_slowly(pattern, text);
    matched += expected ? 1 : 0;
    ASSERT_EQ(matches_wildcard(pattern, text), expected) << pattern << " " << text;
  }
  EXPECT_GT(matched, 1'000);
}

TEST(Wildcard, ManyStarsTakeLinearTime) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(matches_wildcard(pattern + "b", std::string(1'000'000, 'a')));
}

TEST(LocalGuard, JudgesHostAndOrigin) {
  auto local = [](std::vector<http::Header> headers) {
    http::Request request;
    request.headers = std::move(headers);
    return is_local_request(request);
  };
  EXPECT_TRUE(local({{"host", "localhost"}}));
  EXPECT_TRUE(local({{"host", "127.0.0.1:4566"}}));
  EXPECT_TRUE(local({{":authority", "[::1]:4566"}}));
  EXPECT_TRUE(local({{"host", "localhost:1"}, {"origin", "http://127.0.0.1:8080"}}));
  EXPECT_FALSE(local({}));
  EXPECT_FALSE(local({{"host", "localhost.evil.example"}}));
  EXPECT_FALSE(local({{"host", "127.0.0.1.evil.example"}}));
  EXPECT_FALSE(local({{"host", "localhost:"}}));
  EXPECT_FALSE(local({{"host", "localhost:80@evil"}}));
  EXPECT_FALSE(local({{"host", "evil"}, {":authority", "localhost"}}));
  EXPECT_FALSE(local({{"host", "localhost"}, {"origin", "http://evil"}}));
  EXPECT_FALSE(local({{"host", "localhost"}, {"origin", "null"}}));
  EXPECT_FALSE(local({{"host", "localhost"}, {"origin", "http://localhost.evil"}}));
}

}  // namespace
}  // namespace freshet::gate

// Every change to a signed request must be refused, whatever is changed and whoever signed it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "server/gate/botocore_requests.h"
#include "server/gate/test_gate.h"

namespace freshet::gate {
namespace {

using http::Request;

std::string& authorization(Request& request) {
  return header_of(request, "authorization");
}

// Replaces `from` in Authorization; every mutation here relies on its presence.
void swap(Request& request, const std::string& from, const std::string& to) {
  std::string& value = authorization(request);
  std::size_t at = value.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  value.replace(at, from.size(), to);
}

void flip(std::string& text, std::uint64_t at) {
  text[at % text.size()] ^= 1;
}

struct Mutation {
  const char* name;
  std::function<void(Request&, io::Random&)> apply;
};

const std::vector<Mutation>& mutations() {
  static const std::vector<Mutation> kAll = {
      {"body: bit flipped", [](Request& r, io::Random& n) { flip(r.body, n.next_u64()); }},
      {"body: byte added", [](Request& r, io::Random&) { r.body += ' '; }},
      {"body: cut", [](Request& r, io::Random&) { r.body.pop_back(); }},
      {"body: emptied", [](Request& r, io::Random&) { r.body.clear(); }},
      {"signature: digit changed",
       [](Request& r, io::Random& n) {
         std::string& value = authorization(r);
         char& digit = value[value.size() - 1 - n.below(64)];
         digit = digit == '0' ? '1' : '0';
       }},
      {"signature: cut", [](Request& r, io::Random&) { authorization(r).pop_back(); }},
      {"signature: longer", [](Request& r, io::Random&) { authorization(r) += '0'; }},
      {"signature: empty",
       [](Request& r, io::Random&) {
         authorization(r).resize(authorization(r).find("Signature=") + 10);
       }},
      {"signature: absent",
       [](Request& r, io::Random&) {
         authorization(r).resize(authorization(r).find(", Signature="));
       }},
      {"signature: zeros",
       [](Request& r, io::Random&) {
         authorization(r).resize(authorization(r).size() - 64);
         authorization(r).append(64, '0');
       }},
      {"key: other", [](Request& r, io::Random&) { swap(r, "AKIDEXAMPLE", "AKIDEXAMPLF"); }},
      {"key: with a path", [](Request& r, io::Random&) { swap(r, "AKIDEXAMPLE", "A/KID"); }},
      {"scope: date", [](Request& r, io::Random&) { swap(r, "/20261122/", "/20261123/"); }},
      {"scope: region", [](Request& r, io::Random&) { swap(r, "us-east-1", "eu-west-1"); }},
      {"scope: service",
       [](Request& r, io::Random&) {
         bool kinesis = authorization(r).find("/kinesis/") != std::string::npos;
         kinesis ? swap(r, "/kinesis/", "/dynamodb/") : swap(r, "/dynamodb/", "/kinesis/");
       }},
      {"scope: terminator",
       [](Request& r, io::Random&) { swap(r, "aws4_request", "aws5_request"); }},
      {"algorithm", [](Request& r, io::Random&) { swap(r, "HMAC-SHA256", "HMAC-SHA512"); }},
      {"signed names: one fewer", [](Request& r, io::Random&) { swap(r, ";x-amz-date", ""); }},
      {"signed names: no target", [](Request& r, io::Random&) { swap(r, ";x-amz-target", ""); }},
      {"signed names: no host", [](Request& r, io::Random&) { swap(r, "host;", ""); }},
      {"signed names: one more",
       [](Request& r, io::Random&) { swap(r, ";x-amz-date", ";user-agent;x-amz-date"); }},
      {"signed names: out of order",
       [](Request& r, io::Random&) { swap(r, "content-type;host", "host;content-type"); }},
      {"date: a second later",
       [](Request& r, io::Random&) { header_of(r, "x-amz-date") = "20261122T100001Z"; }},
      {"date: another day",
       [](Request& r, io::Random&) { header_of(r, "x-amz-date") = "20261121T100000Z"; }},
      {"date: absent", [](Request& r, io::Random&) { erase_header(r, "x-amz-date"); }},
      {"date: twice",
       [](Request& r, io::Random&) { r.headers.push_back({"x-amz-date", "20261122T100000Z"}); }},
      {"target: other operation",
       [](Request& r, io::Random&) { header_of(r, "x-amz-target") += "s"; }},
      {"target: other service",
       [](Request& r, io::Random&) {
         std::string& target = header_of(r, "x-amz-target");
         bool kinesis = target.starts_with("Kinesis");
         target = kinesis ? "DynamoDB_20120810.Scan" : "Kinesis_20131202.PutRecords";
       }},
      {"target: absent", [](Request& r, io::Random&) { erase_header(r, "x-amz-target"); }},
      {"target: twice",
       [](Request& r, io::Random&) {
         r.headers.push_back({"x-amz-target", "Kinesis_20131202.DeleteStream"});
       }},
      {"host: other", [](Request& r, io::Random&) { header_of(r, "host") = "127.0.0.1:4567"; }},
      {"host: absent", [](Request& r, io::Random&) { erase_header(r, "host"); }},
      {"host: twice", [](Request& r, io::Random&) { r.headers.push_back({"host", "other"}); }},
      {"host: authority beside it",
       [](Request& r, io::Random&) {
         r.version = http::Version::kHttp2;
         r.headers.push_back({":authority", "other"});
       }},
      {"content type: other",
       [](Request& r, io::Random&) {
         header_of(r, "content-type") = "application/x-amz-cbor-1.1";
       }},
      {"content type: absent", [](Request& r, io::Random&) { erase_header(r, "content-type"); }},
      {"content type: twice",
       [](Request& r, io::Random&) {
         r.headers.push_back({"content-type", "application/x-amz-json-1.1"});
       }},
      {"unsigned x-amz header", [](Request& r, io::Random&) { header_of(r, "x-amz-x") = "1"; }},
      {"unsigned token",
       [](Request& r, io::Random&) { header_of(r, "x-amz-security-token") = "t"; }},
      {"unsigned payload mark",
       [](Request& r, io::Random&) { header_of(r, "x-amz-content-sha256") = "UNSIGNED-PAYLOAD"; }},
      {"streaming payload mark",
       [](Request& r, io::Random&) {
         header_of(r, "x-amz-content-sha256") = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
       }},
      {"method", [](Request& r, io::Random&) { r.method = "PUT"; }},
      {"path", [](Request& r, io::Random&) { r.target = "/x"; }},
      {"path: dots", [](Request& r, io::Random&) { r.target = "/x/.."; }},
      {"path: dot", [](Request& r, io::Random&) { r.target = "/."; }},
      {"query", [](Request& r, io::Random&) { r.target = "/?Action=PutRecords"; }},
      {"query: signature beside the header",
       [](Request& r, io::Random&) { r.target = "/?X-Amz-Signature=" + std::string(64, '0'); }},
      {"query: signature in place of the header",
       [](Request& r, io::Random&) {
         erase_header(r, "authorization");
         r.target = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + std::string(64, '0');
       }},
      {"authorization: absent", [](Request& r, io::Random&) { erase_header(r, "authorization"); }},
      {"authorization: twice",
       [](Request& r, io::Random&) { r.headers.push_back({"authorization", authorization(r)}); }},
      {"authorization: empty", [](Request& r, io::Random&) { authorization(r).clear(); }},
      {"authorization: version 2",
       [](Request& r, io::Random&) { authorization(r) = "AWS AKIDEXAMPLE:c2lnbmF0dXJl"; }},
      {"authorization: a part twice",
       [](Request& r, io::Random&) {
         swap(r, "Signature=", "Signature=" + std::string(64, '0') + ", Signature=");
       }},
  };
  return kAll;
}

std::vector<Request> honest_requests(TestGate& test) {
  std::vector<Request> requests = botocore_requests();
  for (Request& request : requests) request.peer = "203.0.113.7:40000";
  Request ours = put_records();
  sign(ours, test.clock.wall_us(), "kinesis");
  requests.push_back(ours);
  return requests;
}

// Mutations are thousands of failures from one source; that limit has a test of its own.
GateConfig unlimited() {
  GateConfig config;
  config.failures_burst = 1e9;
  config.failure_lines_per_second = 0;
  return config;
}

TEST(SignatureMutations, TheHonestAreAccepted) {
  TestGate test(unlimited());
  test.use_test_key();
  for (const Request& request : honest_requests(test)) {
    EXPECT_EQ(test.send(request).status, 200) << *request.header("x-amz-target");
  }
  EXPECT_EQ(test.entered.size(), 5u);
}

TEST(SignatureMutations, EveryMutantIsRefused) {
  TestGate test(unlimited());
  test.use_test_key();
  io::SeededRandom random(42);
  EXPECT_GE(mutations().size(), 20u);
  for (int round = 0; round < 40; ++round) {
    for (const Request& original : honest_requests(test)) {
      for (const Mutation& mutation : mutations()) {
        Request mutant = original;
        mutation.apply(mutant, random);
        http::Response response = test.send(mutant);
        ASSERT_GE(response.status, 400) << mutation.name;
        ASSERT_LT(response.status, 500) << mutation.name;
        ASSERT_THAT(error_name(response),
                    testing::AnyOf("InvalidSignatureException", "IncompleteSignatureException",
                                   "MissingAuthenticationTokenException",
                                   "UnrecognizedClientException", "ExpiredTokenException"))
            << mutation.name;
        ASSERT_TRUE(test.entered.empty()) << mutation.name;
      }
    }
  }
}

}  // namespace
}  // namespace freshet::gate

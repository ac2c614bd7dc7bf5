#include "aws/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/sigv4_canonical.h"
#include "common/bytes.h"
#include "common/time_text.h"

namespace freshet::aws {
namespace {

constexpr std::string_view kKeyId = "AKIDEXAMPLE";
constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const std::int64_t kNow = *parse_basic_time_us("20150830T123600Z");

TEST(Sha256, Vectors) {
  // FIPS 180-2 appendix B.1 and the empty text.
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // RFC 4231 test cases 2 and 6.
  EXPECT_EQ(to_hex(as_string_view(hmac_sha256("Jefe", "what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      to_hex(as_string_view(hmac_sha256(std::string(131, '\xaa'),
                                        "Test Using Larger Than Block-Size Key - Hash Key First"))),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// AWS's own suite: aws-sig-v4-test-suite, credentials and date as it gives them.
struct Vector {
  const char* name;
  const char* method;
  const char* path;
  const char* query;
  std::vector<HeaderView> headers;
  const char* body;
  const char* signature;
};

TEST(Sigv4, AwsVectors) {
  const HeaderView host{"host", "example.amazonaws.com"};
  const char* kVanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
  const Vector vectors[] = {
      {"get-vanilla", "GET", "/", "", {host}, "", kVanilla},
      {"get-relative", "GET", "/example/..", "", {host}, "", kVanilla},
      {"get-relative-relative", "GET", "/example1/example2/../..", "", {host}, "", kVanilla},
      {"get-slash", "GET", "//", "", {host}, "", kVanilla},
      {"get-slash-dot-slash", "GET", "/./", "", {host}, "", kVanilla},
      {"get-utf8",
       "GET",
       "/ሴ",
       "",
       {host},
       "",
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-space",
       "GET",
       "/example space/",
       "",
       {host},
       "",
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"get-unreserved",
       "GET",
       "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
       "",
       {host},
       "",
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "/",
       "Param2=value2&Param1=value1",
       {host},
       "",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-header-value-trim",
       "GET",
       "/",
       "",
       {host, {"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}},
       "",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"get-header-key-duplicate",
       "GET",
       "/",
       "",
       {host, {"my-header1", "value2"}, {"my-header1", "value2"}, {"my-header1", "value1"}},
       "",
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"post-vanilla",
       "POST",
       "/",
       "",
       {host},
       "",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-x-www-form-urlencoded",
       "POST",
       "/",
       "",
       {{"content-type", "application/x-www-form-urlencoded"}, host},
       "Param1=value1",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
  };
  Signer signer({std::string(kKeyId), std::string(kSecret), std::nullopt}, "us-east-1", "service");
  for (const Vector& vector : vectors) {
    RequestView request{vector.method, vector.path, vector.query, vector.headers, vector.body};
    EXPECT_THAT(signer.sign(request, kNow).authorization,
                testing::EndsWith(std::string("Signature=") + vector.signature))
        << vector.name;
  }
}

// The examples of AWS's page on S3's Authorization header, key and date as it gives them.
TEST(Sigv4, S3SignsThePathAsSent) {
  const std::int64_t now = *parse_basic_time_us("20130524T000000Z");
  Signer signer({"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {}},
                "us-east-1", "s3");
  const HeaderView host{"host", "examplebucket.s3.amazonaws.com"};
  std::string empty = sha256_hex("");
  std::vector<HeaderView> get = {host, {"range", "bytes=0-9"}, {"x-amz-content-sha256", empty}};
  EXPECT_THAT(
      signer.sign({"GET", "/test.txt", "", get, ""}, now).authorization,
      testing::EndsWith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
  std::string body = "Welcome to Amazon S3.";
  std::string body_hash = sha256_hex(body);
  std::vector<HeaderView> put = {host,
                                 {"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                 {"x-amz-content-sha256", body_hash},
                                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  EXPECT_THAT(
      signer.sign({"PUT", "/test%24file.text", "", put, body}, now).authorization,
      testing::EndsWith("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(Sigv4, CanonicalQuery) {
  EXPECT_EQ(canonical_query("b=2&a=1"), "a=1&b=2");
  EXPECT_EQ(canonical_query("a=%7e%2f&a=%c3%bc"), "a=%C3%BC&a=~%2F") << "sorted after encoding";
  EXPECT_EQ(canonical_query("a"), "a=");
  EXPECT_EQ(canonical_query("a=x y"), "a=x%20y");
  EXPECT_EQ(canonical_query("a+b=1"), "a%2Bb=1");
  EXPECT_EQ(canonical_query("a=%2"), std::nullopt);
  EXPECT_EQ(canonical_query("a=%zz"), std::nullopt);
}

TEST(Sigv4, CanonicalPathIsEncodedTwice) {
  EXPECT_EQ(canonical_path("/a%20b"), "/a%2520b");
  EXPECT_EQ(canonical_path(""), "/");
  EXPECT_EQ(canonical_path("/a//b/"), "/a/b/");
  EXPECT_EQ(canonical_path("/../a"), "/a");
}

// A request as an SDK sends it, that each test spoils in one way.
struct Sent {
  std::string method = "POST";
  std::string path = "/";
  std::string query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body = R"({"StreamName":"detections"})";
  bool http2 = false;

  std::string& header(std::string_view name) {
    for (auto& [n, value] : headers) {
      if (n == name) return value;
    }
    return headers.emplace_back(name, "").second;
  }
  void erase(std::string_view name) {
    std::erase_if(headers, [&](const auto& header) { return header.first == name; });
  }
};

const Credential kCredential{std::string(kKeyId), std::string(kSecret), std::nullopt};

std::vector<HeaderView> views(const Sent& sent) {
  std::vector<HeaderView> made;
  for (const auto& [name, value] : sent.headers) made.push_back({name, value});
  return made;
}

void sign(Sent& sent, std::int64_t now = kNow, const std::string& service = "kinesis",
          const Credential& credential = kCredential) {
  sent.erase("authorization");
  sent.erase("x-amz-date");
  std::vector<HeaderView> headers = views(sent);
  Signer signer(credential, "us-east-1", service);
  auto made =
      signer.sign({sent.method, sent.path, sent.query, headers, sent.body, sent.http2}, now);
  sent.headers.emplace_back("x-amz-date", made.amz_date);
  sent.headers.emplace_back("authorization", made.authorization);
}

Sent honest() {
  Sent sent;
  sent.headers = {{"host", "127.0.0.1:4566"},
                  {"content-type", "application/x-amz-json-1.1"},
                  {"x-amz-target", "Kinesis_20131202.DescribeStreamSummary"},
                  {"user-agent", "Boto3/1.44"}};
  sign(sent);
  return sent;
}

// The refusal's name, or "" where the request is accepted.
std::string verdict(const Sent& sent, std::int64_t now = kNow, bool loopback = false,
                    const Credential& credential = kCredential, bool with_keys = true) {
  SigningKeyCache cache;
  VerifyOptions options;
  options.region = "us-east-1";
  options.services = {"kinesis", "dynamodb"};
  options.now_us = now;
  options.unsigned_payload_allowed = loopback;
  if (with_keys) {
    options.find_credential = [&](std::string_view id) {
      return id == credential.id ? &credential : nullptr;
    };
  }
  options.signing_keys = &cache;
  std::vector<HeaderView> headers = views(sent);
  auto result =
      verify({sent.method, sent.path, sent.query, headers, sent.body, sent.http2}, options);
  if (const ServiceError* refused = std::get_if<ServiceError>(&result)) {
    EXPECT_FALSE(refused->message.empty());
    return refused->name;
  }
  return "";
}

TEST(Sigv4Verify, AcceptsTheHonest) {
  EXPECT_EQ(verdict(honest()), "");
  Sent other = honest();
  sign(other, kNow, "dynamodb");
  EXPECT_EQ(verdict(other), "");
}

TEST(Sigv4Verify, RefusesEachSpoiledPart) {
  auto refused = [](const char* what, const char* name, auto spoil) {
    Sent sent = honest();
    spoil(sent);
    EXPECT_EQ(verdict(sent), name) << what;
  };
  const char* kInvalid = "InvalidSignatureException";
  const char* kIncomplete = "IncompleteSignatureException";
  refused("no signature", "MissingAuthenticationTokenException",
          [](Sent& sent) { sent.erase("authorization"); });
  refused("signed twice", kIncomplete, [](Sent& sent) {
    std::string again = sent.header("authorization");
    sent.headers.emplace_back("authorization", again);
  });
  refused("presigned", kIncomplete, [](Sent& sent) {
    sent.erase("authorization");
    sent.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00";
  });
  refused("header and query signature", kIncomplete,
          [](Sent& sent) { sent.query = "X-Amz-Signature=00"; });
  refused("signature version 2", kIncomplete,
          [](Sent& sent) { sent.header("authorization") = "AWS AKIDEXAMPLE:abcd="; });
  refused("other method", kInvalid, [](Sent& sent) { sent.method = "PUT"; });
  refused("other path", kInvalid, [](Sent& sent) { sent.path = "/x"; });
  refused("dot segment", kInvalid, [](Sent& sent) { sent.path = "/x/.."; });
  refused("added query", kInvalid, [](Sent& sent) { sent.query = "a=b"; });
  refused("other body", kInvalid, [](Sent& sent) { sent.body += " "; });
  refused("other target", kInvalid,
          [](Sent& sent) { sent.header("x-amz-target") = "Kinesis_20131202.DeleteStream"; });
  refused("other host", kInvalid, [](Sent& sent) { sent.header("host") = "evil"; });
  refused("no host", kInvalid, [](Sent& sent) { sent.erase("host"); });
  refused("host twice", kIncomplete,
          [](Sent& sent) { sent.headers.emplace_back("host", "127.0.0.1:4566"); });
  refused("unsigned x-amz header (CVE-2026-97731)", kInvalid,
          [](Sent& sent) { sent.header("x-amz-acl") = "public-read"; });
  refused("unsigned content type", kInvalid, [](Sent& sent) {
    sent.erase("content-type");
    sign(sent);
    sent.header("content-type") = "application/x-amz-json-1.1";
  });
  refused("content type twice", kIncomplete, [](Sent& sent) {
    sent.headers.emplace_back("content-type", "application/x-amz-cbor-1.1");
  });
  refused("signed header taken out", kInvalid, [](Sent& sent) { sent.erase("content-type"); });
  refused("other date", kInvalid,
          [](Sent& sent) { sent.header("x-amz-date") = "20150830T123601Z"; });
  refused("date in another form", kIncomplete,
          [](Sent& sent) { sent.header("x-amz-date") = "Sun, 30 Aug 2015 12:36:00 GMT"; });
  refused("no date", kInvalid, [](Sent& sent) { sent.erase("x-amz-date"); });
  refused("date twice", kIncomplete,
          [](Sent& sent) { sent.headers.emplace_back("x-amz-date", "20150830T123600Z"); });
  auto swap = [](Sent& sent, const char* from, const char* to) {
    std::string& value = sent.header("authorization");
    std::size_t at = value.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    value.replace(at, std::string_view(from).size(), to);
  };
  auto refused_swap = [&](const char* from, const char* to, const char* name) {
    refused(to, name, [&](Sent& sent) { swap(sent, from, to); });
  };
  refused_swap("AKIDEXAMPLE", "AKIDOTHER", "UnrecognizedClientException");
  refused_swap("/20150830/", "/20150829/", kInvalid);
  refused_swap("us-east-1", "us-east-2", kInvalid);
  refused_swap("/kinesis/", "/dynamodb/", kInvalid);
  refused_swap("/kinesis/", "/s3/", kInvalid);
  refused_swap("aws4_request", "aws4_reques", kIncomplete);
  refused_swap("/aws4_request", "/x/aws4_request", kIncomplete);
  refused_swap("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", kIncomplete);
  refused_swap("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256", kIncomplete);
  refused_swap("content-type;", "", kInvalid);
  refused_swap("host;", "", kInvalid);
  refused_swap("x-amz-target", "x-amz-other", kInvalid);
  refused_swap("content-type;host", "host;content-type", kIncomplete);
  refused_swap("content-type;host", "content-type;host;host", kIncomplete);
  refused_swap("content-type;host", "Content-Type;host", kInvalid);
  refused_swap("content-type;host", ":authority;content-type;host", kInvalid);
  refused_swap("Signature=", "signature=", kIncomplete);
  refused_swap("Signature=", "Signature=0", kIncomplete);
  refused_swap("Credential=", "Credential=a,Credential=", kIncomplete);
  refused_swap(", Signature", ", Extra=1, Signature", kIncomplete);
}

TEST(Sigv4Verify, SignatureInUpperCaseIsRefused) {
  Sent sent = honest();
  std::string& value = sent.header("authorization");
  for (std::size_t i = value.find("Signature=") + 10; i < value.size(); ++i) {
    value[i] = static_cast<char>(std::toupper(value[i]));
  }
  EXPECT_EQ(verdict(sent), "IncompleteSignatureException");
}

TEST(Sigv4Verify, EveryBitOfTheSignatureCounts) {
  Sent original = honest();
  std::size_t start = original.header("authorization").find("Signature=") + 10;
  for (std::size_t i = 0; i < 64; ++i) {
    Sent sent = original;
    char& digit = sent.header("authorization")[start + i];
    digit = digit == '0' ? '1' : '0';
    EXPECT_EQ(verdict(sent), "InvalidSignatureException") << i;
  }
}

TEST(Sigv4Verify, ClockMayDifferByFifteenMinutes) {
  constexpr std::int64_t kMinute = 60'000'000;
  EXPECT_EQ(verdict(honest(), kNow + 15 * kMinute), "");
  EXPECT_EQ(verdict(honest(), kNow - 15 * kMinute), "");
  EXPECT_EQ(verdict(honest(), kNow + 15 * kMinute + 1), "InvalidSignatureException");
  EXPECT_EQ(verdict(honest(), kNow - 15 * kMinute - 1), "InvalidSignatureException");
}

TEST(Sigv4Verify, BodyHashes) {
  auto with_hash = [](const std::string& hash) {
    Sent sent = honest();
    sent.header("x-amz-content-sha256") = hash;
    sign(sent);
    return sent;
  };
  std::string right = sha256_hex(honest().body);
  EXPECT_EQ(verdict(with_hash(right)), "");
  Sent changed = with_hash(right);
  changed.body += " ";
  EXPECT_EQ(verdict(changed), "InvalidSignatureException");
  EXPECT_EQ(verdict(with_hash(sha256_hex("other"))), "InvalidSignatureException");
  EXPECT_EQ(verdict(with_hash("UNSIGNED-PAYLOAD"), kNow, true), "");
  EXPECT_EQ(verdict(with_hash("UNSIGNED-PAYLOAD"), kNow, false), "InvalidSignatureException");
  EXPECT_EQ(verdict(with_hash("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), kNow, true),
            "InvalidSignatureException");
  EXPECT_EQ(verdict(with_hash("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), kNow, true),
            "InvalidSignatureException");
}

TEST(Sigv4Verify, SessionTokens) {
  Sent sent = honest();
  sent.header("x-amz-security-token") = "session";
  sign(sent);
  EXPECT_EQ(verdict(sent), "ExpiredTokenException") << "this key has no token";
  Credential with_token = kCredential;
  with_token.session_token = "session";
  EXPECT_EQ(verdict(sent, kNow, false, with_token), "");
  with_token.session_token = "another";
  EXPECT_EQ(verdict(sent, kNow, false, with_token), "ExpiredTokenException");
  EXPECT_EQ(verdict(honest(), kNow, false, with_token), "MissingAuthenticationTokenException");
}

TEST(Sigv4Verify, Http2SignsHostOrAuthority) {
  Sent javascript;
  javascript.http2 = true;
  javascript.headers = {{":authority", "127.0.0.1:4566"},
                        {"content-type", "application/x-amz-json-1.1"},
                        {"x-amz-target", "Kinesis_20131202.PutRecords"}};
  sign(javascript);
  EXPECT_THAT(javascript.header("authorization"), testing::HasSubstr("SignedHeaders=:authority;"));
  EXPECT_EQ(verdict(javascript), "");

  // The Java SDK signs host; only :authority arrives.
  Sent java = honest();
  java.http2 = true;
  java.erase("host");
  java.headers.emplace_back(":authority", "127.0.0.1:4566");
  EXPECT_EQ(verdict(java), "");
  java.headers.emplace_back("host", "other");
  EXPECT_EQ(verdict(java), "InvalidSignatureException");

  Sent downgraded = javascript;
  downgraded.http2 = false;
  EXPECT_EQ(verdict(downgraded), "InvalidSignatureException");
}

TEST(Sigv4Verify, WithoutKeysOnlyTheValueIsFree) {
  Sent sent = honest();
  std::string& value = sent.header("authorization");
  value.replace(value.find("Signature=") + 10, 64, std::string(64, '0'));
  EXPECT_EQ(verdict(sent, kNow, true, kCredential, false), "");
  sent.header("x-amz-security-token") = "unsigned";
  EXPECT_EQ(verdict(sent, kNow, true, kCredential, false), "InvalidSignatureException");
  sent.erase("x-amz-security-token");
  EXPECT_EQ(verdict(sent, kNow + 3'600'000'000, true, kCredential, false),
            "InvalidSignatureException");
  sent.erase("authorization");
  EXPECT_EQ(verdict(sent, kNow, true, kCredential, false), "MissingAuthenticationTokenException");
}

TEST(Sigv4Verify, KeysAreDerivedOncePerDayAndService) {
  SigningKeyCache cache;
  Scope scope{"a", "20150830", "us-east-1", "iam"};
  Credential credential{"a", std::string(kSecret), std::nullopt};
  // AWS documentation, "Deriving the signing key", gives this key for these inputs.
  EXPECT_EQ(to_hex(as_string_view(cache.key(credential, scope))),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
  EXPECT_EQ(cache.key(credential, scope), cache.key(credential, scope));
  Scope next_day = scope;
  next_day.date = "20150831";
  EXPECT_NE(cache.key(credential, next_day), cache.key(credential, scope));
}

}  // namespace
}  // namespace freshet::aws

// S3 on a scripted network: what is sent, what is tried again, and what a lost answer is settled
// to.
#include "object_store/s3_store.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/bytes.h"
#include "common/time_text.h"
#include "object_store/scripted_transport_test_support.h"

namespace freshet::object_store {
namespace {

using Kind = HttpOutcome::Kind;

class S3StoreReads : public S3StoreTest {};
class S3StorePuts : public S3StoreTest {
 protected:
  Result<ObjectInfo> put(const PutCondition& condition, std::string_view content = "hello") {
    return store_->put("a b/c", as_bytes_of(content), condition);
  }
  void put_is(const PutCondition& condition, int number, std::size_t requests) {
    auto done = put(condition);
    EXPECT_EQ(done ? 0 : done.error().number(), number) << (done ? "ok" : done.error().to_string());
    EXPECT_EQ(script_.seen.size(), requests);
  }
};

TEST_F(S3StorePuts, SignsAndNamesWhatItSends) {
  reply(answered(200, "", {{"etag", "\"e1\""}, {"date", "Sun, 22 Nov 2026 10:00:00 GMT"}}));
  auto done = put(PutCondition::if_absent());
  ASSERT_TRUE(done.has_value()) << done.error().to_string();
  EXPECT_EQ(done->etag, "e1");
  EXPECT_EQ(done->bytes, 5u);
  const HttpRequest& sent = script_.seen[0];
  EXPECT_EQ(sent.method, "PUT");
  EXPECT_EQ(sent.origin, "https://bucket.s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(sent.target, "/archive/a%20b/c");
  EXPECT_EQ(script_.bodies[0], "hello");
  EXPECT_EQ(header_of(sent, "host"), "bucket.s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(header_of(sent, "if-none-match"), "*");
  EXPECT_EQ(header_of(sent, "x-amz-security-token"), "TOKENCANARY");
  EXPECT_EQ(header_of(sent, "x-amz-content-sha256"),
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(header_of(sent, "x-amz-meta-freshet-crc32c"), "9a71bb4c");
  EXPECT_EQ(header_of(sent, "x-amz-meta-freshet-put").size(), 32u);
  EXPECT_TRUE(header_of(sent, "authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKID"));
  EXPECT_TRUE(sent.on_fresh_connection);
}

TEST_F(S3StorePuts, ALostAnswerIsSettledByTheTriesAfterIt) {
  reply(failed(Kind::kNoAnswer));
  reply(refused(412, "PreconditionFailed"));  // the first try had been done
  reply_head_of(0, 5);
  put_is(PutCondition::if_absent(), 0, 3);
}

TEST_F(S3StorePuts, AnothersObjectIsNotOurs) {
  reply(failed(Kind::kNoAnswer));
  reply(refused(412, "PreconditionFailed"));
  reply(head_answer("another", 5));
  put_is(PutCondition::if_absent(), 3704, 3);
}

TEST_F(S3StorePuts, AnObjectWithoutATokenIsOursOnlyPerhaps) {
  reply(failed(Kind::kNoAnswer));
  reply(refused(412, "PreconditionFailed"));
  reply(head_answer("", 5));
  put_is(PutCondition::if_absent(), 3705, 3);
  reply(failed(Kind::kNoAnswer));
  reply(refused(412, "PreconditionFailed"));
  reply(head_answer("", 6));  // of another size it is not
  put_is(PutCondition::if_absent(), 3704, 6);
}

TEST_F(S3StorePuts, AFailedConditionIsDefiniteWhereEveryTryWasAnswered) {
  reply(refused(503, "SlowDown"));
  reply(refused(412, "PreconditionFailed"));
  reply(failed(Kind::kNotSent));  // the HEAD; tried again
  reply(head_answer("another", 5));
  put_is(PutCondition::if_absent(), 3704, 4);
}

TEST_F(S3StorePuts, UnderIfMatchAnotherEtagMayHideOurs) {
  reply(failed(Kind::kNoAnswer));
  reply(refused(412, "PreconditionFailed"));
  reply(head_answer("another", 5));  // ours may have been put, and replaced since
  put_is(PutCondition::if_match("e1"), 3705, 3);
  EXPECT_EQ(header_of(script_.seen[0], "if-match"), "\"e1\"");
}

TEST_F(S3StorePuts, IfMatchWhereThereIsNoneFails) {
  reply(refused(404, "NoSuchKey"));
  reply(answered(404));
  put_is(PutCondition::if_match("e1"), 3704, 2);
}

TEST_F(S3StorePuts, WithoutAnyAnswerTheObjectItselfIsAsked) {
  script_.otherwise = [&](const HttpRequest& request) {
    return request.method == "HEAD"
               ? head_answer(header_of(script_.seen[0], "x-amz-meta-freshet-put"), 5)
               : failed(Kind::kNoAnswer);
  };
  auto done = put(PutCondition::always());
  ASSERT_TRUE(done.has_value()) << done.error().to_string();
  EXPECT_EQ(done->etag, "e2");
  EXPECT_GT(script_.seen.size(), 5u);
}

TEST_F(S3StorePuts, WhatNobodyKnowsIsUnknown) {
  script_.otherwise = [&](const HttpRequest&) { return failed(Kind::kNoAnswer); };
  EXPECT_TRUE(outcome_is_unknown(put(PutCondition::if_absent()).error()));
  // It is not there now, and may still come.
  script_.otherwise = [&](const HttpRequest& request) {
    return request.method == "HEAD" ? answered(404) : failed(Kind::kNoAnswer);
  };
  EXPECT_TRUE(outcome_is_unknown(put(PutCondition::if_absent()).error()));
}

TEST_F(S3StorePuts, WhatWasNeverSentIsDefinitelyNotDone) {
  script_.otherwise = [&](const HttpRequest&) { return failed(Kind::kNotSent); };
  auto done = put(PutCondition::if_absent());
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().number(), 3707) << done.error().to_string();
  for (const HttpRequest& request : script_.seen) EXPECT_EQ(request.method, "PUT");
}

TEST_F(S3StorePuts, RetriesWithinTheDeadlineWithGrowingPauses) {
  script_.otherwise = [&](const HttpRequest&) { return refused(503, "SlowDown"); };
  std::int64_t begin_ns = script_.clock.monotonic_ns();
  EXPECT_EQ(put(PutCondition::always()).error().number(), 3707);
  EXPECT_LE((script_.clock.monotonic_ns() - begin_ns) / 1000, settings_.s3.deadline_us);
  ASSERT_GT(script_.waits_us.size(), 8u);
  for (std::size_t i = 0; i < script_.waits_us.size(); ++i) {
    EXPECT_LE(script_.waits_us[i], std::min<std::int64_t>(20'000'000, 200'000ll << i));
  }
}

TEST_F(S3StorePuts, RetryAfterIsHonoured) {
  reply(answered(503, "<Error><Code>SlowDown</Code></Error>", {{"retry-after", "7"}}));
  reply(
      answered(429, "", {{"retry-after", format_http_date(script_.clock.wall_us() + 60'000'000)}}));
  reply(answered(200, "", {{"etag", "\"e\""}}));
  put_is(PutCondition::always(), 0, 3);
  EXPECT_EQ(script_.waits_us[0], 7'000'000);
  EXPECT_GT(script_.waits_us[1], 50'000'000);
  // Longer than the deadline: not waited for.
  reply(answered(503, "<Error><Code>SlowDown</Code></Error>", {{"retry-after", "86400"}}));
  EXPECT_EQ(put(PutCondition::always()).error().number(), 3707);
}

TEST_F(S3StorePuts, KeysThatHaveEndedAreReadAnew) {
  script_.replies.push_back([&](const HttpRequest&) {
    environment_["AWS_SESSION_TOKEN"] = "NEW";
    return refused(400, "ExpiredToken");
  });
  reply(answered(200, "", {{"etag", "\"e\""}}));
  put_is(PutCondition::always(), 0, 2);
  EXPECT_EQ(header_of(script_.seen[1], "x-amz-security-token"), "NEW");
  reply(refused(400, "ExpiredToken"));  // and no other is there
  put_is(PutCondition::always(), 3706, 3);
}

TEST_F(S3StorePuts, RefusalsSayWhatToDoAndNoSecret) {
  struct Case {
    HttpOutcome outcome;
    int number;
    const char* words;
  };
  const Case cases[] = {
      {refused(403, "RequestTimeTooSkewed"), 3706, "clock"},
      {refused(403, "SignatureDoesNotMatch"), 3706, "AWS_SECRET_ACCESS_KEY"},
      {refused(403, "InvalidAccessKeyId"), 3706, "AWS_ACCESS_KEY_ID"},
      {refused(400, "AuthorizationHeaderMalformed"), 3706, "not in region eu-central-1"},
      {answered(301, "<Error><Code>PermanentRedirect</Code></Error>",
                {{"x-amz-bucket-region", "eu-west-3"}, {"location", "https://evil.example/"}}),
       3706, "eu-west-3"},
      {answered(307, "", {{"location", "https://evil.example/"}}), 3706, "region"},
      {refused(403, "AccessDenied"), 3706, "s3:GetObject"},
      {answered(403, "<html>"), 3706, "HTTP 403"},
      {refused(404, "NoSuchBucket"), 3714, "no such bucket"},
      {answered(507), 3716, "full"},
      {refused(400, "InvalidRequest", "line\nbreak"), 3713, "line?break"},
      {failed(Kind::kBadCertificate), 3715, "certificate"},
  };
  for (const Case& each : cases) {
    script_.seen.clear();
    reply(each.outcome);
    auto done = put(PutCondition::always());
    ASSERT_FALSE(done.has_value());
    std::string text = done.error().to_string();
    EXPECT_EQ(done.error().number(), each.number) << text;
    EXPECT_NE(text.find(each.words), std::string::npos) << text;
    EXPECT_EQ(text.find("CANARY"), std::string::npos) << text;
    EXPECT_EQ(script_.seen.size(), 1u) << text;
  }
}

TEST_F(S3StoreReads, RetriesAndTellsWhyAHeadWasRefused) {
  reply(failed(Kind::kNoAnswer));
  reply(answered(502));
  reply(head_answer("t", 9));
  EXPECT_EQ(store_->head("x")->bytes, 9u);
  reply(answered(400));  // a HEAD has no words
  reply(refused(400, "ExpiredToken"));
  EXPECT_NE(store_->head("x").error().message().find("session token"), std::string::npos);
}

TEST_F(S3StoreReads, GetChecksTheContent) {
  std::vector<HttpHeader> headers = {{"x-amz-meta-freshet-crc32c", "9a71bb4c"}};
  reply(answered(200, "hello", headers));
  EXPECT_EQ(*store_->get("x"), "hello");
  reply(answered(200, "hellO", headers));
  EXPECT_EQ(store_->get("x").error().number(), 3709);
  reply(answered(200, "<Error><Code>SlowDown</Code></Error>"));  // an object like any other
  EXPECT_TRUE(store_->get("x").has_value());
  reply(failed(Kind::kOverlong));
  EXPECT_EQ(store_->get("x").error().number(), 3710);
  reply(refused(404, "NoSuchKey"));
  EXPECT_EQ(store_->get("x").error().number(), 3703);
}

TEST_F(S3StoreReads, RangesMustBeThoseAskedFor) {
  auto range = [&](int status, const char* body, const char* content_range) {
    reply(answered(status, body, {{"content-range", content_range}}));
    auto got = store_->get_range("x", 2, 3);
    return got ? *got : std::to_string(got.error().number());
  };
  EXPECT_EQ(range(206, "234", "bytes 2-4/10"), "234");
  EXPECT_EQ(header_of(script_.seen[0], "range"), "bytes=2-4");
  EXPECT_EQ(range(206, "2", "bytes 2-2/3"), "2");
  EXPECT_EQ(range(200, "0123456", ""), "234");
  EXPECT_EQ(range(200, "0", ""), "");
  EXPECT_EQ(range(416, "", ""), "");
  EXPECT_EQ(range(206, "012", "bytes 0-2/10"), "3709");
  EXPECT_EQ(range(206, "23", "bytes 2-3/10"), "3709");
  EXPECT_EQ(range(206, "23", "bytes 2-4/10"), "3709");
  EXPECT_EQ(range(206, "234", "bytes x"), "3709");
}

TEST_F(S3StoreReads, RemovingIsSettledToo) {
  reply(answered(204));
  EXPECT_TRUE(store_->remove("x").has_value());
  reply(refused(404, "NoSuchKey"));
  EXPECT_TRUE(store_->remove("x").has_value());
  script_.otherwise = [&](const HttpRequest& request) {
    return request.method == "HEAD" ? answered(404) : failed(Kind::kNoAnswer);
  };
  EXPECT_TRUE(store_->remove("x").has_value());
  script_.otherwise = [&](const HttpRequest& request) {
    return request.method == "HEAD" ? head_answer("t", 1) : failed(Kind::kNoAnswer);
  };
  EXPECT_TRUE(outcome_is_unknown(store_->remove("x").error()));
}

}  // namespace
}  // namespace freshet::object_store

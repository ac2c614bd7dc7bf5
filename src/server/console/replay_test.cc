// /v1/replay, over a service that keeps one replay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/console/test_http_api.h"

namespace freshet::console {
namespace {

using testing::HasSubstr;

class ModelReplays : public replay::ReplayService {
 public:
  Result<replay::ReplayEstimate> estimate(const replay::ReplayRequest& request,
                                          const Allows& allows) override {
    if (!allows("detections")) return Error(Code::kNotFound, 5120, "there is no pipeline");
    asked = request;
    replay::ReplayEstimate estimate;
    estimate.pipeline = estimate.table = estimate.stream = "detections";
    estimate.from_us = request.from_us;
    estimate.to_us = request.to_us;
    estimate.records = 100;
    return estimate;
  }
  Result<replay::ReplayState> begin(const replay::ReplayRequest& request, const Allows& allows,
                                    const std::string& owner) override {
    FRESHET_TRY(one.estimate, estimate(request, allows));
    one.id = "replay-1";
    one.owner = owner;
    one.request = request;
    return one;
  }
  Result<replay::ReplayState> state(std::string_view id, std::string_view owner) override {
    if (id != one.id || owner != one.owner) return Error(Code::kNotFound, 5125, "no such replay");
    return one;
  }
  Result<replay::ReplayState> stop(std::string_view id, std::string_view owner) override {
    if (id == one.id) one.stopped = true;
    return state(id, owner);
  }

  replay::ReplayRequest asked;
  replay::ReplayState one;
};

const std::string kRange = R"("from":"2026-11-22T09:00:00Z","to":"2026-11-22T10:00:00.000001Z")";

class ReplayCallTest : public HttpApiTest {
 protected:
  void SetUp() override {
    HttpApiTest::SetUp();
    api_ = std::make_unique<HttpApi>(HttpApiParts{
        .streams = streams_,
        .tables = tables_,
        .engine = *engine_,
        .explain = explain_,
        .references = references_,
        .executor = executor_,
        .clock = clock_,
        .random = random_,
        .hash_partition_key = [](std::string_view) { return HashKey{7}; },
        .health = [this] { return health_; },
        .replays = &replays_,
    });
  }
  http::Response with_key(std::string_view key, std::string method, std::string target,
                          std::string body = "") {
    auto sent = request(std::move(method), std::move(target), std::move(body));
    sent.headers.push_back({"authorization", "Bearer " + std::string(key) + ".s3cret"});
    return send(std::move(sent));
  }

  ModelReplays replays_;
};

TEST_F(ReplayCallTest, TellsWhatItWouldReadAndThenWhatCameOfIt) {
  auto estimate = send("POST", "/v1/replay", "{" + kRange + R"(,"dry_run":true,"camera":"c\"1"})");
  EXPECT_EQ(estimate.status, 200);
  EXPECT_THAT(estimate.body, HasSubstr(R"("to":"2026-11-22T10:00:00.000001Z","camera":"c\"1")"));
  EXPECT_THAT(estimate.body, HasSubstr(R"("records":100)"));
  EXPECT_TRUE(replays_.one.id.empty()) << "nothing was begun";

  auto begun = send("POST", "/v1/replay", "{" + kRange + R"(,"from_log_start":true})");
  EXPECT_EQ(begun.status, 202) << begun.body;
  EXPECT_TRUE(replays_.asked.from_log_start);
  EXPECT_EQ(send("GET", "/v1/replay/replay-1").status, 202);

  replays_.one.running = false;
  replays_.one.comparison.equal = 7;
  replays_.one.comparison.columns = {{"a", 0}, {"b", 2}};
  replays_.one.comparison.examples = {R"({"kind":"different"})"};
  replays_.one.gaps = {"a \"gap\""};
  auto done = send("GET", "/v1/replay/replay-1");
  EXPECT_EQ(done.status, 200);
  EXPECT_THAT(done.body, HasSubstr(R"("state":"done")"));
  EXPECT_THAT(done.body, HasSubstr(R"("gaps":["a \"gap\""])"));
  EXPECT_THAT(done.body, HasSubstr(R"("columns":{"b":2},"examples":[{"kind":"different"}])"));

  replays_.one.error = Error(Code::kThrottled, 5126, "too \"much\"");
  auto failed = send("GET", "/v1/replay/replay-1");
  EXPECT_EQ(failed.status, 200);
  EXPECT_THAT(failed.body, HasSubstr(R"("state":"failed")"));
  EXPECT_THAT(failed.body, HasSubstr(R"("error":{"code":"FRS-5126","message":"too \"much\""})"));
  EXPECT_THAT(failed.body, testing::Not(HasSubstr("comparison")));
  expect_error(send("GET", "/v1/replay/replay-2"), 404, "FRS-5125");
}

TEST_F(ReplayCallTest, RefusesBodiesThatSayLittle) {
  for (const char* body :
       {"", "[]", "{}", R"({"from":"2026-11-22T09:00:00Z"})",
        R"({"from":"2026-11-22T09:00:00","to":"2026-11-22T10:00:00Z"})", R"({"from":1,"to":2})"})
    expect_error(send("POST", "/v1/replay", body), 400, "FRS-5103");
  expect_error(send("POST", "/v1/replay", "{" + kRange + R"(,"camera":""})"), 400, "FRS-5103");
  expect_error(send("POST", "/v1/replay", "{" + kRange + R"(,"dry_run":"yes"})"), 400, "FRS-5103");
  expect_error(send("POST", "/v1/replay", "{" + kRange + R"(,"cameras":"a"})"), 400, "FRS-5104");
}

TEST_F(ReplayCallTest, WantsTheRuleAndTheRightToReadWhatItShows) {
  api_->replace_keys(
      {{"runner", "s3cret", {{"replay:run", "table/detections"}}},
       {"reader", "s3cret", {{"sql:read", "table/*"}}},
       {"both", "s3cret", {{"replay:run", "table/detections"}, {"sql:read", "table/detections"}}}});
  std::string body = "{" + kRange + "}";
  expect_error(send("POST", "/v1/replay", body), 401, "FRS-4021");
  expect_error(with_key("runner", "POST", "/v1/replay", body), 404, "FRS-5120");
  expect_error(with_key("reader", "POST", "/v1/replay", body), 404, "FRS-5120");
  EXPECT_EQ(with_key("both", "POST", "/v1/replay", body).status, 202);
  expect_error(with_key("both", "POST", "/v1/replay", "{" + kRange + R"(,"into":"copy"})"), 403,
               "FRS-4022");
  EXPECT_EQ(with_key("both", "GET", "/v1/replay/replay-1").status, 202);
  expect_error(with_key("reader", "GET", "/v1/replay/replay-1"), 404, "FRS-5125");
  expect_error(with_key("reader", "DELETE", "/v1/replay/replay-1"), 404, "FRS-5125");
  EXPECT_EQ(with_key("both", "DELETE", "/v1/replay/replay-1").status, 202);
  EXPECT_TRUE(replays_.one.stopped);
}

}  // namespace
}  // namespace freshet::console

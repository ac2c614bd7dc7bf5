#include "server/console/http_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "server/console/event_body.h"
#include "server/console/test_http_api.h"

namespace freshet::console {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(HttpApiTest, PutsEventsAndSaysWhatBecameOfEach) {
  auto sent = request("POST", "/v1/streams/detections/events",
                      "{\"camera_id\":\"c1\",\"n\":1}\n{\"cam\":\"c2\",\"again\":1}\n\n"
                      "not json but bad\n{\"skip\":1}\n" +
                          std::string(300, 'x') + "\n");
  sent.headers.push_back({"content-type", "application/x-ndjson"});
  auto response = send(std::move(sent));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(
      response.body,
      R"({"api":"v1","received":5,"accepted":1,"duplicate":1,"refused":2,"filtered":1,)"
      R"("position":"v1,detections@40","refusals":[)"
      R"({"row":2,"outcome":"refused","position":30,"reason":"schema","detail":"\"bad\" is not good"},)"
      R"({"row":4,"outcome":"refused","reason":"too_large","detail":"larger than the stream's limit of 200B a record"}],)"
      R"("rows":[{"row":0,"outcome":"accepted","position":10},)"
      R"({"row":1,"outcome":"duplicate","position":20,"first_position":10},)"
      R"({"row":2,"outcome":"refused","position":30,"reason":"schema","detail":"\"bad\" is not good"},)"
      R"({"row":3,"outcome":"filtered","position":40},)"
      R"({"row":4,"outcome":"refused","reason":"too_large","detail":"larger than the stream's limit of 200B a record"}]})"
      "\n");
  EXPECT_EQ(header(response, "freshet-cut"), "v1,detections@40");
  EXPECT_THAT(streams_.keys, ElementsAre("c1", "c2", "-", "-"));
  // Read your own write, with the token.
  response = send("POST", "/v1/sql",
                  R"({"sql":"SELECT position, text FROM detections","after":"v1,detections@40"})");
  EXPECT_EQ(response.body,
            "[{\"position\":10,\"text\":\"{\\\"camera_id\\\":\\\"c1\\\",\\\"n\\\":1}\"}]\n");
}

TEST_F(HttpApiTest, TakesArraysAndSingleObjects) {
  auto response =
      send("POST", "/v1/streams/plain/events",
           " [ {\"cam\":\"a,]\\\"\"} , {\"cam\":\"b\",\"x\":[1,{}]},\n{\"camera_id\":7} ] ");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr(R"("stored":3)"));
  EXPECT_THAT(streams_.keys, ElementsAre("a,]\"", "b", "-"));
  response = send("POST", "/v1/streams/plain/events", "{\n \"cam\": \"c\"\n}");
  EXPECT_THAT(response.body, HasSubstr(R"("received":1)"));
  response = send("POST", "/v1/streams/plain/events", "{\"cam\":\"d\"}\n{\"cam\":\"e\"}");
  EXPECT_THAT(response.body, HasSubstr(R"("received":2)"));
  expect_error(send("POST", "/v1/streams/plain/events", "[{\"cam\":\"d\"},"), 400, "FRS-5103");
  expect_error(send("POST", "/v1/streams/plain/events", " \n "), 400, "FRS-5103");
  expect_error(send("POST", "/v1/streams/other/events", "{}"), 404, "FRS-5112");
  streams_.refuse_ = true;
  auto full = send("POST", "/v1/streams/plain/events", "{}");
  expect_error(full, 429, "FRS-3001");
  EXPECT_EQ(header(full, "retry-after"), "1");
}

TEST(SplitEvents, RefusesTooMany) {
  std::string body;
  for (std::size_t i = 0; i < kEventsMax; ++i) body += "{}\n";
  EXPECT_EQ(split_events(body, "application/x-ndjson")->size(), kEventsMax);
  EXPECT_FALSE(split_events(body + "{}", "application/x-ndjson").has_value());
  EXPECT_EQ(split_events("[]", "")->size(), 0u);
}

TEST_F(HttpApiTest, AnswersSqlInTheFormatThatIsAcceptable) {
  auto ask = [&](std::string accept) {
    auto sent = request("POST", "/v1/sql", R"({"sql":"SELECT 1 AS a, 'x' AS b"})");
    if (!accept.empty()) sent.headers.push_back({"accept", std::move(accept)});
    return send(std::move(sent));
  };
  EXPECT_EQ(ask("").body, "[{\"a\":1,\"b\":\"x\"}]\n");
  EXPECT_EQ(ask("application/x-ndjson").body, "{\"a\":1,\"b\":\"x\"}\n");
  EXPECT_EQ(ask("text/html, text/*;q=0.5, application/json;q=0.1").body, "a,b\n1,x\n");
  EXPECT_EQ(header(ask("text/csv"), "content-type"), "text/csv");
  EXPECT_EQ(header(ask("*/*"), "freshet-cut"), "v1");
  expect_error(ask("image/png"), 406, "FRS-5105");
}

TEST_F(HttpApiTest, SqlTakesParametersAndLimitsAndRefusesTheRest) {
  auto ask = [this](std::string body) { return send("POST", "/v1/sql", std::move(body)); };
  EXPECT_EQ(ask(R"({"sql":"SELECT ? AS a, ? AS b, ? AS c","params":[1.5,null,"x"]})").body,
            "[{\"a\":1.5,\"b\":null,\"c\":\"x\"}]\n");
  EXPECT_EQ(ask(R"({"sql":"SELECT $n + 1 AS a","params":{"n":41}})").body, "[{\"a\":42}]\n");
  expect_error(ask(R"j({"sql":"SELECT * FROM range(9)","limits":{"rows":3}})j"), 400, "FRS-5005");
  expect_error(ask(R"j({"sql":"SELECT count(*) FROM range(1000000) a, range(1000000) b",)j"
                   R"j("limits":{"time":"50ms"}})j"),
               504, "FRS-5006");
  expect_error(ask("SELECT 1"), 400, "FRS-5103");
  expect_error(ask("[]"), 400, "FRS-5103");
  expect_error(ask("{}"), 400, "FRS-5103");
  expect_error(ask(R"({"sql":7})"), 400, "FRS-5103");
  expect_error(ask(R"({"sql":"SELECT 1","limits":{"rows":0}})"), 400, "FRS-5103");
  expect_error(ask(R"({"sql":"SELECT 1","limits":{"time":"x"}})"), 400, "FRS-5103");
  expect_error(ask(R"({"sql":"SELECT 1","as_of":"x"})"), 400, "FRS-5103");
  expect_error(ask(R"({"sql":"SELECT 1","as_off":"x"})"), 400, "FRS-5104");
  expect_error(ask(R"({"sql":"DROP TABLE x"})"), 400, "FRS-5001");
  expect_error(ask(R"j({"sql":"SELECT * FROM read_text('/etc/passwd')"})j"), 403, "FRS-5002");
  expect_error(ask(R"({"sql":"SELECT * FROM nothing"})"), 404, "FRS-5012");
}

TEST_F(HttpApiTest, TailFollowsByPosition) {
  auto next_of = [](const http::Response& response) {
    simdjson::dom::parser parser;
    return std::string(std::string_view(parser.parse(response.body)["next"]));
  };
  send("POST", "/v1/streams/detections/events", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}");
  auto now = send("GET", "/v1/tail?table=detections");
  EXPECT_THAT(now.body, HasSubstr("\"rows\":[]"));
  auto page = send("GET", "/v1/tail?table=detections&after=start&limit=2");
  EXPECT_THAT(page.body, HasSubstr("\"position\":10"));
  EXPECT_THAT(page.body, HasSubstr("\"position\":20"));
  EXPECT_EQ(next_of(page), "t1.20.0");
  page = send("GET", "/v1/tail?table=detections&limit=2&after=" + next_of(page));
  EXPECT_THAT(page.body, HasSubstr("\"rows\":[{\"position\":30"));
  EXPECT_EQ(next_of(page), next_of(now));
  page = send("GET", "/v1/tail?table=detections&wait=0&after=" + next_of(page));
  EXPECT_THAT(page.body, HasSubstr("\"rows\":[]"));
  send("POST", "/v1/streams/detections/events", "{\"n\":4}\n{\"n\":5}");
  page = send("GET", "/v1/tail?table=detections&after=" + next_of(page) +
                         "&filter=text%20LIKE%20%27%255%25%27%20--%20a+comment");
  EXPECT_THAT(page.body, HasSubstr("\"rows\":[{\"position\":50"));
  page = send("GET", "/v1/tail?table=detections&after=v1,detections@40");
  EXPECT_THAT(page.body, HasSubstr("\"rows\":[{\"position\":50"));

  expect_error(send("GET", "/v1/tail?table=other"), 404, "FRS-5012");
  expect_error(send("GET", "/v1/tail?table=detections&after=x"), 400, "FRS-5010");
  expect_error(send("GET", "/v1/tail?table=detections&after=t1.5"), 400, "FRS-5106");
  expect_error(send("GET", "/v1/tail?table=detections&limit=0"), 400, "FRS-5106");
  expect_error(send("GET", "/v1/tail?table=detections&form=x"), 400, "FRS-5106");
  expect_error(send("GET", "/v1/tail?table=detections&after=start&filter=nothing"), 400,
               "FRS-5003");
  expect_error(send("GET", "/v1/tail?table=detections&filter=%zz"), 400, "FRS-5106");
}

TEST_F(HttpApiTest, ExplainsAnEvent) {
  send("POST", "/v1/streams/detections/events", "{\"n\":1}");
  auto response = send("GET", "/v1/explain/a%20b");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(
      response.body,
      R"({"api":"v1","id":"a b","fates":[{"table":"detections","outcome":"accepted","steps":[)"
      R"({"outcome":"accepted","position":10,"sub_position":0,"partition":"shardId-000000000000",)"
      R"("arrival":"2026-11-22T10:00:00.000000Z"},{"outcome":"duplicate","position":20,"sub_position":0}],)"
      R"("row":{"position":10,"sub_position":0,"text":"{\"n\":1}","event_time":"2026-11-22T10:00:00.000000Z"}}]})"
      "\n");
  expect_error(send("GET", "/v1/explain/other"), 404, "FRS-5110");
}

TEST_F(HttpApiTest, ReferencesAreListedComparedAndPut) {
  EXPECT_EQ(send("GET", "/v1/reference").body,
            R"({"api":"v1","references":[{"name":"cameras"},{"name":"locations"}]})"
            "\n");
  EXPECT_THAT(send("GET", "/v1/reference/cameras/versions").body,
              HasSubstr(R"("content_hash":"00000000000000ff")"));
  EXPECT_EQ(
      send("PUT", "/v1/reference/cameras?file=c.csv", "id\n1\n").body,
      R"({"api":"v1","name":"cameras","version":4,"switched":true,"rows":2,"added":1,)"
      R"("added_keys":["a"],"removed":0,"removed_keys":[],"changed":2,"changed_keys":["b","c"]})"
      "\n");
  EXPECT_THAT(send("POST", "/v1/reference/cameras/diff?file=c.csv", "id\n1\n").body,
              HasSubstr("\"switched\":false"));
  expect_error(send("PUT", "/v1/reference/cameras", "x"), 400, "FRS-5106");
  expect_error(send("PUT", "/v1/reference/cameras?file=c.csv"), 400, "FRS-1328");
  expect_error(send("GET", "/v1/reference/cameras"), 404, "FRS-1310");
}

TEST_F(HttpApiTest, HealthMetricsTablesAndWrongPaths) {
  EXPECT_EQ(send("GET", "/healthz").body, "{\"status\":\"ok\"}\n");
  health_ = Error(Code::kUnavailable, 3005, "the disk is full");
  auto failing = send("GET", "/healthz");
  EXPECT_EQ(failing.status, 503);
  EXPECT_THAT(failing.body, HasSubstr("FRS-3005 the disk is full"));
  auto metrics = send("GET", "/metrics");
  EXPECT_THAT(metrics.body, HasSubstr("freshet_console_requests_total"));
  EXPECT_THAT(send("GET", "/v1/tables").body,
              HasSubstr(R"({"name":"detections","stream":"detections","rows":0,"columns":[)"
                        R"({"name":"position","type":"UBIGINT"})"));
  expect_error(send("GET", "/v2/sql"), 404, "FRS-5101");
  expect_error(send("GET", "/v1/streams//events"), 404, "FRS-5101");
  expect_error(send("GET", "/v1/sql"), 405, "FRS-5102");
  auto compressed = request("POST", "/v1/sql", "x");
  compressed.headers.push_back({"content-encoding", "gzip"});
  expect_error(send(std::move(compressed)), 415, "FRS-5108");
  executor_.full = true;
  expect_error(send("POST", "/v1/sql", "{}"), 429, "FRS-5107");
}

TEST_F(HttpApiTest, WithoutKeysOnlyLocalRequestsPass) {
  auto foreign_host = request("GET", "/v1/tables");
  foreign_host.headers = {{"host", "evil.example:8080"}};
  expect_error(send(std::move(foreign_host)), 403, "FRS-4020");
  auto foreign_origin = request("POST", "/v1/sql", R"({"sql":"SELECT 1"})");
  foreign_origin.headers.push_back({"origin", "https://evil.example"});
  expect_error(send(std::move(foreign_origin)), 403, "FRS-4020");
}

TEST_F(HttpApiTest, KeysMayDoWhatTheirRulesSayOnly) {
  api_->replace_keys(
      {{"reader", "s3cret", {{"sql:read", "table/detections"}}},
       {"writer", "other", {{"events:put", "stream/det*"}, {"reference:*", "reference/cameras"}}}});
  auto with_key = [&](std::string token, std::string method, std::string target,
                      std::string body = "") {
    auto sent = request(std::move(method), std::move(target), std::move(body));
    if (!token.empty()) sent.headers.push_back({"authorization", std::move(token)});
    return send(std::move(sent));
  };
  const std::string reader = "Bearer reader.s3cret";
  const std::string writer = "Bearer writer.other";
  const std::string query = R"j({"sql":"SELECT count(*) AS n FROM detections"})j";

  EXPECT_EQ(with_key(reader, "POST", "/v1/sql", query).status, 200);
  EXPECT_EQ(with_key(writer, "POST", "/v1/streams/detections/events", "{}").status, 200);
  EXPECT_EQ(with_key("", "GET", "/healthz").status, 200);
  EXPECT_EQ(with_key(writer, "GET", "/v1/reference").body,
            "{\"api\":\"v1\",\"references\":[{\"name\":\"cameras\"}]}\n");
  EXPECT_THAT(with_key(reader, "GET", "/v1/tables").body, testing::Not(HasSubstr("$dead")));

  for (const char* token : {"", "Bearer ", "Bearer reader", "Bearer reader.", "Bearer reader.s3cre",
                            "Bearer reader.s3cretx", "Bearer writer.s3cret", "bearer reader.s3cret",
                            "Basic cmVhZGVyOnMzY3JldA=="}) {
    SCOPED_TRACE(token);
    auto denied = with_key(token, "POST", "/v1/sql", query);
    expect_error(denied, 401, "FRS-4021");
    EXPECT_EQ(header(denied, "www-authenticate"), "Bearer");
  }
  auto twice = request("GET", "/v1/tables");
  twice.headers.push_back({"authorization", reader});
  twice.headers.push_back({"authorization", reader});
  expect_error(send(std::move(twice)), 401, "FRS-4021");

  // Every route but /healthz, with a key that has no rule for it.
  expect_error(with_key(writer, "POST", "/v1/sql", query), 403, "FRS-4011");
  expect_error(with_key(reader, "POST", "/v1/sql", R"({"sql":"FROM \"detections$dead\""})"), 403,
               "FRS-4011");
  expect_error(with_key(reader, "POST", "/v1/streams/detections/events", "{}"), 403, "FRS-4022");
  expect_error(with_key(writer, "POST", "/v1/streams/plain/events", "{}"), 403, "FRS-4022");
  expect_error(with_key(writer, "GET", "/v1/tail?table=detections"), 403, "FRS-4022");
  expect_error(with_key(reader, "GET", "/v1/tail?table=detections$dead"), 403, "FRS-4022");
  expect_error(with_key(writer, "GET", "/v1/explain/a%20b"), 404, "FRS-5110");
  expect_error(with_key(reader, "GET", "/metrics"), 403, "FRS-4022");
  expect_error(with_key(reader, "GET", "/v1/reference/cameras"), 403, "FRS-4022");
  expect_error(with_key(reader, "GET", "/v1/reference/cameras/versions"), 403, "FRS-4022");
  expect_error(with_key(reader, "PUT", "/v1/reference/cameras?file=a.csv", "x"), 403, "FRS-4022");
  expect_error(with_key(writer, "POST", "/v1/reference/locations/diff?file=a.csv", "x"), 403,
               "FRS-4022");
  EXPECT_EQ(with_key(writer, "GET", "/v1/tables").body, "{\"api\":\"v1\",\"tables\":[]}\n");
}

}  // namespace
}  // namespace freshet::console

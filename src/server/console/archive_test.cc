// /v1/archive and the Iceberg catalog, over an archive of two tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "server/console/test_http_api.h"

namespace freshet::console {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kTables = "/iceberg/v1/namespaces/freshet/tables";

class ArchiveTest : public HttpApiTest {
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
        .archive = &archive_,
        .archive_executor = &archive_executor_,
        .archive_access = {{"s3.endpoint", "http://127.0.0.1:9000"}},
    });
  }

  http::Response with_key(std::string_view key, std::string method, std::string target,
                          std::string body = "") {
    auto sent = request(std::move(method), std::move(target), std::move(body));
    if (!key.empty())
      sent.headers.push_back({"authorization", "Bearer " + std::string(key) + ".s3cret"});
    return send(std::move(sent));
  }
  static void expect_iceberg_error(const http::Response& response, int status,
                                   std::string_view type, std::string_view words) {
    EXPECT_EQ(response.status, status) << response.body;
    simdjson::dom::parser parser;
    simdjson::dom::element error;
    ASSERT_EQ(parser.parse(response.body)["error"].get(error), simdjson::SUCCESS) << response.body;
    EXPECT_EQ(std::string_view(error["type"]), type);
    EXPECT_EQ(std::uint64_t(error["code"]), static_cast<std::uint64_t>(status));
    EXPECT_THAT(std::string(std::string_view(error["message"])), HasSubstr(words));
  }
  std::vector<std::string> names_at(const std::string& target, std::string* next = nullptr) {
    auto response = send("GET", target);
    EXPECT_EQ(response.status, 200) << response.body;
    simdjson::dom::parser parser;
    simdjson::dom::element page = parser.parse(response.body);
    std::vector<std::string> names;
    for (auto one : page["identifiers"].get_array())
      names.emplace_back(std::string_view(one["name"]));
    std::string_view token;
    if (page["next-page-token"].get(token) != simdjson::SUCCESS) token = "";
    if (next != nullptr) *next = token;
    return names;
  }

  ModelArchive archive_;
  ModelExecutor archive_executor_;
};

TEST_F(ArchiveTest, TheCatalogSaysWhatItServesAndServesIt) {
  auto config = send("GET", "/iceberg/v1/config?warehouse=any");
  EXPECT_EQ(config.status, 200);
  EXPECT_EQ(header(config, "content-type"), "application/json");
  simdjson::dom::parser parser;
  simdjson::dom::element parsed = parser.parse(config.body);
  EXPECT_EQ(parsed["overrides"].get_object().value().size(), 0u);
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"/{prefix}", ""}, {"{namespace}", "freshet"}, {"{table}", "detections"}};
  for (auto endpoint : parsed["endpoints"].get_array()) {
    std::string text{std::string_view(endpoint)};
    std::string method = text.substr(0, text.find(' '));
    std::string path = "/iceberg" + text.substr(text.find(' ') + 1);
    for (const auto& [name, value] : kNames) {
      if (auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
    }
    EXPECT_EQ(send(method, path).status / 100, 2) << text;
  }
  EXPECT_EQ(parsed["endpoints"].get_array().value().size(), 7u);
}

TEST_F(ArchiveTest, ThereIsOneNamespace) {
  EXPECT_EQ(send("GET", "/iceberg/v1/namespaces").body, "{\"namespaces\":[[\"freshet\"]]}\n");
  EXPECT_EQ(send("GET", "/iceberg/v1/namespaces?parent=freshet&pageToken=").body,
            "{\"namespaces\":[]}\n");
  EXPECT_EQ(send("GET", "/iceberg/v1/namespaces/freshet").body,
            "{\"namespace\":[\"freshet\"],\"properties\":{}}\n");
  EXPECT_EQ(send("HEAD", "/iceberg/v1/namespaces/freshet").status, 204);
  EXPECT_EQ(send("HEAD", "/iceberg/v1/namespaces/other").status, 404);
  const std::string_view type = "NoSuchNamespaceException";
  expect_iceberg_error(send("GET", "/iceberg/v1/namespaces/freshet%1Finner"), 404, type,
                       "FRS-5114");
  expect_iceberg_error(send("GET", "/iceberg/v1/namespaces?parent=o%22ther"), 404, type,
                       R"("o\"ther")");
  expect_iceberg_error(send("GET", "/iceberg/v1/namespaces/other/tables"), 404, type, "freshet");
  expect_iceberg_error(send("GET", "/iceberg/v1/namespaces/other/tables/detections"), 404, type,
                       "freshet");
}

TEST_F(ArchiveTest, TablesAreListedByPages) {
  archive_.more_names = {"a\"b", "zones"};
  EXPECT_THAT(names_at(kTables), ElementsAre("a\"b", "detections", "detections_dead", "zones"));
  std::string next;
  EXPECT_THAT(names_at(kTables + "?pageToken=&pageSize=3", &next),
              ElementsAre("a\"b", "detections", "detections_dead"));
  EXPECT_EQ(next, "detections_dead");
  archive_.more_names = {"zones"};
  EXPECT_THAT(names_at(kTables + "?pageSize=3&pageToken=" + next, &next), ElementsAre("zones"));
  EXPECT_EQ(next, "");
  expect_iceberg_error(send("GET", kTables + "?pageSize=0"), 400, "BadRequestException",
                       "FRS-5106");
}

TEST_F(ArchiveTest, ATableIsLoadedWithItsMetadataAsItIs) {
  auto loaded = send("GET", kTables + "/detections_dead?snapshots=all");
  EXPECT_EQ(loaded.status, 200);
  EXPECT_EQ(loaded.body,
            "{\"metadata-location\":\"file:///archive/detections_dead/metadata/v4.json\","
            "\"metadata\":{\"format-version\" : 2,\n \"x\":1.50},"
            "\"config\":{\"s3.endpoint\":\"http://127.0.0.1:9000\"}}\n");
  EXPECT_EQ(send("HEAD", kTables + "/detections_dead").status, 204);
  EXPECT_EQ(send("HEAD", kTables + "/detections$dead").status, 404);
  EXPECT_EQ(send("POST", kTables + "/detections/metrics", "{\"report-type\":\"scan\"}").status,
            204);
  expect_iceberg_error(send("GET", kTables + "/zones"), 404, "NoSuchTableException", "FRS-3830");
  expect_iceberg_error(send("POST", kTables + "/zones/metrics", "{}"), 404, "NoSuchTableException",
                       "zones");
}

TEST_F(ArchiveTest, WhatAClientHasIsNotReadAgain) {
  std::string tag = header(send("GET", kTables + "/detections"), "etag");
  EXPECT_THAT(tag, testing::StartsWith("\"4-"));
  auto ask = [&](std::string known) {
    auto sent = request("GET", kTables + "/detections");
    sent.headers.push_back({"if-none-match", std::move(known)});
    return send(std::move(sent));
  };
  EXPECT_EQ(archive_.loads, 1u);
  for (const std::string& known : {tag, "\"x\" , W/" + tag, std::string("*")}) {
    auto unchanged = ask(known);
    EXPECT_EQ(unchanged.status, 304) << known;
    EXPECT_EQ(unchanged.body, "");
    EXPECT_EQ(header(unchanged, "etag"), tag);
  }
  EXPECT_EQ(archive_.loads, 1u);
  EXPECT_EQ(ask("\"4-0\"").status, 200);
  archive_.version = 5;
  auto changed = ask(tag);
  EXPECT_EQ(changed.status, 200);
  EXPECT_NE(header(changed, "etag"), tag);
}

TEST_F(ArchiveTest, WritesAreRefusedWithTheWayOut) {
  const std::pair<const char*, std::string> kWrites[] = {
      {"POST", "/iceberg/v1/namespaces"},
      {"DELETE", "/iceberg/v1/namespaces/freshet"},
      {"POST", "/iceberg/v1/namespaces/freshet/properties"},
      {"POST", kTables},
      {"POST", kTables + "/detections"},
      {"DELETE", kTables + "/detections"},
      {"POST", "/iceberg/v1/tables/rename"},
      {"POST", "/iceberg/v1/transactions/commit"},
  };
  for (const auto& [method, target] : kWrites) {
    SCOPED_TRACE(target);
    expect_iceberg_error(send(method, target, "{}"), 406, "UnsupportedOperationException",
                         "read-only");
  }
  expect_iceberg_error(send("GET", "/iceberg/v1/namespaces/freshet/views"), 404,
                       "NotFoundException", "FRS-5101");
  expect_iceberg_error(HttpApi::refusal(413, "too long", request("POST", kTables)), 413,
                       "BadRequestException", "FRS-5109");
  executor_.full = true;
  expect_iceberg_error(send("GET", "/iceberg/v1/namespaces"), 429, "TooManyRequestsException",
                       "FRS-5107");
}

TEST_F(ArchiveTest, KeysSeeTheTablesOfTheirRules) {
  api_->replace_keys(
      {{"reader", "s3cret", {{"archive:read", "table/detections"}}},
       {"keeper", "s3cret", {{"archive:verify", "table/*$dead"}, {"archive:flush", "server"}}}});
  expect_iceberg_error(send("GET", "/iceberg/v1/config"), 401, "NotAuthorizedException",
                       "FRS-4021");
  EXPECT_EQ(header(send("GET", "/iceberg/v1/config"), "www-authenticate"), "Bearer");
  EXPECT_EQ(with_key("keeper", "GET", "/iceberg/v1/config").status, 200);
  EXPECT_EQ(with_key("reader", "GET", kTables).body,
            "{\"identifiers\":[{\"namespace\":[\"freshet\"],\"name\":\"detections\"}]}\n");
  EXPECT_EQ(with_key("keeper", "GET", kTables).body, "{\"identifiers\":[]}\n");
  EXPECT_EQ(with_key("reader", "GET", kTables + "/detections").status, 200);
  for (const char* table : {"/detections_dead", "/not_there"}) {
    for (const char* method : {"GET", "HEAD"}) {
      expect_iceberg_error(with_key("reader", method, kTables + table), 403, "ForbiddenException",
                           "archive:read table/");
    }
  }
  expect_iceberg_error(with_key("reader", "POST", kTables + "/detections_dead/metrics", "{}"), 403,
                       "ForbiddenException", "archive:read table/detections$dead");

  EXPECT_THAT(with_key("reader", "GET", "/v1/archive").body, Not(HasSubstr("$dead")));
  EXPECT_EQ(with_key("keeper", "GET", "/v1/archive").body,
            "{\"api\":\"v1\",\"namespace\":\"freshet\",\"tables\":[]}\n");
  EXPECT_EQ(with_key("reader", "GET", "/v1/archive/tables/detections/files").status, 200);
  expect_error(with_key("reader", "GET", "/v1/archive/tables/detections$dead/files"), 403,
               "FRS-4022");
  expect_error(with_key("reader", "POST", "/v1/archive/verify"), 403, "FRS-4022");
  expect_error(with_key("reader", "POST", "/v1/archive/verify", R"({"table":"detections"})"), 403,
               "FRS-4022");
  expect_error(with_key("keeper", "POST", "/v1/archive/compact"), 403, "FRS-4022");
  expect_error(with_key("reader", "POST", "/v1/archive/flush"), 403, "FRS-4022");
  EXPECT_EQ(with_key("keeper", "POST", "/v1/archive/flush").status, 200);
  auto verified = with_key("keeper", "POST", "/v1/archive/verify");
  EXPECT_THAT(verified.body, HasSubstr("\"tables\":1"));
  EXPECT_EQ(with_key("keeper", "GET", "/v1/archive/jobs/verify-1").body, verified.body);
  expect_error(with_key("reader", "GET", "/v1/archive/jobs/verify-1"), 404, "FRS-5116");
  expect_error(with_key("reader", "DELETE", "/v1/archive/jobs/verify-1"), 404, "FRS-5116");
}

TEST_F(ArchiveTest, ArchivedTablesAreListed) {
  EXPECT_THAT(
      send("GET", "/v1/archive").body,
      HasSubstr(
          R"({"name":"detections","iceberg_name":"detections","files":3,"rows":100,"bytes":4096,)"
          R"("boundary":1099511627776,"committed":"2026-11-22T10:00:00.000000Z","version":4,)"
          R"("snapshot_id":7000000000000000001,"snapshots":2,"location":"file:///archive/detections",)"
          R"("metadata_url":"file:///archive/detections/metadata/v4.json"},{"name":"detections$dead",)"
          R"("iceberg_name":"detections_dead","files":3,"rows":100,"bytes":4096,)"
          R"("boundary":1099511627776,"committed":null,"version":4,"snapshot_id":null,)"));
}

TEST_F(ArchiveTest, FilesOfATableAreListed) {
  EXPECT_EQ(send("GET", "/v1/archive/tables/detections$dead/files").body,
            R"({"api":"v1","table":"detections$dead","files":[)"
            R"({"url":"file:///archive/detections_dead/data/a.parquet","rows":60,"bytes":2048},)"
            R"({"url":"file:///archive/detections_dead/data/b.parquet","rows":40,"bytes":1024}]})"
            "\n");
  EXPECT_EQ(send("GET", "/v1/archive/tables/detections%24dead/files").status, 200);
  expect_error(send("GET", "/v1/archive/tables/nothing/files"), 404, "FRS-3830");
}

TEST_F(ArchiveTest, VerifyTellsEachDamagedFile) {
  auto one = send("POST", "/v1/archive/verify", R"({"table":"detections$dead"})");
  EXPECT_EQ(one.status, 200);
  EXPECT_EQ(
      one.body,
      R"({"api":"v1","job":"verify-1","work":"verify","state":"done","tables":1,"reports":[)"
      R"({"table":"detections$dead","version":4,"files":3,"rows":100,"bytes":4096,"damaged":[)"
      R"({"url":"file:///archive/a\"b.parquet","error":"FRS-3812 its size is 7, not 9"}]}]})"
      "\n");
  archive_.failing = "detections";
  auto all = send("POST", "/v1/archive/verify", "{}");
  EXPECT_EQ(all.status, 200);
  EXPECT_THAT(all.body,
              HasSubstr(R"("error":{"code":"FRS-3700","message":"the store does not answer"}})"));
  EXPECT_THAT(all.body, HasSubstr("FRS-3812"));
  expect_error(send("POST", "/v1/archive/verify", R"({"table":"detections"})"), 503, "FRS-3700");
  expect_error(send("POST", "/v1/archive/verify", R"({"table":"zones"})"), 404, "FRS-3830");
  expect_error(send("POST", "/v1/archive/verify", R"({"table":7})"), 400, "FRS-5103");
  expect_error(send("POST", "/v1/archive/verify", R"({"name":"x"})"), 400, "FRS-5104");
  expect_error(send("POST", "/v1/archive/verify", "detections"), 400, "FRS-5103");
  EXPECT_EQ(
      send("POST", "/v1/archive/compact", R"({"table":"detections"})").body,
      R"({"api":"v1","job":"compact-4","work":"compact","state":"done","tables":1,"reports":[)"
      R"({"table":"detections","files_before":3,"files_after":1,"rows":100,"duplicates_removed":2}]})"
      "\n");
}

TEST_F(ArchiveTest, AJobSaysHowFarItIsAndEndsWhenToldTo) {
  archive_executor_.keeps = true;
  auto begun = send("POST", "/v1/archive/verify");
  EXPECT_EQ(begun.status, 202);
  EXPECT_EQ(begun.body,
            R"({"api":"v1","job":"verify-1","work":"verify","state":"running","tables":2,)"
            R"("table":"detections","files_done":0,"files":0,"reports":[]})"
            "\n");
  expect_error(send("POST", "/v1/archive/compact"), 429, "FRS-5113");
  EXPECT_EQ(send("POST", "/v1/archive/flush").status, 200);
  archive_.while_verifying = [this] {
    EXPECT_THAT(send("GET", "/v1/archive/jobs/verify-1").body,
                HasSubstr(R"("files_done":1,"files":3)"));
    EXPECT_EQ(send("DELETE", "/v1/archive/jobs/verify-1").status, 202);
  };
  archive_executor_.run_kept();
  EXPECT_EQ(send("GET", "/v1/archive/jobs/verify-1").body,
            R"({"api":"v1","job":"verify-1","work":"verify","state":"stopped","tables":2,)"
            R"("reports":[]})"
            "\n");
  expect_error(send("GET", "/v1/archive/jobs/verify-2"), 404, "FRS-5116");
}

TEST_F(ArchiveTest, AStoppingServerEndsItsJobs) {
  archive_executor_.full = true;
  expect_error(send("POST", "/v1/archive/verify"), 429, "FRS-5107");
  archive_executor_.full = false;
  archive_executor_.keeps = true;
  EXPECT_EQ(send("POST", "/v1/archive/verify").status, 202);
  api_->stop();
  archive_executor_.run_kept();
  EXPECT_THAT(send("GET", "/v1/archive/jobs/verify-2").body, HasSubstr("stopped"));
  expect_error(send("POST", "/v1/archive/verify"), 503, "FRS-5113");
}

TEST_F(ArchiveTest, AFailedFlushIsTold) {
  archive_.flush_status = Error(Code::kUnavailable, 3700, "the store does not answer");
  expect_error(send("POST", "/v1/archive/flush"), 503, "FRS-3700");
}

// Of the base: its API has no archive.
TEST_F(HttpApiTest, WithoutAnArchiveItsCallsSaySo) {
  for (const char* target : {"/v1/archive", "/v1/archive/jobs/verify-1"})
    expect_error(send("GET", target), 404, "FRS-3831");
  for (const char* target : {"/v1/archive/verify", "/v1/archive/compact", "/v1/archive/flush"})
    expect_error(send("POST", target), 404, "FRS-3831");
  for (const char* target :
       {"/iceberg/v1/config", "/iceberg/v1/namespaces", "/iceberg/v1/namespaces/freshet/views"}) {
    auto response = send("GET", target);
    EXPECT_EQ(response.status, 404);
    EXPECT_THAT(response.body, HasSubstr("[archive] url"));
    EXPECT_THAT(response.body, HasSubstr("\"type\":\"NotFoundException\",\"code\":404"));
  }
}

}  // namespace
}  // namespace freshet::console

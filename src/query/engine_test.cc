#include "query/engine.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "query/model_tables.h"

namespace freshet::query {
namespace {

using testing::HasSubstr;
using testing::Not;

Schema detections() {
  return {{{"detection_id", ColumnType::kUuid},
           {"event_time", ColumnType::kTimestamp},
           {"camera_id", ColumnType::kText},
           {"location_name", ColumnType::kText},
           {"confidence", ColumnType::kDouble},
           {"bbox", ColumnType::kBox},
           {"position", ColumnType::kUInt64}}};
}

// Kept by the batch's caller.
const std::vector<std::string>& locations() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (int i = 0; i < 12; ++i) all.push_back("Location with a long name " + std::to_string(i));
    return all;
  }();
  return names;
}

// Rows first … first + count - 1. Every tenth location and every seventh confidence is null.
ColumnBatch rows_from(std::uint64_t first, std::size_t count) {
  ColumnBatch batch(detections());
  auto& c = batch.columns;
  for (std::uint64_t i = first; i < first + count; ++i) {
    c[0].append(EventId{i << 32, ~i});
    c[1].append(static_cast<std::int64_t>(1'795'341'600'000'000 + i * 1000));
    c[2].append(std::string_view(i % 2 == 0 ? "even" : "odd"));
    if (i % 10 == 9)
      c[3].append_null();
    else
      c[3].append(std::string_view(locations()[i % locations().size()]));
    if (i % 7 == 3)
      c[4].append_null();
    else
      c[4].append(static_cast<double>(i % 100) / 100);
    c[5].append(Box{0, 0, 65'535, static_cast<std::uint16_t>(i)});
    c[6].append(i);
  }
  return batch;
}

class EngineTest : public testing::Test {
 protected:
  void fill(std::size_t rows, std::uint32_t chunk_rows) {
    tables_.add("detections", detections(), chunk_rows);
    tables_.add("detections$dead", {{{"reason", ColumnType::kText}, {"raw", ColumnType::kBlob}}},
                64);
    tables_.append("detections", rows_from(0, rows));
    ColumnBatch dead(Schema{{{"reason", ColumnType::kText}, {"raw", ColumnType::kBlob}}});
    dead.columns[0].append(std::string_view("parse"));
    dead.columns[1].append(std::string_view("{\x00\xff", 3));
    tables_.append("detections$dead", dead);
    pipeline::LedgerDelta delta;
    delta.add("even", 1'795'341'600'000'000, pipeline::Outcome::kAccepted);
    delta.add("", 1'795'341'661'000'000, pipeline::Outcome::kRefused);
    tables_.count(delta);
    tables_.publish(Position{rows});
  }
  void open(EngineConfig config = {}) {
    auto engine = Engine::open(config, tables_, io::system_clock());
    ASSERT_TRUE(engine.has_value()) << engine.error().to_string();
    engine_ = *std::move(engine);
  }
  SqlRequest request(std::string sql) const {
    SqlRequest made;
    made.sql = std::move(sql);
    made.format = sql::AnswerFormat::kCsv;
    made.allows = [](std::string_view) { return true; };
    return made;
  }
  std::string csv(std::string sql) {
    auto answer = engine_->run(request(std::move(sql)));
    return answer ? answer->answer.text : answer.error().to_string();
  }
  void expect_error(SqlRequest asked, Code code, int number, std::string_view words = "") {
    SCOPED_TRACE(asked.sql);
    auto answer = engine_->run(asked);
    ASSERT_FALSE(answer.has_value()) << answer->answer.text;
    EXPECT_EQ(answer.error().code(), code) << answer.error().to_string();
    EXPECT_EQ(answer.error().number(), number) << answer.error().to_string();
    EXPECT_THAT(answer.error().message(), HasSubstr(std::string(words)));
  }
  void expect_error(std::string sql, Code code, int number, std::string_view words = "") {
    expect_error(request(std::move(sql)), code, number, words);
  }

  ModelTables tables_{"stream"};
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, ReadsEveryRowOnceWhateverTheChunksAndThreads) {
  fill(200'000, 4'096);
  open({.threads = 4});
  EXPECT_EQ(csv("SELECT count(*) AS n, sum(position) AS s, count(location_name) AS l, "
                "count(confidence) AS c, count(DISTINCT detection_id) AS ids FROM detections"),
            "n,s,l,c,ids\n200000,19999900000,180000,171429,200000\n");
  EXPECT_EQ(
      csv("SELECT location_name, count(*) AS n FROM detections WHERE camera_id = 'even' GROUP "
          "BY ALL ORDER BY ALL LIMIT 2"),
      "location_name,n\nLocation with a long name 0,16667\nLocation with a long name 10,16666\n");
  EXPECT_EQ(csv("SELECT detection_id, bbox, event_time FROM detections WHERE position = 70001"),
            "detection_id,bbox,event_time\n00011171-0000-0000-ffff-fffffffeee8e,"
            "\"{\"\"x\"\":0.0,\"\"y\"\":0.0,\"\"w\"\":1.0,\"\"h\"\":0.06813153276874952}\","
            "2026-11-22T10:01:10.001000Z\n");
}

TEST_F(EngineTest, RespectsWhatWasTrimmedAndWhatIsNotPublished) {
  fill(10'000, 1'024);
  open();
  tables_.table("detections").trim(1'500);
  tables_.append("detections", rows_from(10'000, 10));
  EXPECT_EQ(
      csv("SELECT count(*) AS n, min(position) AS a, max(position) AS b, count(confidence) AS c "
          "FROM detections"),
      "n,a,b,c\n8500,1500,9999,7285\n");
}

TEST_F(EngineTest, OneCutServesTheWholeQueryAndIsNamed) {
  fill(100, 64);
  open();
  auto answer =
      engine_->run(request("SELECT a.position FROM detections a JOIN detections b USING "
                           "(detection_id) WHERE a.position < "
                           "2 ORDER BY 1"));
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->answer.text, "position\n0\n1\n");
  EXPECT_EQ(format_cut_token(answer->cut), "v1,stream@100+1");
}

TEST_F(EngineTest, WhatIsArchivedIsReadFromFilesAlone) {
  fill(1'000, 128);
  open();
  // Files hold what they say they hold: here none, so that memory's part shows.
  auto files = std::make_shared<sql::ArchiveTable>();
  files->plan = [](const sql::ScanConstraints&, sql::OnMissing) -> Result<sql::ArchivePlan> {
    return sql::ArchivePlan();
  };
  files->columns = {{"position", ColumnType::kUInt64, 1}};
  tables_.set_archived("detections", {Position{700}, files});
  EXPECT_EQ(csv("SELECT count(*) AS n, min(position) AS first FROM detections"),
            "n,first\n299,701\n");
  tables_.set_archived("detections", {Position{700}, nullptr});
  expect_error("SELECT count(*) FROM detections", Code::kUnavailable, 5014, "position 700");
}

TEST_F(EngineTest, ExplainSaysWhichChunksAndFilesAreReadAndWhyNotTheOthers) {
  fill(1'000, 128);
  open();
  auto files = std::make_shared<sql::ArchiveTable>();
  files->plan = [](const sql::ScanConstraints&, sql::OnMissing) -> Result<sql::ArchivePlan> {
    return sql::ArchivePlan{
        {}, {{"day of event_time is below 2026-11-28", 412, 9'000, 77'000}}, "snapshot 5"};
  };
  files->columns = {{"position", ColumnType::kUInt64, 1}};
  tables_.set_archived("detections", {Position{300}, files});
  std::string told = csv("EXPLAIN SELECT count(*) FROM detections WHERE position >= 900");
  EXPECT_THAT(told, testing::StartsWith("explain_key,table,count,rows,bytes,explain_value\n"
                                        "cut,,,,,\"v1,stream@1000+1\"\n"
                                        "files,detections,412,9000,77000,snapshot 5\n"
                                        "files read,detections,0,0,0,0 row groups\n"
                                        "files left out,detections,412,9000,77000,"
                                        "day of event_time is below 2026-11-28\n"
                                        "chunks,detections,6,699,0,in memory\n"
                                        "chunks read,detections,1,104,0,\n"
                                        "chunks left out,detections,5,595,0,position is below 900\n"
                                        "physical_plan,"));
  EXPECT_THAT(csv("EXPLAIN SELECT 1 FROM detections WHERE camera_id IN ('x', 'y')"),
              HasSubstr("chunks left out,detections,6,699,0,\"camera_id is none of 'x', 'y'\""));
  EXPECT_THAT(csv("EXPLAIN SELECT 1 FROM detections WHERE event_time < '2026-11-22 10:00:00.4Z'"),
              HasSubstr("event_time is above 2026-11-22T10:00:00.400000Z"));
}

// What is left out must not matter: the same count with conditions that the tree shows and without.
TEST_F(EngineTest, ChunksThatAreLeftOutHoldNoRowOfTheAnswer) {
  fill(3'000, 128);
  open();
  tables_.table("detections").trim(200);
  for (const char* condition :
       {"position BETWEEN 383 AND 384", "position = 2999", "position < 129", "position > 2999",
        "camera_id = 'odd' AND position <= 301", "camera_id = 'nobody'",
        "camera_id IN ('even', 'nobody') AND position >= 2800",
        "event_time BETWEEN '2026-11-22 10:00:01Z' AND '2026-11-22 10:00:01.2Z'",
        "event_time >= '2026-11-22 10:00:02.999Z'", "camera_id = 'odd' AND camera_id = 'even'"}) {
    std::string shown = fmt::format("SELECT count(*) AS n FROM detections WHERE {}", condition);
    std::string hidden =
        fmt::format("SELECT count(*) FILTER (WHERE {}) AS n FROM detections", condition);
    EXPECT_EQ(csv(shown), csv(hidden)) << condition;
  }
}

TEST_F(EngineTest, APartialAnswerSaysWhatCannotBeReached) {
  fill(1'000, 128);
  open();
  pipeline::ArchivedPart part{Position{700}, nullptr};
  part.failure = "FRS-3705 the bucket refuses";
  tables_.set_archived("detections", part);
  SqlRequest asked = request("SELECT count(*) AS n FROM detections");
  expect_error(asked, Code::kUnavailable, 5014, "FRS-3705 the bucket refuses");
  asked.partial = true;
  auto answer = engine_->run(asked);
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->answer.text, "n\n299\n");
  ASSERT_EQ(answer->missing.size(), 1u);
  EXPECT_EQ(answer->missing[0].positions, Position{700});
  EXPECT_EQ(answer->missing[0].rows, std::nullopt);
  EXPECT_THAT(answer->missing[0].reason, HasSubstr("FRS-3705"));
}

TEST_F(EngineTest, AcceptanceFiveACutNamesHowOftenRowsWereRemoved) {
  fill(1'000, 128);
  open();
  auto files = std::make_shared<sql::ArchiveTable>();
  files->plan = [](const sql::ScanConstraints&, sql::OnMissing) {
    return Result<sql::ArchivePlan>(sql::ArchivePlan());
  };
  files->columns = {{"position", ColumnType::kUInt64, 1}};
  std::vector<pipeline::ArchiveMoment> asked;
  pipeline::ArchivedPart part{Position{700}, files};
  part.rewrites = 2;
  part.at = [&](const pipeline::ArchiveMoment& moment) {
    asked.push_back(moment);
    return Result<std::shared_ptr<const sql::ArchiveTable>>(files);
  };
  tables_.set_archived("detections", part);
  auto now = engine_->run(request("SELECT 1 FROM detections LIMIT 1"));
  ASSERT_TRUE(now.has_value()) << now.error().to_string();
  EXPECT_EQ(format_cut_token(now->cut), "v1,stream@1000+1~2");
  SqlRequest then = request("SELECT count(*) AS n FROM detections");
  then.cut = "v1,stream@900+1~1";
  auto answer = engine_->run(then);
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->answer.text, "n\n200\n");
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].rewrites, 1u);
  EXPECT_EQ(asked[0].last, 900);
}

TEST_F(EngineTest, AskedAsOfACutItShowsWhatWasThere) {
  fill(1'000, 128);
  open();
  auto files = std::make_shared<sql::ArchiveTable>();
  sql::ScanConstraints asked;
  files->plan = [&](const sql::ScanConstraints& c, sql::OnMissing) -> Result<sql::ArchivePlan> {
    asked = c;
    return sql::ArchivePlan();
  };
  files->columns = {{"position", ColumnType::kUInt64, 1}};
  SqlRequest then = request("SELECT count(*) AS n, max(position) AS last FROM detections");
  then.cut = "v1,stream@900+1";
  expect_error(then, Code::kInvalid, 5016, "not archived");
  tables_.set_archived("detections", {Position{700}, files});
  auto answer = engine_->run(then);
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->answer.text, "n,last\n200,900\n");
  EXPECT_EQ(format_cut_token(answer->cut), "v1,stream@900+1");
  EXPECT_EQ(asked["position"].maximum, 900);
  then.cut = "v1,stream@300+1";
  answer = engine_->run(then);
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->answer.text, "n,last\n0,\n");
  then.cut = "v1,stream@1001+1";
  expect_error(then, Code::kInvalid, 5015, "not there yet");
  then.cut = "v1,other@3";
  expect_error(then, Code::kInvalid, 5018, "stream");
  then.cut.clear();
  then.as_of_us = io::system_clock().wall_us() + 60'000'000;
  expect_error(then, Code::kInvalid, 5015, "past");
  then.as_of_us.reset();
  then.cut = "v1,stream@900+1";
  then.sql = "SELECT * FROM \"detections$ledger\"";
  expect_error(then, Code::kInvalid, 5017, "counts of now");
}

TEST_F(EngineTest, DeadAndLedgerAreTables) {
  fill(10, 64);
  open();
  EXPECT_EQ(csv("SELECT * FROM \"detections$dead\""), "reason,raw\nparse,ewD/\n");
  EXPECT_EQ(csv("SELECT * FROM detections$ledger"),
            "camera_id,minute,received,accepted,duplicate,late,refused,filtered,erased\n"
            "even,2026-11-22T10:00:00.000000Z,1,1,0,0,0,0,0\n"
            "\"\",2026-11-22T10:01:00.000000Z,1,0,0,0,1,0,0\n");
}

TEST_F(EngineTest, TakesEveryKindOfQueryAndNothingElse) {
  fill(10, 64);
  open();
  EXPECT_EQ(csv("VALUES (1, 'a')"), "col0,col1\n1,a\n");
  EXPECT_EQ(csv("FROM detections SELECT count(*) AS n"), "n\n10\n");
  EXPECT_EQ(csv("WITH x AS (SELECT 1 AS a) SELECT * FROM x"), "a\n1\n");
  EXPECT_THAT(csv("/* why */ EXPLAIN SELECT * FROM detections"), HasSubstr("physical_plan"));
  EXPECT_THAT(csv("EXPLAIN ANALYZE SELECT * FROM detections"), HasSubstr("analyzed_plan"));
  EXPECT_THAT(csv("DESCRIBE detections"), HasSubstr("camera_id,VARCHAR"));
  EXPECT_THAT(csv("SUMMARIZE detections"), HasSubstr("confidence,DOUBLE"));
  EXPECT_EQ(csv("SHOW TABLES"), "name\ndetections\ndetections$dead\ndetections$ledger\n");
  EXPECT_EQ(csv("SELECT table_name FROM information_schema.tables ORDER BY 1 LIMIT 1"),
            "table_name\ndetections\n");
  EXPECT_EQ(csv("SELECT count(*) AS n FROM range(5), unnest([1, 2])"), "n\n10\n");

  expect_error("", Code::kInvalid, 5001);
  expect_error("SELEC 1", Code::kInvalid, 5001, "line 1:1");
  expect_error("SELECT 1; SELECT 2", Code::kInvalid, 5001, "2 statements");
  expect_error("EXPLAIN SELECT 1; DROP VIEW detections", Code::kInvalid, 5001);
  for (const char* sql : {"INSERT INTO detections VALUES (1)",
                          "CREATE TABLE t (a INT)",
                          "DROP VIEW detections",
                          "SET threads = 1",
                          "ATTACH 'x.db'",
                          "COPY detections TO 'x.csv'",
                          "LOAD httpfs",
                          "INSTALL httpfs",
                          "PRAGMA database_list",
                          "CALL duckdb_settings()",
                          "BEGIN",
                          "CHECKPOINT",
                          "EXPORT DATABASE 'x'",
                          "PREPARE p AS SELECT 1",
                          "EXECUTE p",
                          "USE memory",
                          "VACUUM",
                          "EXPLAIN CREATE TABLE t (a INT)",
                          "DELETE FROM detections",
                          "RESET threads",
                          "DETACH x"}) {
    expect_error(sql, Code::kInvalid, 5001);
  }
}

TEST_F(EngineTest, ReachesNothingBeyondItsTables) {
  fill(10, 64);
  open();
  for (const char* sql : {"SELECT * FROM read_csv('/etc/passwd')",
                          "SELECT * FROM read_text('/etc/passwd')",
                          "SELECT * FROM read_blob('/etc/passwd')",
                          "SELECT * FROM glob('/*')",
                          "SELECT * FROM sniff_csv('/etc/passwd')",
                          "SELECT * FROM duckdb_settings()",
                          "SELECT * FROM duckdb_secrets()",
                          "SELECT * FROM query('SELECT 1')",
                          "SELECT * FROM query_table('detections')",
                          "SELECT * FROM freshet_scan('detections')",
                          "SELECT * FROM parquet_metadata('x')",
                          "SELECT * FROM duckdb_logs()",
                          "SELECT * FROM json_execute_serialized_sql('{}')",
                          "SELECT current_setting('threads')",
                          "SELECT getvariable('x')",
                          "SELECT getenv('HOME')",
                          "SELECT nextval('s')",
                          "SELECT (SELECT a FROM (SELECT current_setting('threads') AS a))",
                          "WITH x AS (SELECT * FROM read_csv('/etc/passwd')) SELECT 1",
                          "SELECT * FROM detections WHERE EXISTS (FROM glob('/*'))",
                          "EXPLAIN SELECT * FROM read_text('/etc/passwd')",
                          "SELECT sum(sleep_ms(1)) OVER () FROM range(2)",
                          "SELECT * FROM memory.main.x",
                          "SELECT * FROM pg_catalog.pg_settings",
                          "SHOW DATABASES",
                          "SELECT repeat('x', 2000000000)",
                          "SELECT lpad('x', position::INTEGER, 'y') FROM detections",
                          "SELECT * FROM test_all_types()",
                          "SELECT write_log('x')"}) {
    expect_error(sql, Code::kDenied, 5002);
  }
  for (const char* sql : {"SELECT * FROM '/etc/passwd'", "SELECT * FROM \"x.parquet\"",
                          "SELECT * FROM 'https://example.org/x.csv'", "FROM sqlite_master"}) {
    expect_error(sql, Code::kNotFound, 5012);
  }
}

TEST_F(EngineTest, NamesUnknownTablesAndColumns) {
  fill(10, 64);
  open();
  expect_error("SELECT * FROM detection", Code::kNotFound, 5012, "did you mean \"detections\"?");
  expect_error("SELECT * FROM elsewhere", Code::kNotFound, 5012, "SHOW TABLES");
  expect_error("SELECT camer FROM detections", Code::kInvalid, 5003, "camera_id");
  EXPECT_EQ(csv("SELECT count(*) AS n FROM DETECTIONS"), "n\n10\n");
}

TEST_F(EngineTest, AKeySeesItsTablesOnly) {
  fill(10, 64);
  open();
  auto narrow = [this](std::string sql) {
    SqlRequest asked = request(std::move(sql));
    asked.allows = [](std::string_view table) { return table == "detections"; };
    return asked;
  };
  EXPECT_TRUE(engine_->run(narrow("SELECT * FROM detections")).has_value());
  EXPECT_EQ(engine_->run(narrow("SHOW TABLES"))->answer.text, "name\ndetections\n");
  for (const char* sql :
       {"SELECT * FROM \"detections$dead\"", "SELECT * FROM detections$ledger",
        "SELECT * FROM \"DETECTIONS$DEAD\"", "SELECT * FROM not_there",
        "SELECT (SELECT count(*) FROM \"detections$dead\")", "DESCRIBE \"detections$dead\""}) {
    expect_error(narrow(sql), Code::kDenied, 4011, "sql:read table/");
  }
  // A WITH of the same name hides the table, and only inside itself.
  expect_error(narrow("SELECT * FROM (WITH \"detections$dead\" AS (SELECT 1) SELECT 2), "
                      "\"detections$dead\""),
               Code::kInvalid, 5003);
  EXPECT_THAT(engine_->run(narrow("SELECT table_name FROM information_schema.tables"))->answer.text,
              Not(HasSubstr("dead")));
}

TEST_F(EngineTest, LimitsEndAQuery) {
  fill(1'000, 64);
  open({.memory_bytes = 64ull << 20, .answer_bytes_max = 10'000});
  SqlRequest asked = request("SELECT * FROM range(1000000000000)");
  asked.rows_max = 100;
  expect_error(asked, Code::kInvalid, 5005, "more than 100 rows");
  expect_error("SELECT repeat('x', 200) AS x FROM detections", Code::kInvalid, 5005, "larger");
  asked = request("SELECT count(*) FROM range(1000000) a, range(1000000) b");
  asked.time_us = 100'000;
  auto start = std::chrono::steady_clock::now();
  expect_error(asked, Code::kTimeout, 5006, "100ms");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  expect_error("SELECT list(a ORDER BY hash(a)) FROM range(100000000) t(a)", Code::kThrottled,
               5007);
  EXPECT_EQ(csv("SELECT 1 AS a"), "a\n1\n");
}

TEST_F(EngineTest, OnlySoManyRunAtOnce) {
  fill(10, 64);
  open({.at_once = 1});
  std::atomic<bool> started{false};
  std::thread slow([&] {
    SqlRequest asked = request("SELECT count(*) FROM range(1000000) a, range(1000000) b");
    asked.time_us = 2'000'000;
    started = true;
    EXPECT_FALSE(engine_->run(asked).has_value());
  });
  while (!started) std::this_thread::yield();
  bool throttled = false;
  for (int i = 0; i < 1'000'000 && !throttled; ++i) {
    auto answer = engine_->run(request("SELECT 1"));
    throttled = !answer && answer.error().number() == 5011;
  }
  EXPECT_TRUE(throttled);
  slow.join();
  EXPECT_EQ(csv("SELECT 1 AS a"), "a\n1\n");
}

TEST_F(EngineTest, AfterWaitsAndEndsInTime) {
  fill(10, 64);
  open({.after_wait_us = 1'000});
  SqlRequest asked = request("SELECT count(*) AS n FROM detections");
  asked.after = "v1,stream@10";
  EXPECT_TRUE(engine_->run(asked).has_value());
  asked.after = "v1,stream@11";
  expect_error(asked, Code::kTimeout, 5013, "position 11");
  asked.after = "v1,other@99";
  EXPECT_TRUE(engine_->run(asked).has_value());
  asked.after = "v1,stream";
  expect_error(asked, Code::kInvalid, 5010);
}

TEST_F(EngineTest, BindsParameters) {
  fill(10, 64);
  open();
  SqlRequest asked = request("SELECT ? AS a, ? AS b, $3 AS c");
  asked.sql = "SELECT $1 AS a, $2 AS b, $3::DOUBLE AS c, $4 AS d, $5 AS e";
  asked.parameters = {{"1", std::int64_t{7}},
                      {"2", std::string("x'y")},
                      {"3", 0.5},
                      {"4", true},
                      {"5", std::monostate()}};
  auto answer = engine_->run(asked);
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->answer.text, "a,b,c,d,e\n7,x'y,0.5,true,\n");
  asked = request("SELECT count(*) AS n FROM detections WHERE camera_id = $camera");
  asked.parameters = {{"camera", std::string("odd")}};
  answer = engine_->run(asked);
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->answer.text, "n\n5\n");
  expect_error("SELECT ?", Code::kInvalid, 5004, "no value");
  asked = request("SELECT 1");
  asked.parameters = {{"1", true}};
  expect_error(asked, Code::kInvalid, 5004, "the statement has 0");
}

TEST_F(EngineTest, QueriesRunBesideAWriter) {
  fill(1'000, 256);
  open();
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) {
      // Even and odd rows come in pairs, so any whole cut holds as many of each.
      EXPECT_EQ(csv("SELECT count(*) FILTER (camera_id = 'even') = count(*) FILTER (camera_id = "
                    "'odd') AS same, count(*) = max(position) + 1 AS whole FROM detections"),
                "same,whole\ntrue,true\n");
    }
  });
  for (std::uint64_t i = 0; i < 300; ++i) {
    tables_.append("detections", rows_from(1'000 + i * 50, 50));
    tables_.table("detections").publish(tables_.table("detections").appended());
  }
  done = true;
  reader.join();
}

TEST(CutToken, RoundTripsAndRefusesOthers) {
  CutToken token{{"a.b-c_d", {Position{~0ull}, 7, {2, 0, 1}}},
                 {"w", {Position{3}, 0, {1}}},
                 {"x", {Position{0}, 0}}};
  auto parsed = parse_cut_token(format_cut_token(token));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(*parsed, token);
  EXPECT_EQ(parse_cut_token("v1")->size(), 0u);
  for (const char* bad :
       {"", "v2,a@1", "v1a@1", "v1,", "v1,a", "v1,a@", "v1,@1", "v1,a@x", "v1,a@1+", "v1,a@1~",
        "v1,a@1~1.", "v1,a@1+2~x", "v1,a@1+-2", "v1,a@1,a@2", "v1,a@99999999999999999999"})
    EXPECT_FALSE(parse_cut_token(bad).has_value()) << bad;
}

// FRESHET_BENCH=1: count(*) by location over 5 million hot rows.
TEST_F(EngineTest, Bench) {
  if (std::getenv("FRESHET_BENCH") == nullptr) GTEST_SKIP() << "set FRESHET_BENCH=1 to measure";
  fill(0, hot::kChunkRows);
  for (int i = 0; i < 500; ++i)
    tables_.append("detections", rows_from(static_cast<std::uint64_t>(i) * 10'000, 10'000));
  tables_.publish(Position{5'000'000});
  open({.threads = 2});
  for (const char* sql : {"SELECT 1", "SELECT count(*) FROM detections",
                          "SELECT location_name, count(*) FROM detections GROUP BY location_name",
                          "SELECT camera_id, avg(confidence) FROM detections GROUP BY camera_id",
                          "SELECT * FROM detections WHERE position = 4000000"}) {
    double best = 1e9;
    for (int run = 0; run < 7; ++run) {
      auto start = std::chrono::steady_clock::now();
      auto answer = engine_->run(request(sql));
      ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
      best = std::min(
          best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                    .count());
    }
    std::cout << best << " ms: " << sql << "\n";
  }
}

}  // namespace
}  // namespace freshet::query

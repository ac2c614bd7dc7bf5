// Query and Scan: order, bounds, pages, filters, and what holds while rows come and go.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>
#include <tuple>

#include "common/time_text.h"
#include "server/dynamodb/door_test_fixture.h"

namespace freshet::dynamodb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kTenOClock = 1'795'341'600'000'000;  // 2026-11-22T10:00:00Z

// A query of by_camera for camera c1, without its closing brace.
std::string by_camera(const std::string& range = "", const std::string& values = "",
                      const std::string& more = "") {
  return fmt::format(
      R"({{"TableName":"detections","IndexName":"by_camera","KeyConditionExpression":"camera_id = :c{}",
          "ExpressionAttributeValues":{{":c":{{"S":"c1"}}{}}}{})",
      range.empty() ? "" : " AND " + range, values, more);
}

std::string time_value(std::string_view name, std::string_view text) {
  return fmt::format(R"(,"{}":{{"S":"{}"}})", name, text);
}

class QueryTest : public DoorTest {
 protected:
  // Row i is i seconds behind ten o'clock; the order of arrival is another.
  void append_seconds(std::initializer_list<int> seconds) {
    std::vector<TestRow> rows;
    for (int second : seconds)
      rows.push_back({.id = static_cast<std::uint64_t>(second),
                      .time_us = kTenOClock + second * kSecond,
                      .confidence = second / 10.0});
    tables_.append(rows);
  }
  std::vector<std::uint64_t> ids(const std::string& json) { return ask("Query", json + "}").ids(); }
  std::string error(const std::string& json) { return ask("Query", json).error(); }
};

TEST_F(QueryTest, AnIndexGivesItsRowsInTheOrderOfTimeInBothDirections) {
  append_seconds({3, 1, 2, 9, 4, 8, 5});
  tables_.append({{.id = 100, .camera = "c2"}, {.id = 101, .camera = std::nullopt}});
  EXPECT_THAT(ids(by_camera()), ElementsAre(1, 2, 3, 4, 5, 8, 9));
  EXPECT_THAT(ids(by_camera("", "", R"(,"ScanIndexForward":false)")),
              ElementsAre(9, 8, 5, 4, 3, 2, 1));
}

TEST_F(QueryTest, EqualTimesComeInTheOrderOfArrival) {
  tables_.append({{.id = 5, .time_us = 7},
                  {.id = 3, .time_us = 7},
                  {.id = 4, .time_us = 7},
                  {.id = 1, .time_us = 7},
                  {.id = 2, .time_us = 7}});
  EXPECT_THAT(ids(by_camera()), ElementsAre(5, 3, 4, 1, 2));
  EXPECT_THAT(ask_all("Query", by_camera("", "", R"(,"Limit":1,"ScanIndexForward":false)")),
              ElementsAre(2, 1, 4, 3, 5));
}

TEST_F(QueryTest, EveryComparisonBoundsTheTime) {
  append_seconds({1, 2, 3, 4, 5});
  std::string three = time_value(":t", "2026-11-22T10:00:03Z");
  EXPECT_THAT(ids(by_camera("event_time < :t", three)), ElementsAre(1, 2));
  EXPECT_THAT(ids(by_camera("event_time <= :t", three)), ElementsAre(1, 2, 3));
  EXPECT_THAT(ids(by_camera("event_time > :t", three)), ElementsAre(4, 5));
  EXPECT_THAT(ids(by_camera("event_time >= :t", three)), ElementsAre(3, 4, 5));
  EXPECT_THAT(ids(by_camera("event_time = :t", three)), ElementsAre(3));
  EXPECT_THAT(ids(by_camera("event_time BETWEEN :t AND :u",
                            three + time_value(":u", "2026-11-22T11:00:04.5+01:00"))),
              ElementsAre(3, 4));
  // Bounds are in order as times, not as texts.
  EXPECT_THAT(
      ids(by_camera("event_time BETWEEN :t AND :u", time_value(":t", "2026-11-22T12:00:02+02:00") +
                                                        time_value(":u", "2026-11-22T10:00:03Z"))),
      ElementsAre(2, 3));
  EXPECT_THAT(
      ids(by_camera("begins_with(event_time, :t)", time_value(":t", "2026-11-22T10:00:04"))),
      ElementsAre(4));
  EXPECT_THAT(ids(by_camera("event_time > :t", time_value(":t", "2026-11-23"))), ElementsAre());
  EXPECT_THAT(ids(by_camera("event_time > :t", time_value(":t", "2026-11-22"))),
              ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(QueryTest, TheTableItselfIsQueriedByItsKey) {
  append_seconds({1, 2});
  std::string query = fmt::format(
      R"({{"TableName":"detections","KeyConditionExpression":"detection_id = :i",
          "ExpressionAttributeValues":{{":i":{{"S":"{}"}}}})",
      test_id(2));
  EXPECT_THAT(ids(query), ElementsAre(2));
  EXPECT_THAT(ask_all("Query", query + R"(,"Limit":1)"), ElementsAre(2));
  EXPECT_THAT(error(query + R"(,"IndexName":"by_camera"})"),
              HasSubstr("Query condition missed key schema element: camera_id"));
}

TEST_F(QueryTest, PagesFollowEachOtherWithoutGapOrRepeat) {
  append_seconds({7, 3, 1, 2, 9, 4, 8, 5, 6, 11, 10});
  for (int limit = 1; limit <= 12; ++limit) {
    for (const char* forward : {"true", "false"}) {
      auto all = ask_all(
          "Query",
          by_camera("", "", fmt::format(R"(,"Limit":{},"ScanIndexForward":{})", limit, forward)));
      EXPECT_EQ(all.size(), 11u);
      if (forward == std::string_view("false")) std::reverse(all.begin(), all.end());
      EXPECT_TRUE(std::is_sorted(all.begin(), all.end())) << limit;
    }
  }
}

TEST_F(QueryTest, APageThatReachedItsLimitNamesItsLastItem) {
  append_seconds({1, 2});
  TestAnswer answer = ask("Query", by_camera("", "", R"(,"Limit":2})"));
  EXPECT_EQ(answer.text_at("LastEvaluatedKey.detection_id.S"), test_id(2));
  EXPECT_EQ(answer.text_at("LastEvaluatedKey.camera_id.S"), "c1");
  EXPECT_EQ(answer.text_at("LastEvaluatedKey.event_time.S"), "2026-11-22T10:00:02.000000Z");
  EXPECT_EQ(ask("Query", by_camera("", "", R"(,"Limit":3})")).at("LastEvaluatedKey"), nullptr);
}

TEST_F(QueryTest, LimitCountsBeforeTheFilter) {
  append_seconds({1, 2, 3, 4, 5, 6});
  std::string filter = R"(,"FilterExpression":"confidence > :v")";
  std::string value = R"(,":v":{"N":"0.35"})";
  TestAnswer answer = ask("Query", by_camera("", value, filter + R"(,"Limit":3})"));
  EXPECT_EQ(answer.at("Count")->integer(), 0);
  EXPECT_EQ(answer.at("ScannedCount")->integer(), 3);
  EXPECT_NE(answer.at("LastEvaluatedKey"), nullptr);
  EXPECT_THAT(ask_all("Query", by_camera("", value, filter + R"(,"Limit":4)")),
              ElementsAre(4, 5, 6));
}

TEST_F(QueryTest, SelectCountGivesNumbersAlone) {
  append_seconds({1, 2, 3});
  EXPECT_EQ(ask("Query", by_camera("", "", R"(,"Select":"COUNT"})")).text,
            R"({"Count":3,"ScannedCount":3})");
}

TEST_F(QueryTest, ATimeInAFilterIsTakenAsATime) {
  append_seconds({1, 2});
  tables_.append({{.id = 50, .camera = "c1", .time_us = kTenOClock}});
  std::string scan = R"({"TableName":"detections","FilterExpression":"event_time <= :t",
      "ExpressionAttributeValues":{":t":{"S":"2026-11-22T11:00:01+01:00"}}})";
  EXPECT_THAT(ask("Scan", scan).ids(), ElementsAre(1, 50));
}

TEST_F(QueryTest, QueryPagesEndAtOneMegabyteBeforeTheFilter) {
  std::vector<TestRow> rows;
  for (std::uint64_t id = 1; id <= 12; ++id)
    rows.push_back({.id = id,
                    .time_us = static_cast<std::int64_t>(id),
                    .attributes = std::string(300'000, 'x')});
  tables_.append(rows);
  TestAnswer answer = ask("Query", by_camera("", "", R"(,"ProjectionExpression":"detection_id"})"));
  EXPECT_THAT(answer.ids(), ElementsAre(1, 2, 3));
  answer = ask("Query",
               by_camera("", R"(,":v":{"S":"bus"})", R"(,"FilterExpression":"item_name = :v"})"));
  EXPECT_EQ(answer.at("Count")->integer(), 0);
  EXPECT_NE(answer.at("LastEvaluatedKey"), nullptr);
  EXPECT_EQ(ask_all("Query", by_camera()).size(), 12u);
  EXPECT_EQ(ask_all("Scan", R"({"TableName":"detections")").size(), 12u);
}

TEST_F(QueryTest, SaysWhatIsWrongWithAQuery) {
  append_seconds({1});
  auto condition = [&](const std::string& expression, const std::string& more = "") {
    return error(fmt::format(
        R"({{"TableName":"detections","IndexName":"by_camera","KeyConditionExpression":"{}",
            "ExpressionAttributeValues":{{":c":{{"S":"c1"}},":n":{{"N":"1"}},":e":{{"S":""}}}}{}}})",
        expression, more));
  };
  EXPECT_THAT(error(R"({"TableName":"detections"})"),
              HasSubstr("Either the KeyConditions or KeyConditionExpression parameter must be "
                        "specified in the request."));
  EXPECT_THAT(condition("camera_id = :c AND event_time = :n AND x = :e"),
              HasSubstr("type does not match schema type"));
  EXPECT_THAT(error(by_camera("event_time <> :t", time_value(":t", "x")) + "}"),
              HasSubstr("Invalid operator used in KeyConditionExpression: <>"));
  EXPECT_THAT(error(by_camera("(event_time = :t OR event_time = :c)", time_value(":t", "x")) + "}"),
              HasSubstr("Invalid operator used in KeyConditionExpression: OR"));
  EXPECT_THAT(error(by_camera("camera_id = :t", time_value(":t", "x")) + "}"),
              HasSubstr("KeyConditionExpressions must only contain one condition per key"));
  EXPECT_THAT(error(by_camera("item_name = :t", time_value(":t", "x")) + "}"),
              HasSubstr("Query key condition not supported"));
  EXPECT_THAT(error(by_camera("", "", R"(,"ConsistentRead":true})")),
              HasSubstr("Consistent reads are not supported on global secondary indexes"));
  EXPECT_THAT(
      error(by_camera("", "", R"(,"FilterExpression":"event_time > :c"})")),
      HasSubstr("Filter Expression can only contain non-primary key attributes: Primary key "
                "attribute: event_time"));
  EXPECT_THAT(error(by_camera("", "", R"(,"Limit":0})")), HasSubstr("'limit' failed to satisfy"));
  EXPECT_THAT(error(by_camera("", time_value(":u", "x")) + "}"),
              HasSubstr("unused in expressions: keys: {:u}"));
  EXPECT_THAT(error(by_camera("", "", R"(,"Select":"SPECIFIC_ATTRIBUTES"})")),
              HasSubstr("Must specify the AttributesToGet or ProjectionExpression"));
  EXPECT_THAT(
      error(by_camera("", "", R"(,"Select":"COUNT","ProjectionExpression":"item_name"})")),
      HasSubstr("Cannot specify the ProjectionExpression when choosing to get only the Count"));
  EXPECT_THAT(error(R"({"TableName":"detections","KeyConditions":{}})"),
              HasSubstr("KeyConditions is not supported here"));
  std::string other = by_camera();
  other.replace(other.find("by_camera"), 9, "by_colour");
  EXPECT_THAT(error(other + "}"),
              HasSubstr("The table does not have the specified index: by_colour"));
  std::string start =
      R"(,"ExclusiveStartKey":{"detection_id":{"S":"x"},"event_time":{"S":"2026-11-22T10:00:00Z"},"camera_id":{"S":")";
  EXPECT_THAT(error(by_camera("", "", start + R"(c2"}}})")), HasSubstr("outside query boundaries"));
  EXPECT_THAT(error(by_camera("", "", R"(,"ExclusiveStartKey":{"detection_id":{"S":"x"}}})")),
              HasSubstr("The provided starting key is invalid"));
}

TEST_F(QueryTest, APageGoesOnWhereItEndedWhileRowsComeAndGo) {
  append_seconds({1, 2, 3, 4, 5, 6, 7, 8});
  TestAnswer first = ask("Query", by_camera("", "", R"(,"Limit":3})"));
  EXPECT_THAT(first.ids(), ElementsAre(1, 2, 3));
  append_seconds({9});
  tables_.trim(4);  // rows 1 to 4 leave, the start key's among them
  std::string start =
      R"(,"ExclusiveStartKey":)" + aws::write(*first.at("LastEvaluatedKey"), aws::Encoding::kJson);
  EXPECT_THAT(ids(by_camera("", "", start)), ElementsAre(5, 6, 7, 8, 9));

  TestAnswer newest = ask("Query", by_camera("", "", R"(,"Limit":2,"ScanIndexForward":false})"));
  EXPECT_THAT(newest.ids(), ElementsAre(9, 8));
  append_seconds({10});
  start = R"(,"ScanIndexForward":false,"ExclusiveStartKey":)" +
          aws::write(*newest.at("LastEvaluatedKey"), aws::Encoding::kJson);
  EXPECT_THAT(ids(by_camera("", "", start)), ElementsAre(7, 6, 5));
}

TEST_F(QueryTest, ScanGivesEveryRowOnceAcrossPagesAndSegments) {
  std::vector<TestRow> rows;
  for (std::uint64_t id = 1; id <= 200; ++id)
    rows.push_back({.id = id,
                    .camera = "c" + std::to_string(id % 7),
                    .time_us = static_cast<std::int64_t>(id)});
  tables_.append(rows);
  EXPECT_EQ(ask_all("Scan", R"({"TableName":"detections","Limit":7)").size(), 200u);
  for (int total : {1, 2, 3, 8}) {
    std::multiset<std::uint64_t> seen;
    for (int segment = 0; segment < total; ++segment) {
      for (std::uint64_t id :
           ask_all("Scan",
                   fmt::format(
                       R"({{"TableName":"detections","Limit":9,"Segment":{},"TotalSegments":{})",
                       segment, total)))
        seen.insert(id);
    }
    EXPECT_EQ(seen.size(), 200u);
    EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), 200u);
  }
}

TEST_F(QueryTest, ScanOfAnIndexLeavesOutRowsWithoutItsKey) {
  tables_.append({{.id = 1},
                  {.id = 2, .camera = std::nullopt},
                  {.id = 3, .time_us = std::nullopt},
                  {.id = 4, .location = "gate"}});
  EXPECT_THAT(ask_all("Scan", R"({"TableName":"detections","IndexName":"by_camera","Limit":1)"),
              ElementsAre(1, 4));
  EXPECT_THAT(ask_all("Scan", R"({"TableName":"detections","IndexName":"by_location")"),
              ElementsAre(4));
  EXPECT_EQ(ask_all("Scan", R"({"TableName":"detections")").size(), 4u);
}

TEST_F(QueryTest, ScanKeepsItsLimits) {
  auto error_of = [&](const std::string& more) {
    return ask("Scan", R"({"TableName":"detections")" + more + "}").error();
  };
  EXPECT_THAT(error_of(R"(,"Segment":0)"), HasSubstr("TotalSegments parameter is required"));
  EXPECT_THAT(error_of(R"(,"TotalSegments":2)"), HasSubstr("Segment parameter is required"));
  EXPECT_THAT(error_of(R"(,"Segment":2,"TotalSegments":2)"), HasSubstr("zero-based"));
  EXPECT_THAT(error_of(R"(,"Segment":0,"TotalSegments":1000001)"),
              HasSubstr("less than or equal to 1000000"));
  EXPECT_THAT(error_of(R"(,"ScanFilter":{})"), HasSubstr("not supported here"));
  EXPECT_EQ(ask("Scan", R"({"TableName":"detections"})").text,
            R"({"Count":0,"ScannedCount":0,"Items":[]})");
}

// Random rows, cameras, times and pages against a sorted vector.
TEST_F(QueryTest, AgreesWithASortedVectorOnRandomQueries) {
  std::mt19937 random(3);
  struct Entry {
    std::int64_t time_us;
    std::uint64_t id;
  };
  std::vector<Entry> c1;
  std::vector<TestRow> rows;
  for (std::uint64_t id = 1; id <= 400; ++id) {
    bool mine = random() % 3 == 0;
    // Mostly in order, some late, many equal.
    std::int64_t time =
        kTenOClock +
        static_cast<std::int64_t>(id / 4 - (random() % 10 == 0 ? random() % 60 : 0)) * kSecond;
    rows.push_back({.id = id, .camera = mine ? "c1" : "c2", .time_us = time});
    if (mine) c1.push_back({time, id});
  }
  tables_.append(rows);
  std::sort(c1.begin(), c1.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.time_us, a.id) < std::tie(b.time_us, b.id);  // ids rise with arrival
  });
  for (int turn = 0; turn < 150; ++turn) {
    std::int64_t low = kTenOClock + static_cast<std::int64_t>(random() % 110) * kSecond;
    std::int64_t high = low + static_cast<std::int64_t>(random() % 60) * kSecond;
    bool forward = random() % 2;
    std::vector<std::uint64_t> wanted;
    for (const Entry& entry : c1) {
      if (entry.time_us >= low && entry.time_us <= high) wanted.push_back(entry.id);
    }
    if (!forward) std::reverse(wanted.begin(), wanted.end());
    std::string query = by_camera(
        "event_time BETWEEN :l AND :h",
        time_value(":l", format_rfc3339_us(low)) + time_value(":h", format_rfc3339_us(high)),
        fmt::format(R"(,"Limit":{},"ScanIndexForward":{})", 1 + random() % 20, forward));
    ASSERT_EQ(ask_all("Query", query), wanted) << query;
  }
}

}  // namespace
}  // namespace freshet::dynamodb

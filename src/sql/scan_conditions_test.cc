// What a planner is told of a query. Missing something costs time; telling too much loses rows.
#include "sql/scan_conditions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/time_text.h"
#include "sql/parquet_test_files.h"

namespace freshet::sql {
namespace {

class ScanConditionsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto database = QueryDatabase::open({});
    ASSERT_TRUE(database.has_value());
    database_ = *std::move(database);
    auto own = Database::open({});
    ASSERT_TRUE(own.has_value());
    own_ = *std::move(own);
    auto connection = own_->connect();
    ASSERT_TRUE(connection.has_value());
    connection_ = *std::move(connection);
  }
  ScanConstraints constraints(const std::string& sql) {
    auto judged = database_->judge(sql);
    EXPECT_TRUE(judged.has_value()) << sql << ": " << judged.error().to_string();
    if (!judged) return {};
    return constraints_of(connection_.get(), judged->conditions, "detections",
                          layout_of(detections_schema()).columns, parameters_);
  }
  // "camera_id in a|b; event_time 5..; position ..7"
  std::string told(const std::string& sql) {
    std::string text;
    for (const auto& [column, constraint] : constraints(sql)) {
      text += (text.empty() ? "" : "; ") + column;
      if (constraint.minimum || constraint.maximum) {
        bool is_time = column == "event_time";
        auto write = [is_time](std::optional<std::int64_t> bound) {
          if (!bound) return std::string();
          return is_time ? format_rfc3339_us(*bound) : std::to_string(*bound);
        };
        text += fmt::format(" {}..{}", write(constraint.minimum), write(constraint.maximum));
      }
      if (constraint.texts) {
        text += " in";
        for (const std::string& one : *constraint.texts) text += " " + one;
      }
    }
    return text;
  }

  std::unique_ptr<QueryDatabase> database_;
  std::unique_ptr<Database> own_;
  Connection connection_;
  Parameters parameters_;
};

TEST_F(ScanConditionsTest, TellsPlainComparisons) {
  const std::string from = "SELECT count(*) FROM detections WHERE ";
  auto expect = [&](const std::string& where, const std::string& expected) {
    EXPECT_EQ(told(from + where), expected) << where;
  };
  expect("camera_id = 'a'", "camera_id in a");
  expect("'a' = camera_id", "camera_id in a");
  expect("detections.Camera_ID IN ('a', 'b')", "camera_id in a b");
  expect("camera_id IN ('a', 'b') AND camera_id = 'b'", "camera_id in b");
  expect("camera_id = 'a' AND camera_id = 'b'", "camera_id in");
  expect("position > 5", "position 5..");
  expect("5 >= position", "position ..5");
  expect("position BETWEEN -5 AND 5000000000", "position -5..5000000000");
  expect("position IN (7, 3, 5)", "position 3..7");
  expect("event_time >= '2026-11-28'", "event_time 2026-11-28T00:00:00.000000Z..");
  expect("event_time >= '2026-11-28 01:00:00+01' AND event_time < '2026-11-29T00:00:00Z'",
         "event_time 2026-11-28T00:00:00.000000Z..2026-11-29T00:00:00.000000Z");
  expect("event_time < TIMESTAMPTZ '2026-11-28'", "event_time ..2026-11-28T00:00:00.000000Z");
  expect("event_time = TIMESTAMP '2026-11-28'",
         "event_time 2026-11-28T00:00:00.000000Z..2026-11-28T00:00:00.000000Z");
  expect("event_time < DATE '2026-11-28' - INTERVAL 1 MONTH",
         "event_time ..2026-10-28T00:00:00.000000Z");
  expect("event_time > TIMESTAMPTZ '2026-11-28' + INTERVAL '90 minutes'",
         "event_time 2026-11-28T01:30:00.000000Z..");
  expect("position > 5 AND (camera_id = 'a' AND event_time < '2026-11-28')",
         "camera_id in a; event_time ..2026-11-28T00:00:00.000000Z; position 5..");
}

TEST_F(ScanConditionsTest, TellsOfTheClockOnlyWhatHoldsLater) {
  std::int64_t before = constraints("SELECT 1 FROM detections WHERE event_time > now()")
                            .at("event_time")
                            .minimum.value();
  auto hour = constraints(
      "SELECT 1 FROM detections WHERE event_time >= now() - INTERVAL 1 HOUR AND event_time <= "
      "now()");
  EXPECT_GE(*hour.at("event_time").minimum, before - 3'600'000'000);
  EXPECT_LT(*hour.at("event_time").minimum, before - 3'500'000'000);
  EXPECT_FALSE(hour.at("event_time").maximum.has_value());
  EXPECT_EQ(told("SELECT 1 FROM detections WHERE event_time > now() - (now() - '2026-01-01'::"
                 "TIMESTAMPTZ)"),
            "");
}

TEST_F(ScanConditionsTest, TellsParameters) {
  parameters_ = {{"camera", std::string("a'b")},
                 {"1", std::int64_t{7}},
                 {"since", std::string("2026-11-28")},
                 {"real", 0.5}};
  EXPECT_EQ(told("SELECT 1 FROM detections WHERE camera_id = $camera AND event_time > $since"),
            "camera_id in a'b; event_time 2026-11-28T00:00:00.000000Z..");
  EXPECT_EQ(told("SELECT 1 FROM detections WHERE position <= ?"), "position ..7");
  EXPECT_EQ(told("SELECT 1 FROM detections WHERE position <= $real OR camera_id = $camera"), "");
  EXPECT_EQ(told("SELECT 1 FROM detections WHERE position <= $real"), "");
  EXPECT_EQ(told("SELECT 1 FROM detections WHERE camera_id = $missing"), "");
}

TEST_F(ScanConditionsTest, FindsTheTableInSubqueriesAndInnerJoins) {
  EXPECT_EQ(told("WITH d AS (SELECT * FROM detections WHERE position > 5) SELECT * FROM d"),
            "position 5..");
  EXPECT_EQ(told("SELECT * FROM (SELECT * FROM detections d WHERE d.position > 5) WHERE 1 = 2"),
            "position 5..");
  EXPECT_EQ(told("SELECT 1 WHERE EXISTS (SELECT 1 FROM detections WHERE camera_id = 'a')"),
            "camera_id in a");
  EXPECT_EQ(told("SELECT 1 FROM cameras c JOIN detections d ON c.id = d.camera_id WHERE "
                 "d.position > 5 AND c.position > 9"),
            "position 5..");
  EXPECT_EQ(told("SELECT 1 FROM cameras, detections WHERE detections.position > 5"),
            "position 5..");
  EXPECT_EQ(told("EXPLAIN SELECT 1 FROM detections WHERE position > 5"), "position 5..");
}

TEST_F(ScanConditionsTest, TellsNothingWhereRowsCouldBeLost) {
  for (const char* sql :
       {"SELECT 1 FROM detections", "SELECT 1 FROM detections WHERE NOT camera_id = 'a'",
        "SELECT 1 FROM detections WHERE camera_id <> 'a'",
        "SELECT 1 FROM detections WHERE camera_id = 'a' OR position > 5",
        "SELECT 1 FROM detections WHERE (camera_id = 'a') IS NOT TRUE",
        "SELECT 1 FROM detections WHERE camera_id NOT IN ('a')",
        "SELECT 1 FROM detections WHERE position NOT BETWEEN 1 AND 2",
        "SELECT 1 FROM detections WHERE camera_id IS NOT DISTINCT FROM 'a'",
        "SELECT 1 FROM detections WHERE lower(camera_id) = 'a'",
        "SELECT 1 FROM detections WHERE camera_id = lower('A')",
        "SELECT 1 FROM detections WHERE camera_id = 5",  // '05' and ' 5' are equal to it
        "SELECT 1 FROM detections WHERE camera_id IN ('a', 5)",
        "SELECT 1 FROM detections WHERE camera_id IN ('a', lower('B'))",
        "SELECT 1 FROM detections WHERE camera_id > 'a'",
        "SELECT 1 FROM detections WHERE position > 5.5",
        "SELECT 1 FROM detections WHERE position = '5'",
        "SELECT 1 FROM detections WHERE position = NULL",
        "SELECT 1 FROM detections WHERE position > confidence",
        "SELECT 1 FROM detections WHERE -position > 5",
        "SELECT 1 FROM detections WHERE event_time + INTERVAL 1 DAY > '2026-11-28'",
        "SELECT 1 FROM detections WHERE event_time::DATE = '2026-11-28'",
        "SELECT 1 FROM detections WHERE event_time > CAST('2026' AS VARCHAR)",
        "SELECT 1 FROM detections WHERE event_time > 'yesterday'",
        "SELECT 1 FROM detections GROUP BY camera_id HAVING camera_id = 'a'",
        "SELECT camera_id = 'a' FROM detections",
        // The table is named twice: one place may need what the other drops.
        "SELECT (SELECT count(*) FROM detections) FROM detections WHERE position > 5",
        "SELECT 1 FROM detections WHERE position > 5 UNION ALL SELECT 1 FROM detections",
        "SELECT 1 FROM detections a JOIN detections b USING (camera_id) WHERE a.position > 5",
        // A name of the query's own.
        "WITH detections AS (SELECT 1 AS position) SELECT 1 FROM detections WHERE position > 5",
        "SELECT 1 FROM detections AS d(position, b) WHERE position > 5",
        "SELECT 1 FROM detections d WHERE detections.position > 5 AND d.x = 1",
        // Which side, or which rows, is not sure.
        "SELECT 1 FROM cameras, detections WHERE position > 5",
        "SELECT 1 FROM cameras LEFT JOIN detections d ON true WHERE d.position > 5",
        "SELECT 1 FROM cameras c ASOF JOIN detections d ON c.t >= d.event_time WHERE d.position > "
        "5",
        "SELECT 1 FROM cameras ANTI JOIN detections d USING (camera_id) WHERE camera_id = 'a'",
        "SELECT 1 FROM cameras POSITIONAL JOIN detections d WHERE d.position > 5",
        "SELECT 1 FROM detections TABLESAMPLE 10% WHERE position > 5"}) {
    EXPECT_EQ(told(sql), "") << sql;
  }
}

}  // namespace
}  // namespace freshet::sql

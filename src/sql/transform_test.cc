#include "sql/transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "event/position.h"

namespace freshet::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Schema input_schema() {
  return {{{"detection_id", ColumnType::kUuid},
           {"event_time", ColumnType::kTimestamp},
           {"camera_id", ColumnType::kText},
           {"location_id", ColumnType::kText},
           {"track_id", ColumnType::kText},
           {"item_name", ColumnType::kText},
           {"confidence", ColumnType::kDouble},
           {"bbox", ColumnType::kBox},
           {"media_ref", ColumnType::kText},
           {"frame_no", ColumnType::kUInt64},
           {"cam.heading_deg", ColumnType::kDouble},
           {"cam.name", ColumnType::kText},
           {"loc.name", ColumnType::kText},
           {"loc.site", ColumnType::kText},
           {"loc.region", ColumnType::kText},
           {"loc.retention_class", ColumnType::kText}}};
}

constexpr const char* kSampleSql = R"(
  SELECT detection_id, event_time, camera_id, location_id, track_id,
         lower(item_name) AS item_name, confidence, bbox, media_ref, cam.heading_deg,
         loc.name AS location_name, loc.site AS site, loc.region AS region,
         loc.retention_class AS retention_class
  FROM batch WHERE coalesce(confidence, 1) >= 0.30)";

constexpr std::string_view kLongTrack = "track-0000000000000000042";

// Row i; every fifth confidence is 0.1, every seventh is null, odd boxes are null.
ColumnBatch batch_of(std::size_t rows) {
  Schema schema = input_schema();
  ColumnBatch batch(schema);
  for (std::size_t i = 0; i < rows; ++i) {
    auto& c = batch.columns;
    c[0].append(EventId{0x0123456789abcdefull + (std::uint64_t{i} << 60), i});
    c[1].append(std::int64_t{1'795'341'600'000'000} + static_cast<std::int64_t>(i));
    c[2].append(std::string_view("cam-1"));
    c[3].append(std::string_view("north-gate-lane-2"));
    c[4].append(kLongTrack);
    c[5].append(std::string_view("Car"));
    if (i % 7 == 6)
      c[6].append_null();
    else
      c[6].append(i % 5 == 4 ? 0.1 : 0.9);
    if (i % 2 == 1)
      c[7].append_null();
    else
      c[7].append(Box{1, 2, 65'535, 400});
    c[8].append_null();
    c[9].append(std::uint64_t{i});
    c[10].append(90.0);
    c[11].append(std::string_view("Camera one"));
    c[12].append(std::string_view("North gate, second lane"));
    c[13].append(std::string_view("Utrecht"));
    c[14].append(std::string_view("north"));
    c[15].append_null();
  }
  return batch;
}

std::unique_ptr<Transform> make(std::string_view sql) {
  auto transform = Transform::create(input_schema(), sql);
  EXPECT_TRUE(transform.has_value()) << (transform ? "" : transform.error().to_string());
  return transform ? *std::move(transform) : nullptr;
}

void expect_refused(std::string_view sql, int number, std::string_view words) {
  SCOPED_TRACE(sql);
  auto transform = Transform::create(input_schema(), sql);
  ASSERT_FALSE(transform.has_value());
  EXPECT_EQ(transform.error().code(), Code::kInvalid);
  EXPECT_EQ(transform.error().number(), number) << transform.error().to_string();
  EXPECT_THAT(transform.error().to_string(), HasSubstr(std::string(words)));
}

TEST(Transform, RunsTheSampleAndKeepsValuesOrderAndSourceRows) {
  auto transform = make(kSampleSql);
  ASSERT_NE(transform, nullptr);
  const Schema& schema = transform->output_schema();
  ASSERT_EQ(schema.columns.size(), 14u);
  EXPECT_EQ(schema.columns[0], (ColumnSchema{"detection_id", ColumnType::kUuid}));
  EXPECT_EQ(schema.columns[7], (ColumnSchema{"bbox", ColumnType::kBox}));
  EXPECT_EQ(schema.columns[9], (ColumnSchema{"heading_deg", ColumnType::kDouble}));
  EXPECT_EQ(schema.columns[10], (ColumnSchema{"location_name", ColumnType::kText}));

  ColumnBatch batch = batch_of(10);
  auto output = transform->run(batch);
  ASSERT_TRUE(output.has_value()) << output.error().to_string();
  EXPECT_THAT(*output->source_rows, ElementsAre(0, 1, 2, 3, 5, 6, 7, 8));
  const auto& columns = output->rows->columns;
  for (std::size_t i = 0; i < output->source_rows->size(); ++i) {
    std::size_t row = (*output->source_rows)[i];
    EXPECT_EQ(columns[0].get<EventId>(i), batch.columns[0].get<EventId>(row));
    EXPECT_EQ(columns[1].get<std::int64_t>(i), batch.columns[1].get<std::int64_t>(row));
    EXPECT_EQ(columns[4].get<std::string_view>(i), kLongTrack);
    EXPECT_EQ(columns[5].get<std::string_view>(i), "car");
    EXPECT_EQ(columns[6].is_valid(i), row % 7 != 6);
    EXPECT_EQ(columns[7].is_valid(i), row % 2 == 0);
    if (row % 2 == 0) {
      EXPECT_EQ(columns[7].get<Box>(i), (Box{1, 2, 65'535, 400}));
    }
    EXPECT_FALSE(columns[8].is_valid(i));
    EXPECT_EQ(columns[9].get<double>(i), 90.0);
    EXPECT_EQ(columns[10].get<std::string_view>(i), "North gate, second lane");
    EXPECT_FALSE(columns[13].is_valid(i));
  }
}

TEST(Transform, SaysWhichColumnsItReads) {
  auto transform = make("SELECT detection_id, loc.name AS n FROM batch WHERE bbox.x > 0.5");
  ASSERT_NE(transform, nullptr);
  std::vector<std::string> used;
  for (std::size_t i = 0; i < input_schema().columns.size(); ++i) {
    if (transform->used_columns()[i]) used.push_back(input_schema().columns[i].name);
  }
  EXPECT_THAT(used, ElementsAre("detection_id", "bbox", "loc.name"));
}

TEST(Transform, UuidsAreTheBytesOfTheId) {
  auto transform = make(
      "SELECT CAST(detection_id AS VARCHAR) AS text, "
      "CAST('ffeeddcc-bbaa-9988-7766-554433221100' AS UUID) AS id FROM batch");
  ASSERT_NE(transform, nullptr);
  ColumnBatch batch(input_schema());
  for (ColumnVector& column : batch.columns) column.resize_null(1);
  batch.columns[0].set(0, EventId{0x8899aabbccddeeffull, 0x0011223344556677ull});
  auto output = transform->run(batch);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->rows->columns[0].get<std::string_view>(0),
            "8899aabb-ccdd-eeff-0011-223344556677");
  EXPECT_EQ(output->rows->columns[1].get<EventId>(0),
            (EventId{0xffeeddccbbaa9988ull, 0x7766554433221100ull}));
}

TEST(Transform, LargeBatchesKeepTheirOrder) {
  auto transform = make("SELECT frame_no, camera_id || '-' || frame_no AS label FROM batch");
  ASSERT_NE(transform, nullptr);
  ColumnBatch batch = batch_of(100'000);
  auto output = transform->run(batch);
  ASSERT_TRUE(output.has_value());
  ASSERT_EQ(output->source_rows->size(), 100'000u);
  for (std::size_t i = 0; i < 100'000; ++i) {
    ASSERT_EQ((*output->source_rows)[i], i);
    ASSERT_EQ(output->rows->columns[0].get<std::uint64_t>(i), i);
    ASSERT_EQ(output->rows->columns[1].get<std::string_view>(i), "cam-1-" + std::to_string(i));
  }
}

TEST(Transform, AnEmptyBatchGivesNoRowsAndTheNextRunWorks) {
  auto transform = make(kSampleSql);
  ASSERT_NE(transform, nullptr);
  ColumnBatch none(input_schema());
  auto output = transform->run(none);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->rows->row_count(), 0u);
  EXPECT_TRUE(output->source_rows->empty());
  output = transform->run(batch_of(3));
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->rows->row_count(), 3u);
}

TEST(Transform, AFailingRowIsAnErrorAndTheNextRunWorks) {
  auto transform = make("SELECT CAST(camera_id AS INTEGER) AS n FROM batch");
  ASSERT_NE(transform, nullptr);
  auto output = transform->run(batch_of(3));
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().number(), 1210);
  EXPECT_THAT(output.error().message(), HasSubstr("cam-1"));
  ColumnBatch good(input_schema());
  for (ColumnVector& column : good.columns) column.resize_null(1);
  good.columns[2].set(0, std::string_view("12"));
  output = transform->run(good);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->rows->columns[0].get<std::int32_t>(0), 12);
}

TEST(Transform, StarsAreWrittenOut) {
  auto transform = make("SELECT *, loc.* FROM batch");
  ASSERT_NE(transform, nullptr);
  const Schema& schema = transform->output_schema();
  EXPECT_EQ(schema.columns.size(), 14u);
  EXPECT_EQ(schema.columns[9].name, "frame_no");
  EXPECT_EQ(schema.columns[10].name, "name");
  EXPECT_EQ(schema.columns[13].name, "retention_class");
}

TEST(Transform, TakesAliasesFieldsAndOtherCases) {
  auto transform = make(
      "SELECT B.Detection_ID, b.bbox.w AS width, CASE WHEN width > 0.5 THEN 'wide' ELSE NULL END "
      "AS shape, {'x': bbox.x, 'y': bbox.y, 'w': bbox.w / 2, 'h': 1.5e0} AS box, "
      "nullif(b.cam.name, "
      "'x') AS name FROM batch AS b WHERE width IS NOT NULL AND item_name IN ('Car', 'Bus')");
  ASSERT_NE(transform, nullptr);
  const Schema& schema = transform->output_schema();
  EXPECT_EQ(schema.columns[3].type, ColumnType::kBox);
  auto output = transform->run(batch_of(2));
  ASSERT_TRUE(output.has_value()) << output.error().to_string();
  ASSERT_EQ(output->rows->row_count(), 1u);
  EXPECT_EQ(output->rows->columns[2].get<std::string_view>(0), "wide");
  EXPECT_EQ(output->rows->columns[3].get<Box>(0), (Box{1, 2, 32'768, 65'535}));
}

TEST(Transform, PassesColumnsWithoutSqlAndResolvesTheirAliases) {
  auto transform = make("SELECT camera_id AS c, frame_no FROM batch");
  ASSERT_NE(transform, nullptr);
  auto output = transform->run(batch_of(3));
  ASSERT_TRUE(output.has_value());
  EXPECT_THAT(*output->source_rows, ElementsAre(0, 1, 2));
  EXPECT_EQ(output->rows->columns[1].get<std::uint64_t>(2), 2u);

  transform = make(
      "SELECT camera_id AS c, upper(c) AS u, u || '!' AS v, bbox AS b, b.w AS w "
      "FROM batch WHERE c = 'cam-1' AND v = 'CAM-1!'");
  ASSERT_NE(transform, nullptr);
  output = transform->run(batch_of(2));
  ASSERT_TRUE(output.has_value()) << output.error().to_string();
  ASSERT_EQ(output->rows->row_count(), 2u);
  EXPECT_EQ(output->rows->columns[1].get<std::string_view>(1), "CAM-1");
  EXPECT_EQ(output->rows->columns[2].get<std::string_view>(1), "CAM-1!");
  EXPECT_EQ(output->rows->columns[4].get<double>(0), 1.0);
  EXPECT_FALSE(output->rows->columns[4].is_valid(1));
}

TEST(Transform, TimesAreUtc) {
  auto transform = make(
      "SELECT CAST(event_time AS VARCHAR) AS t, date_trunc('day', event_time) AS day, "
      "CAST('2026-11-22 10:00:00' AS TIMESTAMPTZ) AS fixed, hour(event_time) AS h FROM batch");
  ASSERT_NE(transform, nullptr);
  auto output = transform->run(batch_of(1));
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->rows->columns[0].get<std::string_view>(0), "2026-11-22 10:00:00+00");
  EXPECT_EQ(output->rows->columns[1].get<std::int64_t>(0), 1'795'305'600'000'000);
  EXPECT_EQ(output->rows->columns[2].get<std::int64_t>(0), 1'795'341'600'000'000);
}

TEST(Transform, RefusesWhatLooksAtMoreThanOneRow) {
  expect_refused("SELECT count(*) AS n FROM batch", 1203, "line 1:8: count_star");
  expect_refused("SELECT sum(confidence) AS n FROM batch", 1203, "aggregate");
  expect_refused("SELECT row_number() OVER () AS n FROM batch", 1202, "window");
  expect_refused("SELECT DISTINCT camera_id FROM batch", 1202, "DISTINCT");
  expect_refused("SELECT camera_id FROM batch ORDER BY 1", 1202, "ORDER BY");
  expect_refused("SELECT camera_id FROM batch LIMIT 1", 1202, "LIMIT");
  expect_refused("SELECT camera_id FROM batch GROUP BY camera_id", 1202, "GROUP BY");
  expect_refused("SELECT camera_id FROM batch GROUP BY ALL", 1202, "GROUP BY");
  expect_refused("SELECT camera_id FROM batch HAVING true", 1202, "HAVING");
  expect_refused("SELECT camera_id FROM batch QUALIFY true", 1202, "QUALIFY");
  expect_refused("SELECT camera_id FROM batch USING SAMPLE 10%", 1202, "SAMPLE");
  expect_refused("SELECT camera_id FROM batch TABLESAMPLE 10%", 1202, "TABLESAMPLE");
  expect_refused("SELECT camera_id FROM batch UNION ALL SELECT camera_id FROM batch", 1202,
                 "UNION");
  expect_refused("WITH a AS (SELECT 1) SELECT camera_id FROM batch", 1202, "WITH");
  expect_refused("SELECT camera_id FROM batch, batch b", 1202, "join");
  expect_refused("SELECT camera_id FROM (SELECT * FROM batch)", 1202, "subqueries");
  expect_refused("SELECT (SELECT 1) AS a FROM batch", 1202, "subqueries");
  expect_refused("SELECT camera_id FROM batch WHERE EXISTS (SELECT 1)", 1202, "subqueries");
}

TEST(Transform, RefusesOtherSources) {
  expect_refused("SELECT 1 AS a", 1202, "FROM batch");
  expect_refused("SELECT a FROM other", 1202, "not from \"other\"");
  expect_refused("SELECT a FROM main.batch", 1202, "FROM batch");
  expect_refused("SELECT a FROM 'x.csv'", 1202, "FROM batch");
  expect_refused("SELECT a FROM read_csv('x.csv')", 1202, "table functions");
  expect_refused("VALUES (1)", 1202, "FROM batch");
  expect_refused("DROP TABLE batch", 1201, "only one query");
  expect_refused("SELECT camera_id FROM batch; SELECT 1", 1201, "2 statements");
  expect_refused("", 1201, "empty");
  expect_refused("SELECT camera_id FROM batch WHERE ?", 1202, "parameters");
}

TEST(Transform, RefusesWhatIsNoFunctionOfTheRow) {
  for (const char* call : {"now()",
                           "random()",
                           "uuid()",
                           "gen_random_uuid()",
                           "uuidv7()",
                           "current_date",
                           "current_timestamp",
                           "today()",
                           "get_current_time()",
                           "current_localtime()",
                           "current_localtimestamp()",
                           "current_setting('threads')",
                           "getvariable('x')",
                           "version()",
                           "nextval('s')",
                           "current_user",
                           "current_database()",
                           "txid_current()",
                           "age(event_time)",
                           "ago(INTERVAL 1 DAY)",
                           "vector_type(camera_id)",
                           "stats(camera_id)",
                           "pg_sleep(1)",
                           "current_query()",
                           "setseed(0.5)",
                           "sleep_ms(1)",
                           "write_log('x')",
                           "json_serialize_plan('SELECT 1')",
                           "current_localtime",
                           "localtimestamp"}) {
    SCOPED_TRACE(call);
    auto transform = Transform::create(
        input_schema(), std::string("SELECT ") + call + " AS a, camera_id FROM batch");
    ASSERT_FALSE(transform.has_value());
    EXPECT_THAT(transform.error().number(), testing::AnyOf(1203, 1204, 1202))
        << transform.error().to_string();
  }
  expect_refused("SELECT\n  lower(camera_id) AS a,\n  'é' || random() AS b FROM batch", 1203,
                 "line 3:10: random()");
  expect_refused("SELECT unnest([1, 2]) AS a FROM batch", 1203, "unnest()");
  expect_refused("SELECT lowr(camera_id) AS a FROM batch", 1203, "did you mean lower()?");
}

TEST(Transform, NamesBadColumnsAndTypes) {
  expect_refused("SELECT camer_id FROM batch", 1204, "did you mean camera_id?");
  expect_refused("SELECT cam.headin_deg FROM batch", 1204, "did you mean cam.heading_deg?");
  expect_refused("SELECT camera_id.x FROM batch", 1204, "has no field \"x\"");
  expect_refused("SELECT \"freshet$row\" FROM batch", 1204, "no column");
  expect_refused("SELECT nothing.* FROM batch", 1204, "nothing.");
  expect_refused("SELECT confidence::DECIMAL(9, 3) AS c FROM batch", 1205, "CAST(… AS DOUBLE)");
  expect_refused("SELECT frame_no::HUGEINT AS c FROM batch", 1205, "CAST(… AS BIGINT)");
  expect_refused("SELECT [1, 2] AS c FROM batch", 1205, "INTEGER[]");
  expect_refused("SELECT event_time::TIMESTAMP AS c FROM batch", 1205, "AT TIME ZONE 'UTC'");
  expect_refused("SELECT camera_id, CAMERA_ID FROM batch", 1206, "two columns");
  expect_refused("SELECT lower(camera_id) FROM batch", 1206, "AS name");
  expect_refused("SELECT camera_id + confidence AS a FROM batch WHERE bbox", 1207, "");
  expect_refused("SELECT camera_id FRM batch", 1201, "line 1:22");
  expect_refused("SELECT * EXCLUDE (camera_id) FROM batch", 1202, "EXCLUDE");
  expect_refused("SELECT COLUMNS('c.*') FROM batch", 1202, "COLUMNS");
}

TEST(Transform, JsonIsText) {
  auto transform = make("SELECT json_object('a', frame_no) AS j FROM batch");
  ASSERT_NE(transform, nullptr);
  EXPECT_EQ(transform->output_schema().columns[0].type, ColumnType::kText);
  auto output = transform->run(batch_of(1));
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->rows->columns[0].get<std::string_view>(0), R"({"a":0})");
}

// Small batches are run by one query, larger ones by a statement each: nothing of one may show in
// another.
TEST(Transform, RunsOfAllSizesInTurn) {
  auto transform = make(
      "SELECT camera_id, upper(track_id) AS track, CASE WHEN confidence > 1 THEN 0 ELSE frame_no + "
      "1 END AS more, coalesce(bbox, bbox) AS box FROM batch WHERE coalesce(confidence, 1) >= "
      "0.30");
  ASSERT_NE(transform, nullptr);
  for (std::size_t rows :
       {1, 150, 63, 64, 65, 2, 999, 1000, 1001, 2047, 2048, 2049, 5000, 1, 150, 150, 3000, 3}) {
    ColumnBatch batch = batch_of(rows);
    std::vector<std::uint32_t> expected;
    for (std::size_t i = 0; i < rows; ++i) {
      const ColumnVector& confidence = batch.columns[6];
      if (!confidence.is_valid(i) || confidence.get<double>(i) >= 0.30)
        expected.push_back(static_cast<std::uint32_t>(i));
    }
    auto output = transform->run(batch);
    ASSERT_TRUE(output.has_value()) << rows;
    ASSERT_EQ(*output->source_rows, expected) << rows;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(output->rows->columns[1].get<std::string_view>(i), "TRACK-0000000000000000042");
      ASSERT_EQ(output->rows->columns[2].get<std::uint64_t>(i), expected[i] + 1);
      ASSERT_EQ(output->rows->columns[3].is_valid(i), expected[i] % 2 == 0);
    }
  }
}

// A row that cannot be computed, and the rows around it one by one, as a stream runs them.
TEST(Transform, ErrorsAreTheSameForBatchesOfAllSizes) {
  auto transform = make("SELECT CAST(item_name AS BIGINT) AS n FROM batch WHERE frame_no > 0");
  ASSERT_NE(transform, nullptr);
  for (std::size_t rows : {3, 150, 1000, 1001, 5000}) {
    ColumnBatch good = batch_of(rows);
    good.columns[5] = ColumnVector(ColumnType::kText);
    for (std::size_t i = 0; i < rows; ++i) good.columns[5].append(std::string_view("12"));
    ColumnBatch bad = batch_of(rows);
    bad.columns[5] = ColumnVector(ColumnType::kText);
    for (std::size_t i = 0; i < rows; ++i)
      bad.columns[5].append(std::string_view(i == rows / 2 ? "thirteen" : "13"));
    for (int i = 0; i < 3; ++i) {
      auto output = transform->run(good);
      ASSERT_TRUE(output.has_value()) << rows;
      EXPECT_EQ(output->source_rows->size(), rows - 1);
      auto failed = transform->run(bad);
      ASSERT_FALSE(failed.has_value()) << rows;
      EXPECT_EQ(failed.error().number(), 1210);
      EXPECT_THAT(failed.error().message(), HasSubstr("thirteen"));
    }
  }
}

// What only constants make fail is no row's error while the WHERE keeps no row.
TEST(Transform, ExpressionsAreNotEvaluatedForRowsThatDoNotPass) {
  auto transform = make(
      "SELECT CAST(concat('no ', 'number') AS BIGINT) + confidence AS n FROM batch WHERE frame_no "
      ">= "
      "10");
  ASSERT_NE(transform, nullptr);
  for (std::size_t rows : {10, 10, 5}) {
    auto output = transform->run(batch_of(rows));
    ASSERT_TRUE(output.has_value()) << output.error().to_string();
    EXPECT_TRUE(output->source_rows->empty());
  }
  EXPECT_FALSE(transform->run(batch_of(11)).has_value());
  EXPECT_TRUE(transform->run(batch_of(10)).has_value());
}

// FRESHET_BENCH=1 prints the cost of the sample: fixed per batch and per row.
TEST(Transform, Bench) {
  if (std::getenv("FRESHET_BENCH") == nullptr) GTEST_SKIP() << "set FRESHET_BENCH=1 to measure";
  auto transform = make(kSampleSql);
  ASSERT_NE(transform, nullptr);
  for (std::size_t rows : {1u, 100u, 500u, 2'000u, 10'000u}) {
    ColumnBatch batch = batch_of(rows);
    int runs = static_cast<int>(2'000'000 / (rows + 200));
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < runs; ++i) ASSERT_TRUE(transform->run(batch).has_value());
    double ns =
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() /
        runs;
    std::cout << rows << " rows: " << ns / 1000 << " us a batch, " << ns / static_cast<double>(rows)
              << " ns a row\n";
  }
}

}  // namespace
}  // namespace freshet::sql

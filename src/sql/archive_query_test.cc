// Queries over files and memory as one table.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "sql/parquet_test_files.h"
#include "sql/query_database.h"

namespace freshet::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ArchiveQueryTest : public testing::Test {
 protected:
  void SetUp() override {
    auto database = QueryDatabase::open({});
    ASSERT_TRUE(database.has_value());
    database_ = *std::move(database);
    auto writer = ParquetWriter::open({});
    ASSERT_TRUE(writer.has_value());
    writer_ = *std::move(writer);
  }

  // One file of rows of the layout's table.
  ArchiveFile write_file(const std::string& name, const ColumnBatch& rows, const Schema& schema,
                         ParquetLayout layout) {
    ModelRelation relation(schema);
    relation.add_chunk(rows);
    layout.row_group_rows = 2'048;
    auto files = writer_->write(relation, {}, layout,
                                [&](std::optional<std::int64_t>) { return folder_ / name; });
    FRESHET_CHECK(files.has_value() && files->size() == 1);
    return {(*files)[0].path, (*files)[0].bytes, (*files)[0].checksum};
  }
  ArchiveFile write_file(const std::string& name, const ColumnBatch& rows) {
    return write_file(name, rows, detections_schema(), layout_of(detections_schema()));
  }
  // The files of "detections", whatever is asked; what is asked is kept.
  void archive(std::vector<ArchiveFile> files) { archive("detections", std::move(files)); }
  void archive(const std::string& table, std::vector<ArchiveFile> files,
               std::vector<ParquetColumn> columns = layout_of(detections_schema()).columns) {
    archives_[table] = std::make_shared<ArchiveTable>(ArchiveTable{
        std::move(columns),
        [this, files](const ScanConstraints& constraints, OnMissing) -> Result<ArchivePlan> {
          constraints_ = constraints;
          return ArchivePlan{files, {}};
        }});
  }
  void remember(const ColumnBatch& rows) {
    auto relation = std::make_shared<ModelRelation>(detections_schema());
    relation->add_chunk(rows);
    relations_["detections"] = relation;
  }

  Result<QueryAnswer> run(const JudgedQuery& query) {
    return database_->run(query, relations_, parameters_, limits_, AnswerFormat::kCsv, archives_);
  }
  Result<QueryAnswer> run(const std::string& sql) {
    auto judged = database_->judge(sql);
    if (!judged) return std::move(judged).error();
    return run(*judged);
  }
  std::string csv(const std::string& sql) {
    auto answer = run(sql);
    return answer ? answer->text : answer.error().to_string();
  }
  void expect_error(const std::string& sql, Code code, int number, const std::string& words) {
    SCOPED_TRACE(sql);
    auto answer = run(sql);
    ASSERT_FALSE(answer.has_value()) << answer->text;
    EXPECT_EQ(answer.error().code(), code) << answer.error().to_string();
    EXPECT_EQ(answer.error().number(), number) << answer.error().to_string();
    EXPECT_THAT(answer.error().message(), HasSubstr(words));
  }

  TestFolder folder_;
  std::unique_ptr<QueryDatabase> database_;
  std::unique_ptr<ParquetWriter> writer_;
  Relations relations_;
  ArchiveTables archives_;
  Parameters parameters_;
  QueryLimits limits_;
  ScanConstraints constraints_;
};

TEST_F(ArchiveQueryTest, FilesAndMemoryAreOneTable) {
  archive(
      {write_file("a", detection_rows(0, 10'000)), write_file("b", detection_rows(10'000, 500))});
  remember(detection_rows(10'500, 1'500));
  EXPECT_EQ(csv("SELECT count(*) AS n, sum(position) AS s, count(DISTINCT detection_id) AS ids, "
                "count(confidence) AS c FROM detections"),
            "n,s,ids,c\n12000,71994000,12000,10286\n");
  EXPECT_EQ(csv("SELECT camera_id, count(*) AS n FROM detections GROUP BY ALL ORDER BY ALL"),
            "camera_id,n\na camera with a long name,4000\neast,4000\nnorth gate,4000\n");
  EXPECT_EQ(csv("SELECT count(*) AS n FROM detections a JOIN detections b USING (detection_id)"),
            "n\n12000\n");
  // A row says the same wherever it lies.
  std::string one = "SELECT * FROM detections WHERE position = 10400";
  std::string archived = csv(one);
  archives_.clear();
  remember(detection_rows(10'000, 500));
  EXPECT_EQ(archived, csv(one));
  EXPECT_THAT(archived, HasSubstr("a camera with a long name"));
}

TEST_F(ArchiveQueryTest, EitherSideMayBeMissing) {
  archive({write_file("a", detection_rows(0, 100))});
  EXPECT_EQ(csv("SELECT count(*) AS n FROM detections"), "n\n100\n");
  archive({});
  EXPECT_EQ(csv("SELECT count(*) AS n, max(position) AS p FROM detections"), "n,p\n0,\n");
  remember(detection_rows(0, 7));
  EXPECT_EQ(csv("SELECT count(*) AS n FROM detections"), "n\n7\n");
  EXPECT_EQ(csv("SELECT column_name, column_type FROM (DESCRIBE detections) LIMIT 2"),
            "column_name,column_type\ndetection_id,UUID\nevent_time,TIMESTAMP WITH TIME ZONE\n");
}

TEST_F(ArchiveQueryTest, UnsignedNumbersKeepTheirWholeRangeOnBothSides) {
  Schema schema{{{"camera_id", ColumnType::kText},
                 {"event_time", ColumnType::kTimestamp},
                 {"frame_no", ColumnType::kUInt64}}};
  ParquetLayout layout = layout_of(schema);
  layout.columns[2].is_decimal = true;
  // Enough for several row groups: 2^64 - 1 and down in the file, 2^63 and up in memory.
  ColumnBatch old_rows(schema), new_rows(schema);
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    for (ColumnBatch* rows : {&old_rows, &new_rows}) {
      rows->columns[0].append(std::string_view("east"));
      rows->columns[1].append(kTestTimeUs + static_cast<std::int64_t>(i));
    }
    old_rows.columns[2].append(~i);
    new_rows.columns[2].append((std::uint64_t{1} << 63) + i);
  }
  archive("detections", {write_file("a", old_rows, schema, layout)}, layout.columns);
  auto relation = std::make_shared<ModelRelation>(schema);
  relation->add_chunk(new_rows);
  relations_["detections"] = relation;
  EXPECT_EQ(csv("SELECT typeof(frame_no) AS t, count(*) AS n, min(frame_no) AS a, max(frame_no) AS "
                "b FROM detections GROUP BY 1"),
            "t,n,a,b\nUBIGINT,10000,9223372036854775808,18446744073709551615\n");
  EXPECT_EQ(csv("SELECT frame_no, epoch_us(event_time) % 1000000 AS us FROM detections WHERE "
                "frame_no = 18446744073709551000"),
            "frame_no,us\n18446744073709551000,615\n");
  EXPECT_EQ(csv("SELECT count(*) AS n FROM detections WHERE frame_no >= 18446744073709546618"),
            "n\n4998\n");
  EXPECT_EQ(csv("SELECT count(*) AS n FROM detections WHERE frame_no BETWEEN 9223372036854775809 "
                "AND 18446744073709546617"),
            "n\n5001\n");
  // 64 signed bits have no room for it: the planner must not be told a number that is another.
  EXPECT_TRUE(constraints_.empty());
  EXPECT_EQ(csv("SELECT count(*) AS n FROM detections WHERE frame_no > 9000000000000000000 AND "
                "frame_no <> 9223372036854775808"),
            "n\n9999\n");
  EXPECT_EQ(constraints_["frame_no"].minimum, 9'000'000'000'000'000'000);
  // The file alone, without memory to give the type.
  relations_.clear();
  EXPECT_EQ(csv("SELECT typeof(frame_no) AS t, min(frame_no) AS a FROM detections GROUP BY 1"),
            "t,a\nUBIGINT,18446744073709546616\n");
}

TEST_F(ArchiveQueryTest, ColumnsGoByFieldIdAndMissingOnesAreNull) {
  Schema old_schema{{{"cam", ColumnType::kText},
                     {"camera_id", ColumnType::kText},  // another column's name today
                     {"event_time", ColumnType::kTimestamp},
                     {"hidden", ColumnType::kInt64}}};
  ParquetLayout old_layout;
  old_layout.columns = {{"cam", ColumnType::kText, 3, {}},
                        {"camera_id", ColumnType::kText, 70, {}},
                        {"event_time", ColumnType::kTimestamp, 2, {}},
                        {"hidden", ColumnType::kInt64, 71, {}}};
  old_layout.time_column = 2;
  ColumnBatch old_rows(old_schema);
  old_rows.columns[0].append(std::string_view("renamed"));
  old_rows.columns[1].append(std::string_view("wrong"));
  old_rows.columns[2].append(kTestTimeUs);
  old_rows.columns[3].append(std::int64_t{1});
  archive({write_file("old", old_rows, old_schema, old_layout),
           write_file("new", detection_rows(0, 1))});
  EXPECT_EQ(csv("SELECT camera_id, confidence, bbox, position FROM detections ORDER BY position"),
            "camera_id,confidence,bbox,position\nnorth gate,0.0,\"{\"\"x\"\":0.0,\"\"y\"\":0.0,"
            "\"\"w\"\":1.0,\"\"h\"\":0.0}\",0\nrenamed,,,\n");
  expect_error("SELECT hidden FROM detections", Code::kInvalid, 5003, "hidden");
}

TEST_F(ArchiveQueryTest, ColumnsThatOneSideLacksAreNullThere) {
  std::vector<ParquetColumn> columns = layout_of(detections_schema()).columns;
  columns.erase(columns.begin() + 3);                      // confidence is in memory alone
  columns.push_back({"zone", ColumnType::kText, 90, {}});  // and zone in the archive alone
  archive("detections", {write_file("a", detection_rows(0, 5))}, columns);
  remember(detection_rows(5, 2));
  EXPECT_EQ(csv("SELECT count(*) AS n, count(confidence) AS c, count(zone) AS z FROM detections"),
            "n,c,z\n7,2,0\n");
}

TEST_F(ArchiveQueryTest, NumbersThatIcebergLacksComeBackAsTheyWere) {
  Schema schema{{{"camera_id", ColumnType::kText},
                 {"event_time", ColumnType::kTimestamp},
                 {"small", ColumnType::kUInt8},
                 {"short", ColumnType::kInt16},
                 {"wide", ColumnType::kUInt32}}};
  ColumnBatch rows(schema);
  for (int i = 0; i < 10'000; ++i) {
    rows.columns[0].append(std::string_view("a"));
    rows.columns[1].append(kTestTimeUs + i);
    rows.columns[2].append(static_cast<std::uint8_t>(i % 256));
    rows.columns[3].append(static_cast<std::int16_t>(-i));
    rows.columns[4].append(static_cast<std::uint32_t>(4'294'967'295u - static_cast<unsigned>(i)));
  }
  archive("t", {write_file("a", rows, schema, layout_of(schema))}, layout_of(schema).columns);
  EXPECT_EQ(csv("SELECT typeof(small) AS a, typeof(short) AS b, typeof(wide) AS c, small, short, "
                "wide FROM t WHERE wide >= 4294967295"),
            "a,b,c,small,short,wide\nUTINYINT,SMALLINT,UINTEGER,0,0,4294967295\n");
  EXPECT_EQ(csv("SELECT count(*) AS n FROM t WHERE small = 255 AND short < -1000"), "n\n36\n");
}

TEST_F(ArchiveQueryTest, FiltersSkipRowGroups) {
  archive({write_file("a", detection_rows(0, 30'000))});
  remember(detection_rows(30'000, 10));
  std::string plan = csv(
      "EXPLAIN ANALYZE SELECT confidence FROM detections WHERE camera_id = 'east' AND event_time "
      "BETWEEN '2026-11-25 00:00:03' AND '2026-11-25 00:00:03.1'");
  // The filters stand in the scan of the files, and rows that it gives are those of the answer.
  EXPECT_THAT(plan, HasSubstr("READ_PARQUET"));
  EXPECT_THAT(plan, HasSubstr("camera_id='east'"));
  std::size_t scan = plan.find("READ_PARQUET");
  EXPECT_THAT(plan.substr(scan), HasSubstr("34 rows"));
}

TEST_F(ArchiveQueryTest, DamagedFilesEndTheQueryAndAreNamed) {
  ArchiveFile good = write_file("good", detection_rows(0, 5'000));
  ArchiveFile bad = write_file("bad", detection_rows(5'000, 5'000));
  const std::string query = "SELECT sum(position) AS s FROM detections";
  archive({good, bad});
  EXPECT_EQ(csv(query), "s\n49995000\n");

  std::string whole(bad.bytes, '\0');
  std::ifstream(bad.path, std::ios::binary)
      .read(whole.data(), static_cast<std::streamsize>(bad.bytes));
  auto replace = [&](const std::string& bytes) {
    std::ofstream(bad.path, std::ios::binary | std::ios::trunc) << bytes;
  };
  replace(whole.substr(0, bad.bytes / 2));
  expect_error(query, Code::kCorruption, 3811, bad.path);
  replace(whole.substr(0, bad.bytes - 1) + "x");
  expect_error(query, Code::kCorruption, 3812, bad.path);
  ArchiveFile unsummed{bad.path, bad.bytes, ""};
  archive({good, unsummed});
  expect_error(query, Code::kCorruption, 3813, bad.path);
  replace(std::string(bad.bytes, 'x'));
  expect_error(query, Code::kCorruption, 3813, bad.path);
  std::string garbled = whole;
  std::fill_n(garbled.begin() + static_cast<std::ptrdiff_t>(bad.bytes / 2), bad.bytes / 4, 'x');
  replace(garbled);
  expect_error("SELECT * FROM detections", Code::kCorruption, 3821, bad.path);
  // The next query is as good as ever.
  replace(whole);
  EXPECT_EQ(csv(query), "s\n49995000\n");
  std::filesystem::remove(bad.path);
  expect_error(query, Code::kNotFound, 3810, bad.path);
  archive({good});
  EXPECT_EQ(csv(query), "s\n12497500\n");
}

TEST_F(ArchiveQueryTest, APartialAnswerIsOfTheFilesThatAreWholeAndNamesTheOthers) {
  std::vector<ArchiveFile> files;
  for (int i = 0; i < 4; ++i) {
    files.push_back(write_file("file" + std::to_string(i), detection_rows(i * 1'000, 1'000)));
    files.back().name = "s3://bucket/" + std::to_string(i);
    files.back().rows = 1'000;
  }
  std::filesystem::remove(files[0].path);
  ArchiveFile away;
  away.name = "s3://bucket/away";
  away.rows = 77;
  away.failure = Error(Code::kUnavailable, 3700, "the store does not answer");
  files.push_back(away);
  archive(files);
  remember(detection_rows(4'000, 5));
  const std::string count = "SELECT count(*) AS n FROM detections";
  auto judged = database_->judge(count);
  auto ask = [&](OnMissing on_missing) {
    return database_->run(*judged, relations_, {}, limits_, AnswerFormat::kCsv, archives_,
                          on_missing);
  };
  expect_error(count, Code::kUnavailable, 3700, "does not answer");
  auto answer = ask(OnMissing::kNote);
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->text, "n\n3005\n");
  ASSERT_EQ(answer->missing.size(), 2u);
  EXPECT_EQ(answer->missing[0].file, "s3://bucket/away");
  EXPECT_EQ(answer->missing[0].rows, 77u);
  EXPECT_THAT(answer->missing[0].reason, HasSubstr("FRS-3700"));
  EXPECT_EQ(answer->missing[1].table, "detections");
  EXPECT_EQ(answer->missing[1].file, "s3://bucket/0");
  EXPECT_EQ(answer->missing[1].rows, 1'000u);
  EXPECT_THAT(answer->missing[1].reason, HasSubstr("FRS-3810"));
  // Shorter, and one with a flipped byte where rows lie.
  std::filesystem::resize_file(files[1].path, files[1].bytes / 2);
  std::fstream third(files[2].path, std::ios::in | std::ios::out | std::ios::binary);
  third.seekp(200);
  third.put('\x5a');
  third.close();
  answer = ask(OnMissing::kNote);
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->text, "n\n1005\n");
  EXPECT_EQ(answer->missing.size(), 4u);
  EXPECT_EQ(answer->scans["detections"].files.size(), 1u);
}

TEST_F(ArchiveQueryTest, OfAFileOnlyTheNamedPositionsAreRead) {
  ArchiveFile file = write_file("a", detection_rows(0, 1'000));
  ArchiveFile first = file, second = file;
  first.positions = PositionRange{-1, 99};
  second.positions = PositionRange{899, 950};
  archive({first, second});
  EXPECT_EQ(csv("SELECT count(*) AS n, min(position) AS a, max(position) AS b FROM detections"),
            "n,a,b\n151,0,950\n");
}

TEST_F(ArchiveQueryTest, FilesOfOtherTablesEndTheQueryAndAreNamed) {
  Schema schema{{{"camera_id", ColumnType::kText}, {"event_time", ColumnType::kTimestamp}}};
  ColumnBatch rows(schema);
  rows.columns[0].append(std::string_view("x"));
  rows.columns[1].append(kTestTimeUs);
  ParquetLayout layout = layout_of(schema);
  layout.columns[0].field_id = 100;
  layout.columns[1].field_id = 101;
  ArchiveFile foreign = write_file("foreign", rows, schema, layout);
  archive({foreign});
  expect_error("SELECT count(*) FROM detections", Code::kCorruption, 3820, foreign.path);
  // Our ids with other types.
  layout.columns[0].field_id = 1;
  foreign = write_file("foreign too", rows, schema, layout);
  archive({foreign});
  expect_error("SELECT detection_id FROM detections", Code::kCorruption, 3821, foreign.path);
}

TEST_F(ArchiveQueryTest, APlannersErrorIsTheQuerys) {
  archives_["detections"] = std::make_shared<ArchiveTable>(
      ArchiveTable{layout_of(detections_schema()).columns, [](const ScanConstraints&, OnMissing) {
                     return Result<ArchivePlan>(Error(Code::kUnavailable, 3899, "no metadata"));
                   }});
  expect_error("SELECT 1", Code::kUnavailable, 3899, "no metadata");
}

TEST_F(ArchiveQueryTest, EndsAtItsTime) {
  archive({write_file("a", detection_rows(0, 10'000))});
  limits_.time_us = 100'000;
  expect_error("SELECT count(*) FROM detections a, detections b, detections c", Code::kTimeout,
               5006, "100ms");
}

// The locks behind the gate: what a statement reaches that the gate should never have let through.
class ArchiveAttackTest : public ArchiveQueryTest {
 protected:
  void SetUp() override {
    ArchiveQueryTest::SetUp();
    named_ = write_file("named.parquet", detection_rows(0, 10));
    other_ = write_file("other.parquet", detection_rows(0, 10));
    secret_ = folder_ / "secret.csv";
    std::ofstream(secret_) << "password\nhunter2\n";
    archive({named_});
    remember(detection_rows(10, 10));
  }
  // Past the gate.
  Result<QueryAnswer> run_unjudged(const std::string& sql) {
    JudgedQuery query;
    query.sql = sql;
    return run(query);
  }
  ArchiveFile named_, other_;
  std::string secret_;
};

TEST_F(ArchiveAttackTest, TheGateLetsNoFileThrough) {
  for (std::string sql :
       {fmt::format("SELECT * FROM read_parquet('{}')", named_.path),
        fmt::format("SELECT * FROM parquet_scan(['{}'])", named_.path),
        fmt::format("SELECT * FROM parquet_schema('{}')", named_.path),
        fmt::format("SELECT * FROM parquet_metadata('{}')", named_.path),
        fmt::format("SELECT * FROM parquet_file_metadata('{}')", named_.path),
        fmt::format("SELECT * FROM parquet_kv_metadata('{}')", named_.path),
        fmt::format("SELECT * FROM parquet_bloom_probe('{}', 'camera_id', 'east')", named_.path),
        fmt::format("SELECT * FROM detections, read_blob('{}')", named_.path),
        fmt::format("SELECT * FROM detections WHERE EXISTS (FROM read_text('{}'))", secret_),
        fmt::format("WITH a AS (FROM read_csv('{}')) SELECT * FROM detections", secret_),
        fmt::format("SELECT (SELECT count(*) FROM glob('{}*'))", secret_),
        fmt::format("FROM query('FROM read_parquet(''{}'')')", named_.path),
        fmt::format("FROM query_table(['{}'])", named_.path),
        fmt::format("FROM sniff_csv('{}')", secret_),
        std::string("FROM duckdb_views()"),
        std::string("SELECT current_setting('allowed_paths')"),
        std::string("FROM duckdb_settings()"),
        std::string("FROM freshet_scan('detections')"),
        std::string("FROM freshet_rows()"),
        fmt::format("SELECT * FROM detections PIVOT (count(*) FOR camera_id IN (FROM "
                    "read_csv('{}')))",
                    secret_)}) {
    auto answer = run(sql);
    ASSERT_FALSE(answer.has_value()) << sql << "\n" << answer->text;
    EXPECT_TRUE(answer.error().number() == 5002 || answer.error().number() == 5001)
        << sql << "\n"
        << answer.error().to_string();
  }
  for (std::string sql :
       {fmt::format("COPY (FROM detections) TO '{}'", named_.path),
        fmt::format("COPY detections TO '{}'", named_.path), fmt::format("ATTACH '{}'", secret_),
        fmt::format("EXPORT DATABASE '{}'", secret_), std::string("SET allowed_paths = ['/']"),
        std::string("SET enable_external_access = true"), std::string("RESET allowed_paths"),
        std::string("INSTALL httpfs"), std::string("LOAD httpfs"),
        std::string("CREATE SECRET s (TYPE s3)"), std::string("PRAGMA database_list"),
        std::string("SELECT 1; SELECT 2")}) {
    auto answer = run(sql);
    ASSERT_FALSE(answer.has_value()) << sql;
    EXPECT_EQ(answer.error().number(), 5001) << sql << "\n" << answer.error().to_string();
  }
}

TEST_F(ArchiveAttackTest, BehindTheGateOnlyThePlannedFilesOpen) {
  for (std::string sql :
       {fmt::format("SELECT * FROM read_parquet('{}')", other_.path),
        fmt::format("SELECT * FROM '{}'", other_.path),
        fmt::format("SELECT * FROM parquet_schema('{}')", other_.path),
        fmt::format("SELECT * FROM read_parquet('{}')", folder_ / "*.parquet"),
        fmt::format("SELECT * FROM read_parquet('{}')", folder_ / "?amed.parquet"),
        fmt::format("SELECT * FROM read_parquet('{}/../other.parquet')", named_.path),
        fmt::format("SELECT * FROM read_parquet('file://{}')", other_.path),
        fmt::format("SELECT * FROM read_csv('{}')", secret_),
        fmt::format("SELECT * FROM '{}'", secret_),
        fmt::format("FROM read_text('{}')", secret_),
        fmt::format("FROM read_blob('{}')", secret_),
        fmt::format("FROM read_json('{}')", secret_),
        fmt::format("FROM sniff_csv('{}')", secret_),
        fmt::format("FROM glob('{}*')", secret_),
        std::string("FROM glob('/*')"),
        std::string("FROM read_text('/proc/self/environ')"),
        std::string("FROM read_text('/etc/passwd')"),
        std::string("FROM '/dev/stdin'"),
        std::string("FROM read_parquet('https://example.org/x.parquet')"),
        std::string("FROM read_parquet('s3://bucket/x.parquet')"),
        std::string("FROM freshet_scan('elsewhere')")}) {
    auto answer = run_unjudged(sql);
    EXPECT_FALSE(answer.has_value()) << sql << "\n" << answer->text;
  }
}

TEST_F(ArchiveAttackTest, BehindTheGateNothingIsWrittenOrSet) {
  std::size_t files = folder_.file_count();
  for (std::string sql :
       {fmt::format("COPY (SELECT 1 AS a) TO '{}'", named_.path),
        fmt::format("COPY (SELECT 1 AS a) TO '{}'", folder_ / "new.parquet"),
        fmt::format("ATTACH '{}' AS a", folder_ / "new.db"),
        fmt::format("ATTACH '{}' AS a", named_.path),
        fmt::format("EXPORT DATABASE '{}'", folder_ / "export"),
        fmt::format("SET GLOBAL allowed_paths = ['{}']", other_.path),
        std::string("SET allowed_directories = ['/']"),
        std::string("SET enable_external_access = true"), std::string("RESET allowed_paths"),
        std::string("SET lock_configuration = false"), std::string("CREATE TABLE t (a INTEGER)"),
        std::string("DROP VIEW detections"), std::string("LOAD '/tmp/x.duckdb_extension'"),
        std::string("EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/freshet_attack.parquet'")}) {
    auto answer = run_unjudged(sql);
    EXPECT_FALSE(answer.has_value()) << sql << "\n" << answer->text;
  }
  EXPECT_EQ(folder_.file_count(), files);
  EXPECT_EQ(csv("SELECT count(*) AS n FROM detections"), "n\n20\n");
  EXPECT_FALSE(std::filesystem::exists("/tmp/freshet_attack.parquet"));
}

TEST_F(ArchiveAttackTest, AnEarlierQuerysFilesAreClosedToTheNext) {
  // More sets of files than databases are kept, each asked twice in turn.
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 7; ++i) {
      ArchiveFile own = named_;
      own.path = folder_ / fmt::format("{}.parquet", i);
      std::filesystem::copy_file(named_.path, own.path,
                                 std::filesystem::copy_options::skip_existing);
      archive({own});
      ASSERT_EQ(csv("SELECT count(*) AS n FROM detections"), "n\n20\n");
      EXPECT_TRUE(
          run_unjudged(fmt::format("SELECT 1 FROM read_parquet('{}')", own.path)).has_value());
      std::string before = folder_ / fmt::format("{}.parquet", (i + 6) % 7);
      for (const std::string& path : {before, named_.path, other_.path})
        EXPECT_FALSE(
            run_unjudged(fmt::format("SELECT 1 FROM read_parquet('{}')", path)).has_value());
    }
  }
}

TEST_F(ArchiveAttackTest, AQueryWithoutFilesMayOpenNone) {
  archives_.clear();
  for (const std::string& path : {named_.path, secret_}) {
    EXPECT_FALSE(run_unjudged(fmt::format("FROM read_blob('{}')", path)).has_value());
    EXPECT_FALSE(run_unjudged(fmt::format("SELECT * FROM '{}'", path)).has_value());
  }
}

TEST_F(ArchiveAttackTest, APathIsAPathWhateverItsName) {
  ArchiveFile strange = write_file("it's [1] * ? \"x\" {y}.parquet", detection_rows(0, 10));
  write_file("it's 1 z z \"x\" {y}.parquet", detection_rows(0, 1'000));  // would match a pattern
  archive({strange});
  EXPECT_EQ(csv("SELECT count(*) AS n FROM detections"), "n\n20\n");
  std::filesystem::create_symlink(secret_, folder_ / "link.parquet");
  archive({{folder_ / "link.parquet", 17, ""}});
  expect_error("SELECT count(*) FROM detections", Code::kNotFound, 3810, "symbolic link");
}

}  // namespace
}  // namespace freshet::sql

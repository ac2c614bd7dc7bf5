// The small parts that turn text into values and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/archive_text.h"
#include "cli/ingest_progress.h"
#include "cli/json.h"
#include "cli/latency.h"
#include "cli/metrics_text.h"
#include "cli/server_client.h"
#include "cli/statement_splitter.h"
#include "cli/text_table.h"

namespace freshet::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(JsonTest, ReadsAndWritesWhatItRead) {
  const char* text =
      "{\"a\":[1,-2.50,18446744073709551616,true,null],\"b\":{\"c\":\"x\\\"\\n\xc3\xa9\"},\"d\":[]"
      "}";
  auto parsed = parse_json(text);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->to_json(), text);
  EXPECT_EQ((*parsed)["a"].items[2].text, "18446744073709551616");
  EXPECT_EQ((*parsed)["b"]["c"].text, "x\"\n\xc3\xa9");
  EXPECT_EQ((*parsed)["absent"].kind, JsonValue::Kind::kNull);
}

TEST(JsonTest, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "{} x", "[nul]", "\"text\""}) {
    EXPECT_FALSE(parse_json(text).has_value()) << text;
  }
}

TEST(TextTableTest, AlignsAndCuts) {
  auto rows = parse_json(
      "[{\"name\":\"a\",\"n\":1},{\"name\":\"\xc3\xa4\xc3\xb6\",\"n\":22},{\"name\":null,\"n\":"
      "null,\"x\":\"y\"}]");
  ASSERT_TRUE(rows);
  EXPECT_EQ(render_table(table_of(*rows)),
            "name   n  x\n"
            "----  --  -\n"
            "a      1  \n"
            "\xc3\xa4\xc3\xb6    22  \n"
            "          y\n");
  EXPECT_EQ(render_plain(table_of(*rows)), "a\t1\t\n\xc3\xa4\xc3\xb6\t22\t\n\t\ty\n");
  auto longer = parse_json("[{\"t\":\"abcdefghij\"}]");
  EXPECT_THAT(render_table(table_of(*longer), 5), HasSubstr("abcd…"));
}

TEST(TextTableTest, EventsNeverDriveTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\tc\x7f\xc2\x9b"), "a?[2Jb?c??");
  EXPECT_EQ(printable("\xc3\xa9"), "\xc3\xa9");
}

TEST(TextTableTest, CsvQuotesWhatItMust) {
  auto rows = parse_json("[{\"a\":\"x,\\\"y\\\"\",\"n\":1},{\"a\":null,\"n\":22}]");
  ASSERT_TRUE(rows);
  EXPECT_EQ(render_csv(table_of(*rows)), "a,n\n\"x,\"\"y\"\"\",1\n,22\n");
}

TEST(ArchiveTextTest, TablesStandInLine) {
  auto tables = parse_json(
      "[{\"name\":\"detections\",\"files\":12,\"rows\":1000000,\"bytes\":1572864,\"boundary\":"
      "1099511627776,\"committed\":\"2026-11-22T10:00:00.123456Z\",\"metadata_url\":\"file:///a\"},"
      "{\"name\":\"detections$dead\",\"files\":0,\"rows\":0,\"bytes\":0,\"boundary\":0,"
      "\"committed\":null,\"metadata_url\":\"file:///b\"}]");
  ASSERT_TRUE(tables);
  EXPECT_EQ(
      render_table(archived_tables(*tables, SizeForm::kUnits)),
      "table            files     rows     size       boundary  last commit           metadata "
      "URL\n"
      "---------------  -----  -------  -------  -------------  --------------------  "
      "------------\n"
      "detections          12  1000000  1.5 MiB  1099511627776  2026-11-22T10:00:00Z  file:///a\n"
      "detections$dead      0        0      0 B              0  never                 file:///b\n");
  EXPECT_THAT(render_plain(archived_tables(*tables, SizeForm::kBytes)),
              HasSubstr("detections\t12\t1000000\t1572864\t"));
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(std::uint64_t{5} << 50), "5120.0 TiB");
}

TEST(ArchiveTextTest, EachFaultHasALineWithItsCode) {
  auto reports = parse_json(
      "[{\"table\":\"a\",\"version\":4,\"files\":3,\"rows\":10,\"bytes\":2048,\"damaged\":[{"
      "\"url\":"
      "\"file:///x\\u001b.parquet\",\"error\":\"FRS-3812 cut\"}]},"
      "{\"table\":\"b\",\"error\":{\"code\":\"FRS-3700\",\"message\":\"no answer\"}}]");
  ASSERT_TRUE(reports);
  EXPECT_EQ(faults_text(*reports), "a: file:///x?.parquet: FRS-3812 cut\nb: FRS-3700 no answer\n");
  EXPECT_EQ(render_plain(verified_tables(*reports, SizeForm::kUnits)), "a\t4\t3\t10\t2.0 KiB\t1\n");
  auto compacted = parse_json(
      "[{\"table\":\"a\",\"files_before\":30,\"files_after\":1,\"rows\":10,\"duplicates_removed\":"
      "0}]");
  ASSERT_TRUE(compacted);
  EXPECT_EQ(render_plain(compacted_tables(*compacted, SizeForm::kUnits)), "a\t30\t1\t10\t0\n");
  EXPECT_EQ(faults_text(*compacted), "");
}

TEST(StatementSplitterTest, SemicolonsInsideTextsEndNothing) {
  StatementSplitter splitter;
  splitter.add(
      "SELECT ';' AS \"a;b\"; -- one; two\nSELECT $$;$$, $t$;$$;$t$ /* ; */;;  SELECT $1; rest");
  std::vector<std::string> found;
  while (auto statement = splitter.next()) found.push_back(*statement);
  EXPECT_THAT(found, ElementsAre("SELECT ';' AS \"a;b\"",
                                 "-- one; two\nSELECT $$;$$, $t$;$$;$t$ /* ; */", "SELECT $1"));
  EXPECT_EQ(splitter.rest(), "rest");
}

TEST(StatementSplitterTest, WaitsForWhatIsOpen) {
  StatementSplitter splitter;
  splitter.add("SELECT 'a;");
  EXPECT_FALSE(splitter.next());
  splitter.add("b'; ");
  EXPECT_EQ(splitter.next(), "SELECT 'a;b'");
  EXPECT_EQ(splitter.rest(), "");
}

TEST(MetricsTextTest, SumsOverLabelsAndReadsHistograms) {
  auto metrics = MetricsText::parse(
      "# HELP a_total x\n# TYPE a_total counter\na_total{s=\"1\"} 3\na_total{s=\"2 }\"} 4\nb 1.5\n"
      "h_bucket{le=\"0.001\"} 50\nh_bucket{le=\"0.01\"} 99\nh_bucket{le=\"+Inf\"} 100\nh_sum 1\n"
      "h_count 100\nnonsense\n");
  EXPECT_EQ(metrics.sum("a_total"), 7);
  EXPECT_EQ(metrics.sum("b"), 1.5);
  EXPECT_EQ(metrics.sum("absent"), 0);
  EXPECT_FALSE(metrics.has("absent"));
  auto buckets = metrics.buckets("h");
  EXPECT_EQ(quantile_seconds(buckets, 0.5), 0.001);
  EXPECT_EQ(quantile_seconds(buckets, 0.99), 0.01);
  EXPECT_EQ(quantile_seconds(buckets, 1), 0.01);
  auto none = difference(buckets, buckets);
  EXPECT_EQ(quantile_seconds(none, 0.5), 0);
}

TEST(LatencyHistogramTest, QuantilesAreCloseFromAbove) {
  LatencyHistogram all, half;
  for (std::int64_t us = 1; us <= 100'000; ++us) (us % 2 == 0 ? all : half).add_us(us);
  all.merge(half);
  EXPECT_EQ(all.count(), 100'000u);
  EXPECT_EQ(all.max_us(), 100'000);
  for (double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    auto exact = share * 100'000;
    auto found = static_cast<double>(all.quantile_us(share));
    EXPECT_GE(found, exact);
    EXPECT_LE(found, exact * 1.07 + 1);
  }
  EXPECT_EQ(all.quantile_us(1), 100'000);
  LatencyHistogram one;
  one.add_us(-5);
  one.add_us(INT64_MAX / 2);
  EXPECT_EQ(one.quantile_us(0.5), 0);
  EXPECT_GT(one.quantile_us(1), 0);
}

TEST(UrlEncodeTest, EncodesAllButTheUnreserved) {
  EXPECT_EQ(url_encode("a-b_c.d~e/f g%\xc3\xa9+&"), "a-b_c.d~e%2Ff%20g%25%C3%A9%2B%26");
}

TEST(IngestProgressTest, IsKeptAndForeignFilesAreRefused) {
  std::string pattern = std::filesystem::temp_directory_path() / "freshet_progress_XXXXXX";
  std::string directory = mkdtemp(pattern.data());
  std::string path = directory + "/state";
  EXPECT_EQ(load_progress(path)->offset, 0u);
  IngestProgress progress{1ull << 40, 5, 3, 1, 1, 0, 0xffffffff};
  ASSERT_TRUE(save_progress(path, progress));
  auto loaded = load_progress(path);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->offset, progress.offset);
  EXPECT_EQ(loaded->accepted, 3u);
  EXPECT_EQ(loaded->head_crc, 0xffffffffu);
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fputs("hello", file);
  std::fclose(file);
  EXPECT_THAT(load_progress(path).error().message(), HasSubstr("--restart"));
  EXPECT_FALSE(save_progress(directory + "/absent/state", progress).has_value());
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace freshet::cli

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "archive/table.h"
#include "object_store/memory_store.h"
#include "pipeline/hot_relation.h"
#include "pipeline/stream_tables.h"
#include "sql/query_database.h"

namespace freshet::archive {
namespace {

using object_store::Fault;
using object_store::StoreCall;

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::int64_t kTodayUs = 20'000 * kDayUs + 5'000'000;

bool never() {
  return false;
}

// A table whose rows say when they arrived and of which class they are.
class RetentionTest : public testing::Test {
 protected:
  RetentionTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "freshet_retention_XXXXXX");
    directory_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(directory_ + "/work");
    writer_ = std::move(sql::ParquetWriter::open({})).value();
    database_ = std::move(sql::QueryDatabase::open({})).value();
    open();
  }
  ~RetentionTest() override { std::filesystem::remove_all(directory_); }

  static pipeline::TableInfo shape() {
    pipeline::TableInfo info;
    info.name = "detections";
    info.stream = "detections";
    info.schema.columns = {
        {"detection_id", ColumnType::kUuid},    {"event_time", ColumnType::kTimestamp},
        {"camera_id", ColumnType::kText},       {"retention_class", ColumnType::kText},
        {"position", ColumnType::kUInt64},      {"sub_position", ColumnType::kUInt32},
        {"ingest_time", ColumnType::kTimestamp}};
    info.id_column = 0;
    info.time_column = 1;
    info.key_columns = {2};
    return info;
  }

  // As after a crash.
  void open() {
    table_.reset();
    catalog_.reset();
    catalog_ = std::move(catalog::Catalog::open(directory_ + "/catalog.sqlite", random_)).value();
    std::shared_ptr<LocalFiles> files =
        std::move(
            LocalFiles::open(store_, io::system_disk(), clock_, directory_ + "/copies", 1u << 30))
            .value();
    TableParts parts{store_,  *catalog_, io::system_disk(), clock_,
                     random_, *writer_,  std::move(files),  directory_ + "/work"};
    auto rows = catalog_->archive_tables();
    std::optional<catalog::ArchiveTableRow> row;
    if (rows && !rows->empty()) row = rows->front();
    auto opened = Table::open(parts, shape(), row);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    table_ = *std::move(opened);
  }

  // Rows that arrived so long ago, of a class ("" for none), in a file of their own.
  void archive_rows(std::uint64_t count, int days_ago, const std::vector<std::string>& classes) {
    ColumnBatch batch(rows_.config().schema);
    for (std::uint64_t i = 0; i < count; ++i) {
      ++last_;
      batch.columns[0].append(EventId{last_ * 77, last_});
      batch.columns[1].append(kTodayUs - 30 * kDayUs);  // one day of events, whenever they arrived
      batch.columns[2].append(std::string_view("cam-1"));
      const std::string& name = classes[i % classes.size()];
      if (name.empty()) {
        batch.columns[3].append_null();
      } else {
        batch.columns[3].append(std::string_view(name));
      }
      batch.columns[4].append(last_);
      batch.columns[5].append(std::uint32_t{0});
      batch.columns[6].append(kTodayUs - days_ago * kDayUs);
    }
    ASSERT_TRUE(rows_.append(batch).has_value());
    rows_.publish(rows_.appended());
    auto more = table_->append(rows_.snapshot(), Position{last_}, 0, 1'000'000);
    ASSERT_TRUE(more.has_value()) << more.error().to_string();
  }

  // As a query does it: files up to the boundary, memory, which still holds every row, behind it.
  std::string count(const std::string& where = "true") {
    pipeline::ArchivedPart part = table_->part();
    hot::Snapshot rows = rows_.snapshot();
    rows = rows.from(pipeline::first_row_at(rows, Position{part.boundary.value + 1}));
    auto judged = database_->judge("SELECT count(*) AS n FROM detections WHERE " + where);
    EXPECT_TRUE(judged.has_value()) << judged.error().to_string();
    auto answer =
        database_->run(*judged, {{"detections", std::make_shared<pipeline::HotRelation>(rows)}}, {},
                       {}, sql::AnswerFormat::kCsv, {{"detections", part.files}});
    if (!answer) return answer.error().to_string();
    return answer->text.substr(2, answer->text.size() - 3);
  }

  RetentionReport expire(const RetentionRules& rules, std::int64_t now_us = kTodayUs) {
    auto report = table_->expire_rows(rules, now_us, never);
    EXPECT_TRUE(report.has_value()) << report.error().to_string();
    return report ? *report : RetentionReport{};
  }
  std::string operation() {
    return table_->state()->metadata.current_snapshot()->summary.at("operation");
  }
  std::size_t data_files() { return store_.list("detections/data/")->size(); }

  std::string directory_;
  io::SeededRandom random_{11};
  io::ManualClock clock_{kTodayUs};
  object_store::MemoryStore store_{{}, {io::system_disk(), clock_, random_}};
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<sql::ParquetWriter> writer_;
  std::unique_ptr<sql::QueryDatabase> database_;
  MemoryBudget budget_{std::uint64_t{1} << 30};
  hot::Table rows_{{.name = "detections",
                    .schema = shape().schema,
                    .key_columns = {2},
                    .time_column = 1,
                    .chunk_rows = 128},
                   budget_};
  std::uint64_t last_ = 0;
  std::unique_ptr<Table> table_;
};

TEST_F(RetentionTest, FilesWhoseRowsAreAllPastGoWholeAndMemoryDoesNotShowThemAgain) {
  archive_rows(10, 12, {""});
  archive_rows(10, 11, {""});
  archive_rows(10, 9, {""});
  EXPECT_EQ(count(), "30");
  pipeline::ArchivedPart before = table_->part();
  RetentionReport report = expire({.keep_us = 10 * kDayUs});
  EXPECT_EQ(report.rows, 20u);
  EXPECT_EQ(report.files_dropped, 2u);
  EXPECT_EQ(report.files_rewritten, 0u);
  EXPECT_EQ(operation(), "delete");
  EXPECT_EQ(table_->part().boundary, before.boundary);
  EXPECT_EQ(count(), "10");
  open();
  EXPECT_EQ(count(), "10");
  // A query that runs keeps its files; then they go like all that nobody names.
  clock_.advance_us(kDayUs);
  ASSERT_TRUE(table_->expire(clock_.wall_us()));
  before = {};
  ASSERT_TRUE(table_->remove_orphans(0).has_value());
  EXPECT_EQ(data_files(), 1u);
  EXPECT_EQ(count(), "10");
}

TEST_F(RetentionTest, TheLastFileMayGoToo) {
  archive_rows(10, 12, {""});
  EXPECT_EQ(expire({.keep_us = 10 * kDayUs}).rows, 10u);
  EXPECT_EQ(count(), "0");
  archive_rows(5, 1, {""});
  EXPECT_EQ(count(), "5");
}

TEST_F(RetentionTest, WholeDaysOfTheLogCount) {
  archive_rows(10, 10, {""});
  // They arrived five seconds past midnight: the day is over with the next one.
  EXPECT_EQ(expire({.keep_us = 10 * kDayUs}).rows, 0u);
  EXPECT_EQ(expire({.keep_us = 10 * kDayUs}, kTodayUs + kDayUs - 6'000'000).rows, 0u);
  EXPECT_EQ(expire({.keep_us = 10 * kDayUs}, kTodayUs + kDayUs).rows, 10u);
}

TEST_F(RetentionTest, AFileWithOneYoungRowIsWrittenAnewForIt) {
  archive_rows(10, 12, {""});
  archive_rows(1, 1, {""});
  ASSERT_TRUE(table_->compact({.files_min = 2, .any_size = true}, never));
  ASSERT_EQ(table_->state()->live_files().size(), 1u);
  RetentionReport report = expire({.keep_us = 10 * kDayUs});
  EXPECT_EQ(report.rows, 10u);
  EXPECT_EQ(report.files_dropped, 0u);
  EXPECT_EQ(report.files_rewritten, 1u);
  EXPECT_EQ(operation(), "overwrite");
  EXPECT_EQ(count(), "1");
}

TEST_F(RetentionTest, AClassHasItsOwnTime) {
  archive_rows(12, 22, {"plates", "faces", ""});
  archive_rows(6, 20, {"plates"});
  RetentionRules rules{.keep_us = 365 * kDayUs, .classes = {{"plates", 21 * kDayUs}}};
  RetentionReport report = expire(rules);
  EXPECT_EQ(report.rows, 4u);
  EXPECT_EQ(report.files_rewritten, 1u);
  EXPECT_EQ(count("retention_class = 'plates'"), "6");
  EXPECT_EQ(count("retention_class = 'faces'"), "4");
  EXPECT_EQ(count("retention_class IS NULL"), "4");
  // A file is read through once a day.
  std::uint64_t calls = store_.call_count();
  EXPECT_EQ(expire(rules).rows, 0u);
  EXPECT_EQ(store_.call_count(), calls);
  // A class may also stay longer than all others, and these go by keep.archive.
  report = expire({.keep_us = 20 * kDayUs, .classes = {{"faces", 90 * kDayUs}}}, kTodayUs + kDayUs);
  EXPECT_EQ(count(), "4");
  EXPECT_EQ(count("retention_class = 'faces'"), "4");
  // Without a keep.archive what has no class of those stays for ever.
  archive_rows(2, 22, {"", "plates"});
  expire({.classes = {{"plates", 21 * kDayUs}}}, kTodayUs + 2 * kDayUs);
  EXPECT_EQ(count(), "5");
}

// At each call to the store in turn the process ends, or the answer is lost, or it is refused: the
// rows are those before or those after, and the next try ends it.
TEST_F(RetentionTest, AnExpiryThatIsKilledAnywhereLosesNoYoungRow) {
  std::uint64_t kills = 0;
  std::uint64_t kept = 0;
  RetentionRules rules{.keep_us = 10 * kDayUs, .classes = {{"plates", 5 * kDayUs}}};
  std::int64_t now_us = kTodayUs;
  for (Fault fault : {Fault::kDie, Fault::kDieAfter, Fault::kLoseAnswer}) {
    for (std::uint64_t at = 1;; ++at) {
      archive_rows(3, 12, {""});           // goes whole
      archive_rows(4, 7, {"plates", ""});  // half of it goes
      kept += 2;
      std::uint64_t before = kept + 5;
      std::uint64_t calls = 0;
      store_.set_hook([&](const StoreCall&) { return ++calls == at ? fault : Fault::kNone; });
      auto expired = table_->expire_rows(rules, now_us, never);
      store_.set_hook({});
      store_.revive();
      if (expired.has_value() && calls < at) break;
      ++kills;
      if (fault == Fault::kDie || fault == Fault::kDieAfter) open();
      // Whole expiries alone: none, the file that goes, or both.
      ASSERT_THAT(count(), testing::AnyOf(std::to_string(before), std::to_string(before - 3),
                                          std::to_string(kept)));
      ASSERT_EQ(count("retention_class IS NULL AND ingest_time > '2024-09-25'"),
                std::to_string(kept));
      expire(rules, now_us);
      ASSERT_EQ(count(), std::to_string(kept)) << "fault at call " << at;
    }
  }
  EXPECT_GE(kills, 20u);
  for (const iceberg::DataFile& file : table_->state()->live_files()) {
    Status sound = verify_file(store_, *table_->state(), file);
    EXPECT_TRUE(sound) << sound.error().to_string();
  }
}

}  // namespace
}  // namespace freshet::archive

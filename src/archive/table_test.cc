#include <atomic>
#include <thread>

#include "archive/table_test_support.h"

namespace freshet::archive {
namespace {

using object_store::Fault;
using object_store::StoreCall;
using testing::HasSubstr;

TEST_F(ArchivedTableTest, RowsAreInFilesOrInMemoryAndCountOnce) {
  auto table = open();
  add_rows(1'000);
  append_all(*table);
  EXPECT_EQ(table->part().boundary, Position{1'000});
  EXPECT_EQ(counts(*table), expected_counts());
  add_rows(500);
  EXPECT_EQ(counts(*table), expected_counts());
  append_all(*table);
  EXPECT_EQ(counts(*table), expected_counts());
  // The same without what memory still holds.
  rows_.trim(rows_.published());
  EXPECT_EQ(counts(*table), expected_counts());
  expect_snapshots_whole(*table);
}

TEST_F(ArchivedTableTest, ALargeAppendIsSeveralCommits) {
  auto table = open();
  add_rows(1'000);
  auto more = append(*table, 300);
  ASSERT_TRUE(more.has_value() && *more);
  EXPECT_EQ(table->part().boundary, Position{300});
  EXPECT_EQ(counts(*table), expected_counts());
  append_all(*table, 300);
  EXPECT_EQ(table->part().boundary, Position{1'000});
  EXPECT_EQ(table->state()->metadata.snapshots.size(), 4u);
  EXPECT_EQ(counts(*table), expected_counts());
}

TEST_F(ArchivedTableTest, NothingNewMovesTheBoundaryWithoutAFile) {
  auto table = open();
  append_all(*table);
  EXPECT_EQ(table->part().boundary, Position{0});
  auto more = table->append(rows_.snapshot(), Position{70}, 0, 10);
  ASSERT_TRUE(more.has_value());
  EXPECT_FALSE(*more);
  EXPECT_EQ(table->part().boundary, Position{70});
  EXPECT_TRUE(table->state()->metadata.snapshots.empty());
  EXPECT_EQ(data_files(), 0u);
}

// Case 3 of the fourteen: an event of long ago lands in its own day, once.
TEST_F(ArchivedTableTest, Case03ALateEventLandsInItsDayOnce) {
  auto table = open();
  add_rows(10);
  append_all(*table);
  add_rows(1, 400);
  append_all(*table);
  EXPECT_EQ(counts(*table), expected_counts());
  std::set<std::string> days;
  auto listed = store_.list("detections/data/");
  ASSERT_TRUE(listed.has_value());
  for (const auto& object : *listed) {
    std::string rest = object.name.substr(std::string("detections/data/").size());
    days.insert(rest.substr(0, rest.find('/')));
  }
  EXPECT_EQ(days,
            (std::set<std::string>{"event_time_day=2024-10-04", "event_time_day=2023-08-31"}));
  EXPECT_EQ(ask(*table, "SELECT count(*) AS n FROM detections WHERE event_time < '2024-01-01'"),
            "n\n1\n");
}

TEST_F(ArchivedTableTest, AnotherLifeGoesOnWhereTheCatalogStands) {
  auto table = open();
  add_rows(300);
  append_all(*table);
  table.reset();
  open_catalog();
  table = open();
  EXPECT_EQ(table->part().boundary, Position{300});
  EXPECT_EQ(counts(*table), expected_counts());
  add_rows(20);
  append_all(*table);
  EXPECT_EQ(counts(*table), expected_counts());
  expect_snapshots_whole(*table);
}

// The process ends at each call to the store in turn, before it and behind it; the next life makes
// the step again. No row is lost or doubled, and the files that the first try left are found.
TEST_F(ArchivedTableTest, Case01AKillAtEveryCallToTheStoreLosesAndDoublesNothing) {
  auto table = open();
  std::uint64_t kills = 0;
  for (Fault fault : {Fault::kDie, Fault::kDieAfter, Fault::kLoseAnswer, Fault::kRefuse}) {
    for (std::uint64_t at = 1;; ++at) {
      add_rows(40, static_cast<int>(at % 3));
      std::uint64_t calls = 0;
      store_.set_hook([&](const StoreCall&) { return ++calls == at ? fault : Fault::kNone; });
      auto appended = append(*table);
      store_.set_hook({});
      store_.revive();
      if (appended.has_value() && calls < at) break;
      ++kills;
      if (fault == Fault::kDie || fault == Fault::kDieAfter) {
        table.reset();
        open_catalog();
        table = open();
      }
      EXPECT_EQ(counts(*table), expected_counts());
      // More has come meanwhile: the step that was cut off is made again as it was all the same.
      add_rows(3);
      append_all(*table);
      EXPECT_EQ(table->part().boundary, Position{last_});
      ASSERT_EQ(counts(*table), expected_counts()) << "fault at call " << at;
    }
  }
  EXPECT_GE(kills, 20u);
  rows_.trim(rows_.published());
  EXPECT_EQ(counts(*table), expected_counts());
  expect_snapshots_whole(*table);
  // A repeated step finds its file: none was left beside those that count.
  EXPECT_EQ(data_files(), table->state()->live_files().size());
}

TEST_F(ArchivedTableTest, WhatCameBackWrongIsNotCommitted) {
  auto table = open();
  add_rows(50);
  store_.set_hook([](const StoreCall& call) {
    return call.operation == object_store::Operation::kPut ? Fault::kCorrupt : Fault::kNone;
  });
  auto appended = append(*table);
  store_.set_hook({});
  ASSERT_FALSE(appended.has_value());
  EXPECT_EQ(appended.error().number(), 3833);
  EXPECT_EQ(table->part().boundary, Position{0});
  EXPECT_EQ(counts(*table), expected_counts());
  // The damaged file keeps its name; the next try stands beside it.
  append_all(*table);
  EXPECT_EQ(counts(*table), expected_counts());
  EXPECT_EQ(data_files(), 2u);
  expect_snapshots_whole(*table);
}

// Two archivers race: the one that was built on what is no longer there is refused, and says so.
TEST_F(ArchivedTableTest, Case01OfTwoWritersOneIsRefused) {
  auto first = open();
  auto second = open();
  add_rows(30);
  append_all(*first);
  auto late = append(*second);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code(), Code::kExists);
  EXPECT_EQ(late.error().number(), 1356);
  EXPECT_EQ(counts(*first), expected_counts());
}

// Case 2 of the fourteen: what a query pinned before a hand-over stays what it was.
TEST_F(ArchivedTableTest, Case02AQueryBegunBeforeAHandOverSeesItsOwnRows) {
  auto table = open();
  add_rows(100);
  append_all(*table);
  add_rows(50);
  pipeline::ArchivedPart before = table->part();
  hot::Snapshot pinned = rows_.snapshot();
  add_rows(50);
  append_all(*table);
  rows_.trim(rows_.published());
  hot::Snapshot rows =
      pinned.from(pipeline::first_row_at(pinned, Position{before.boundary.value + 1}));
  auto answer = database_->run(
      *database_->judge(
          "SELECT count(*) AS n, count(DISTINCT detection_id) AS ids FROM detections"),
      {{"detections", std::make_shared<pipeline::HotRelation>(rows)}}, {}, {},
      sql::AnswerFormat::kCsv, {{"detections", before.files}});
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->text, "n,ids\n150,150\n");
}

TEST_F(ArchivedTableTest, RowsBehindTheLastAreNotRead) {
  auto table = open();
  add_rows(100);
  append_all(*table);
  rows_.trim(rows_.published());
  auto limited = std::make_shared<sql::ArchiveTable>(*table->part().files);
  limited->last = sql::ArchiveTable::Last{"position", 40};
  auto judged = database_->judge("SELECT count(*) AS n, max(position) AS last FROM detections");
  auto answer =
      database_->run(*judged, {}, {}, {}, sql::AnswerFormat::kCsv, {{"detections", limited}});
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->text, "n,last\n40,40\n");
  limited = std::make_shared<sql::ArchiveTable>(*limited);
  limited->last = sql::ArchiveTable::Last{"event_time", kTodayUs + 10};
  answer = database_->run(*judged, {}, {}, {}, sql::AnswerFormat::kCsv, {{"detections", limited}});
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  // Times are today's first ones plus position % 97.
  EXPECT_EQ(answer->text, "n,last\n14,100\n");
}

TEST_F(ArchivedTableTest, OnlyFilesThatMatterAreOpened) {
  auto table = open();
  add_rows(30, 5);
  append_all(*table);
  add_rows(30);
  append_all(*table);
  rows_.trim(rows_.published());
  std::set<std::string> read;
  store_.set_hook([&](const StoreCall& call) {
    if (call.operation == object_store::Operation::kGet) read.insert(call.name);
    return Fault::kNone;
  });
  EXPECT_EQ(ask(*table, "SELECT count(*) AS n FROM detections WHERE event_time >= '2024-10-04'"),
            "n\n30\n");
  EXPECT_EQ(read.size(), 1u);
  EXPECT_EQ(ask(*table, "SELECT count(*) AS n FROM detections WHERE camera_id = 'cam-9'"),
            "n\n0\n");
  EXPECT_EQ(read.size(), 1u);
  store_.set_hook({});
  // And it is said why.
  auto left_out = [&](sql::ScanConstraints constraints) {
    auto plan = table->part().files->plan(constraints, sql::OnMissing::kFail);
    std::string text;
    for (const sql::LeftOut& left : plan->left_out)
      text += std::to_string(left.count) + ": " + left.reason + "; ";
    return text + std::to_string(plan->files.size());
  };
  EXPECT_EQ(left_out({}), "2");
  EXPECT_EQ(left_out({{"event_time", {kTodayUs, std::nullopt, std::nullopt}}}),
            "1: day of event_time is below 2024-10-04T00:00:05.000000Z; 1");
  EXPECT_EQ(left_out({{"event_time", {std::nullopt, kTodayUs - 2 * kDayUs, std::nullopt}}}),
            "1: day of event_time is above 2024-10-02T00:00:05.000000Z; 1");
  EXPECT_EQ(left_out({{"position", {61, std::nullopt, std::nullopt}}}),
            "2: position is below 61; 0");
  EXPECT_EQ(left_out({{"camera_id", {std::nullopt, std::nullopt, {{"cam-9"}}}}}),
            "2: camera_id is below 'cam-9'; 0");
  EXPECT_EQ(left_out({{"camera_id", {std::nullopt, std::nullopt, {{"a", "cam-9"}}}}}),
            "2: camera_id is none of 'a', 'cam-9'; 0");
}

TEST_F(ArchivedTableTest, ManyManifestsBecomeOne) {
  auto table = open();
  for (int i = 0; i < 104; ++i) {
    add_rows(1);
    append_all(*table);
  }
  EXPECT_LT(table->state()->manifests.size(), 10u);
  EXPECT_EQ(table->state()->live_files().size(), 104u);
  EXPECT_EQ(counts(*table), expected_counts());
}

TEST_F(ArchivedTableTest, ExpiryAndOrphanRemovalSpareWhatIsNamed) {
  auto table = open();
  for (int i = 0; i < 5; ++i) {
    add_rows(10);
    append_all(*table);
    clock_.advance_us(3'600'000'000);
  }
  ASSERT_TRUE(store_.put("detections/data/event_time_day=2024-10-04/left.parquet",
                         std::as_bytes(std::span("x")), object_store::PutCondition::always()));
  std::size_t before = store_.list("detections/")->size();
  // Young ones stay: somebody may be about to name them.
  clock_.advance_us(1'000'000);
  auto removed = table->remove_orphans(10'000'000'000'000);
  ASSERT_TRUE(removed.has_value()) << removed.error().to_string();
  EXPECT_EQ(*removed, 0u);
  ASSERT_TRUE(table->expire(clock_.wall_us() - 2 * 3'600'000'000));
  EXPECT_EQ(table->state()->metadata.snapshots.size(), 1u);
  // A list that cannot be read: nothing is removed.
  store_.set_hook([](const StoreCall& call) {
    return call.operation == object_store::Operation::kGet ? Fault::kRefuse : Fault::kNone;
  });
  EXPECT_FALSE(table->remove_orphans(0).has_value());
  store_.set_hook({});
  EXPECT_EQ(store_.list("detections/")->size(), before + 1);  // the metadata of the expiry
  removed = table->remove_orphans(0);
  ASSERT_TRUE(removed.has_value()) << removed.error().to_string();
  // Four manifest lists, and the file that nobody named.
  EXPECT_EQ(*removed, 5u);
  rows_.trim(rows_.published());
  EXPECT_EQ(counts(*table), expected_counts());
  expect_snapshots_whole(*table);
  table.reset();
  table = open();
  EXPECT_EQ(counts(*table), expected_counts());
}

TEST_F(ArchivedTableTest, SmallFilesBecomeOneAndRowsStayTheSame) {
  auto table = open();
  for (int i = 0; i < 20; ++i) {
    add_rows(10, i % 2);
    append_all(*table);
  }
  pipeline::ArchivedPart before = table->part();
  rows_.trim(rows_.published());
  auto report = table->compact({.files_min = 8}, [] { return false; });
  ASSERT_TRUE(report.has_value()) << report.error().to_string();
  EXPECT_EQ(report->files_before, 20u);
  EXPECT_EQ(report->files_after, 2u);
  EXPECT_EQ(report->rows, 200u);
  EXPECT_EQ(report->duplicates_removed, 0u);
  EXPECT_EQ(table->part().boundary, before.boundary);
  EXPECT_EQ(table->state()->metadata.current_snapshot()->summary.at("operation"), "replace");
  EXPECT_EQ(counts(*table), expected_counts());
  expect_snapshots_whole(*table);
  // A query that began before reads its own files, even when they go from the table's history.
  clock_.advance_us(86'400'000'000);
  ASSERT_TRUE(table->expire(clock_.wall_us()));
  ASSERT_TRUE(table->remove_orphans(0).has_value());
  auto judged = database_->judge("SELECT count(*) AS n FROM detections");
  auto answer =
      database_->run(*judged, {}, {}, {}, sql::AnswerFormat::kCsv, {{"detections", before.files}});
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(answer->text, "n\n200\n");
  EXPECT_EQ(data_files(), 22u);
  before = {};
  answer = Error(Code::kInternal, "");
  ASSERT_TRUE(table->remove_orphans(0).has_value());
  EXPECT_EQ(data_files(), 2u);
  EXPECT_EQ(counts(*table), expected_counts());
  table.reset();
  open_catalog();
  table = open();
  EXPECT_EQ(counts(*table), expected_counts());
}

TEST_F(ArchivedTableTest, ACompactionThatIsKilledAnywhereChangesNoRow) {
  auto table = open();
  std::uint64_t kills = 0;
  for (Fault fault : {Fault::kDie, Fault::kDieAfter, Fault::kLoseAnswer, Fault::kRefuse}) {
    for (std::uint64_t at = 1;; ++at) {
      for (int i = 0; i < 3; ++i) {
        add_rows(5);
        append_all(*table);
      }
      std::uint64_t calls = 0;
      store_.set_hook([&](const StoreCall&) { return ++calls == at ? fault : Fault::kNone; });
      auto compacted = table->compact({.files_min = 3, .any_size = true}, [] { return false; });
      store_.set_hook({});
      store_.revive();
      if (compacted.has_value() && calls < at) break;
      ++kills;
      if (fault == Fault::kDie || fault == Fault::kDieAfter) {
        table.reset();
        open_catalog();
        table = open();
      }
      ASSERT_EQ(counts(*table), expected_counts()) << "fault at call " << at;
      ASSERT_TRUE(table->compact({.files_min = 2, .any_size = true}, [] { return false; }));
      ASSERT_EQ(counts(*table), expected_counts());
      EXPECT_EQ(table->state()->live_files().size(), 1u);
    }
  }
  EXPECT_GE(kills, 20u);
  rows_.trim(rows_.published());
  EXPECT_EQ(counts(*table), expected_counts());
  expect_snapshots_whole(*table);
}

TEST_F(ArchivedTableTest, AppendsAndQueriesGoOnBesideCompaction) {
  table_random_ = &io::system_random();  // a seeded one is of one thread
  auto table = open();
  std::atomic<bool> done{false};
  std::thread compaction([&] {
    while (!done.load()) {
      auto report = table->compact({.files_min = 3, .any_size = true}, [&] { return done.load(); });
      if (!report && report.error().number() != 3822) ADD_FAILURE() << report.error().to_string();
    }
  });
  std::uint64_t before = 0;
  for (int i = 0; i < 30; ++i) {
    add_rows(20, i % 2);
    append_all(*table);
    ASSERT_EQ(counts(*table), expected_counts());
    EXPECT_GT(table->part().boundary.value, before);
    before = table->part().boundary.value;
  }
  done.store(true);
  compaction.join();
  rows_.trim(rows_.published());
  EXPECT_EQ(counts(*table), expected_counts());
  EXPECT_LT(table->state()->live_files().size(), 30u);
  expect_snapshots_whole(*table);
}

TEST_F(ArchivedTableTest, DuplicatesBeyondTheHorizonGoWithCompaction) {
  auto table = open();
  add_rows(10);
  append_all(*table);
  std::uint64_t first = last_;
  add_again(4);
  append_all(*table);
  auto report = table->compact({.files_min = 2, .any_size = true}, [] { return false; });
  ASSERT_TRUE(report.has_value()) << report.error().to_string();
  EXPECT_EQ(report->duplicates_removed, 4u);
  EXPECT_EQ(table->state()->metadata.current_snapshot()->summary.at("operation"), "overwrite");
  EXPECT_EQ(ask(*table, "SELECT count(*) AS n, max(position) AS last FROM detections"),
            "n,last\n10," + std::to_string(first) + "\n");
}

// Compaction removes rows; a cut from before still shows them, for as long as its snapshot is kept.
TEST_F(ArchivedTableTest, AcceptanceFiveACutFromBeforeARewriteShowsTheRowsOfThen) {
  auto table = open();
  add_rows(10);
  append_all(*table);
  add_again(4);
  append_all(*table);
  add_rows(3);  // in memory while rows are removed
  std::int64_t before_us = clock_.wall_us();
  clock_.advance_us(10'000'000);
  EXPECT_EQ(table->part().rewrites, 0u);
  auto compact = [&] {
    auto report = table->compact({.files_min = 2, .any_size = true}, [] { return false; });
    ASSERT_TRUE(report.has_value()) << report.error().to_string();
  };
  compact();
  EXPECT_EQ(table->part().rewrites, 1u);
  append_all(*table);
  clock_.advance_us(10'000'000);
  std::int64_t between_us = clock_.wall_us();
  add_again(2);
  append_all(*table);
  clock_.advance_us(10'000'000);
  compact();
  add_rows(5);
  append_all(*table);
  EXPECT_EQ(table->part().rewrites, 2u);

  // Rows of then, of 10 + 4 + 3 and then of 10 + 3 + 2; and where positions end earlier.
  auto count_at = [&](const pipeline::ArchiveMoment& moment) -> std::string {
    auto files = table->part().at(moment);
    if (!files) return files.error().to_string();
    auto limited = std::make_shared<sql::ArchiveTable>(**files);
    limited->last = sql::ArchiveTable::Last{"position", moment.last};
    auto judged = database_->judge("SELECT count(*) AS n, max(position) AS last FROM detections");
    auto answer =
        database_->run(*judged, {}, {}, {}, sql::AnswerFormat::kCsv, {{"detections", limited}});
    return answer ? answer->text : answer.error().to_string();
  };
  auto expect_the_past = [&] {
    EXPECT_EQ(count_at({0u, 0, 17}), "n,last\n17,17\n");
    EXPECT_EQ(count_at({0u, 0, 12}), "n,last\n12,12\n");
    EXPECT_EQ(count_at({1u, 0, 19}), "n,last\n15,19\n");
    EXPECT_EQ(count_at({1u, 0, 14}), "n,last\n10,10\n");
    EXPECT_EQ(count_at({2u, 0, 19}), "n,last\n13,17\n");
    EXPECT_EQ(count_at({std::nullopt, before_us, 17}), "n,last\n17,17\n");
    EXPECT_EQ(count_at({std::nullopt, between_us, 17}), "n,last\n13,17\n");
  };
  expect_the_past();
  table.reset();
  table = open();
  expect_the_past();

  // What is not kept is said, not made up.
  ASSERT_TRUE(table->expire(between_us));
  EXPECT_THAT(count_at({0u, 0, 17}), HasSubstr("FRS-5019"));
  EXPECT_THAT(count_at({0u, 0, 12}), HasSubstr("FRS-5019"));
  EXPECT_THAT(count_at({std::nullopt, before_us, 17}), HasSubstr("FRS-5019"));
  EXPECT_EQ(count_at({2u, 0, 19}), "n,last\n13,17\n");
  clock_.advance_us(10'000'000);
  ASSERT_TRUE(table->expire(clock_.wall_us()));
  EXPECT_THAT(count_at({1u, 0, 19}), HasSubstr("FRS-5019"));
  EXPECT_THAT(count_at({std::nullopt, between_us, 17}), HasSubstr("FRS-5019"));
  EXPECT_EQ(count_at({2u, 0, 19}), "n,last\n13,17\n");
}

TEST_F(ArchivedTableTest, AColumnMayComeAndGo) {
  auto table = open();
  add_rows(10);
  append_all(*table);
  table.reset();
  pipeline::TableInfo other = detections();
  other.schema.columns[3] = {"note", ColumnType::kText};
  auto opened = try_open(other);
  ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  const iceberg::TableSchema& schema = (*opened)->state()->metadata.current_schema();
  ASSERT_NE(schema.find("note"), nullptr);
  ASSERT_NE(schema.find("score"), nullptr);
  EXPECT_EQ(schema.schema_id, 1);
  rows_.trim(rows_.published());
  EXPECT_EQ(ask(**opened, "SELECT sum(score) AS sum FROM detections"), "sum\n55\n");
}

TEST_F(ArchivedTableTest, AColumnOfAnotherTypeIsRefusedWithItsName) {
  open();
  pipeline::TableInfo other = detections();
  other.schema.columns[3].type = ColumnType::kText;
  auto opened = try_open(other);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().number(), 3603);
  EXPECT_THAT(opened.error().message(), HasSubstr("score"));
  EXPECT_THAT(opened.error().message(), HasSubstr("another name"));
}

}  // namespace
}  // namespace freshet::archive

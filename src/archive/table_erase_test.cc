#include "archive/table_test_support.h"

namespace freshet::archive {
namespace {

using object_store::Fault;
using object_store::StoreCall;

// Rows of one camera on the day before yesterday, and one row by its id.
bool shall_be_erased(const sql::JudgedRow& row) {
  bool by_range = row.camera == "cam-2" && row.time_us &&
                  *row.time_us < kTodayUs - 2 * kDayUs + kDayUs / 2 &&
                  *row.time_us > kTodayUs - 2 * kDayUs - kDayUs / 2;
  return by_range || row.id == "00000000-0000-0bbb-0000-000000000027";
}

constexpr const char* kErasedRows =
    "SELECT count(*) AS n FROM detections WHERE (camera_id = 'cam-2' AND event_time::DATE = "
    "'2024-10-02') OR position = 39";

TEST_F(ArchivedTableTest, WhatIsErasedStandsInNoObjectOfTheStore) {
  auto table = open();
  add_rows(60, 2);
  append_all(*table);
  add_rows(60);
  append_all(*table);
  rows_.trim(rows_.published());
  EXPECT_EQ(ask(*table, kErasedRows), "n\n21\n");
  // The least id of its file: a bound in its manifest, and in the next one's entry of what left.
  std::string id("\x00\x00\x00\x00\x00\x00\x00\x4d\x00\x00\x00\x00\x00\x00\x00\x01", 16);
  auto bounds_with_id = [&] {
    std::size_t count = 0;
    for (const HeldManifest& held : table->state()->manifests) {
      for (const iceberg::ManifestEntry& entry : held.manifest->entries) {
        for (const auto& [field, value] : entry.file.lower_bounds) count += value == id ? 1 : 0;
      }
    }
    return count;
  };
  auto judge = [](const sql::JudgedRow& row) {
    return shall_be_erased(row) || row.id == "00000000-0000-009a-0000-000000000002";
  };
  EXPECT_EQ(bounds_with_id(), 1u);
  EraseReport report;
  Status erased = table->erase(judge, 256u << 20, report);
  ASSERT_TRUE(erased.has_value()) << erased.error().to_string();
  EXPECT_EQ(report.rows, 22u);
  EXPECT_EQ(report.files_rewritten, 1u);
  EXPECT_EQ(bounds_with_id(), 0u);
  EXPECT_EQ(ask(*table, kErasedRows), "n\n0\n");
  EXPECT_EQ(ask(*table, "SELECT count(*) AS n FROM detections"), "n\n98\n");
  EXPECT_EQ(table->state()->metadata.snapshots.size(), 1u);
  EXPECT_EQ(data_files(), 2u);
  expect_snapshots_whole(*table);
  EraseReport again;
  ASSERT_TRUE(table->erase(judge, 256u << 20, again).has_value());
  EXPECT_EQ(again.rows, 0u);
}

TEST_F(ArchivedTableTest, AFileWithoutARowLeftGoes) {
  auto table = open();
  add_rows(9, 1);
  append_all(*table);
  add_rows(9);
  append_all(*table);
  rows_.trim(rows_.published());
  EraseReport report;
  Status erased =
      table->erase([](const sql::JudgedRow& row) { return *row.time_us < kTodayUs - kDayUs / 2; },
                   256u << 20, report);
  ASSERT_TRUE(erased.has_value()) << erased.error().to_string();
  EXPECT_EQ(report.rows, 9u);
  EXPECT_EQ(data_files(), 1u);
  EXPECT_EQ(ask(*table, "SELECT count(*) AS n FROM detections"), "n\n9\n");
  expect_snapshots_whole(*table);
}

// Acceptance 3, of erasure: wherever it ends, each kept snapshot is whole, no other row goes, and
// the next life finishes.
TEST_F(ArchivedTableTest, AKillAtEveryCallToTheStoreLosesNoOtherRowAndErasureCompletes) {
  constexpr std::uint64_t others = 8;
  std::uint64_t kills = 0;
  auto table = open();
  for (Fault fault : {Fault::kDie, Fault::kLoseAnswer}) {
    // Answers that are lost are tried here and there.
    for (std::uint64_t at = 1;; at += fault == Fault::kDie ? 1 : 4) {
      add_rows(12, 2);
      append_all(*table);
      rows_.trim(rows_.published());
      std::string all_others =
          "SELECT count(*) AS n FROM detections WHERE NOT (camera_id = 'cam-2' AND "
          "event_time::DATE = '2024-10-02')";
      std::string expected = fmt::format("n\n{}\n", others);
      auto judge = [](const sql::JudgedRow& row) {
        return row.camera == "cam-2" && *row.time_us < kTodayUs - kDayUs;
      };
      std::uint64_t calls = 0;
      store_.set_hook([&](const StoreCall&) { return ++calls == at ? fault : Fault::kNone; });
      EraseReport report;
      Status erased = table->erase(judge, 256u << 20, report);
      store_.set_hook({});
      store_.revive();
      bool is_last = erased.has_value() && calls < at;
      if (!is_last) {
        ++kills;
        table.reset();
        open_catalog();
        table = open();
        EXPECT_EQ(ask(*table, all_others), expected);
        expect_snapshots_whole(*table);
        erased = table->erase(judge, 256u << 20, report);
        ASSERT_TRUE(erased.has_value()) << erased.error().to_string();
      }
      EXPECT_EQ(ask(*table, "SELECT count(*) AS n FROM detections"), expected);
      EXPECT_EQ(table->state()->metadata.snapshots.size(), 1u);
      expect_snapshots_whole(*table);
      EXPECT_EQ(data_files(), table->state()->live_files().size());
      ASSERT_FALSE(HasFailure()) << "fault at call " << at;
      // The next round begins with nothing.
      erased = table->erase([](const sql::JudgedRow&) { return true; }, 256u << 20, report);
      ASSERT_TRUE(erased.has_value()) << erased.error().to_string();
      EXPECT_EQ(data_files(), 0u);
      if (is_last) break;
    }
  }
  EXPECT_GE(kills, 20u);
}

}  // namespace
}  // namespace freshet::archive

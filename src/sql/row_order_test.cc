#include "sql/row_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

#include "sql/parquet_test_files.h"

namespace freshet::sql {
namespace {

Schema keyed_rows() {
  return {{{"camera_id", ColumnType::kText}, {"event_time", ColumnType::kTimestamp}}};
}

std::vector<RowRange> all_rows(const Relation& relation) {
  std::vector<RowRange> ranges;
  for (std::size_t chunk = 0; chunk < relation.chunk_count(); ++chunk)
    ranges.push_back({chunk, relation.chunk_rows(chunk).begin, relation.chunk_rows(chunk).end});
  return ranges;
}

// What a comparison sort would give, and the numbers of the rows in the order of the relation.
using SortKey = std::tuple<bool, std::int64_t, bool, std::string, std::int64_t, std::size_t>;

TEST(RowOrder, IsThatOfAStableComparisonSort) {
  std::mt19937_64 random(11);
  std::vector<std::string> cameras;
  for (int i = 0; i < 17; ++i) cameras.push_back("cam" + std::to_string(i));
  for (int round = 0; round < 50; ++round) {
    ModelRelation relation(keyed_rows());
    std::vector<SortKey> expected;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places;
    for (std::uint32_t chunk = 0; chunk < 4; ++chunk) {
      ColumnBatch batch(keyed_rows());
      std::uint32_t hidden = random() % 20;
      std::uint32_t rows = 20 + random() % 200;
      for (std::uint32_t row = 0; row < rows; ++row) {
        const std::string& camera = cameras[random() % cameras.size()];
        bool keyless = random() % 10 == 0, timeless = random() % 10 == 0;
        // Around 1970, so that days begin below 0 too.
        auto time_us = static_cast<std::int64_t>(random() % 5) * kTestDayUs / 2 - kTestDayUs;
        keyless ? batch.columns[0].append_null()
                : batch.columns[0].append(std::string_view(camera));
        timeless ? batch.columns[1].append_null() : batch.columns[1].append(time_us);
        if (row < hidden) continue;
        std::int64_t day = (time_us + 10 * kTestDayUs) / kTestDayUs - 10;
        expected.emplace_back(timeless, timeless ? 0 : day * kTestDayUs, keyless,
                              keyless ? "" : camera, timeless ? 0 : time_us, places.size());
        places.emplace_back(chunk, row);
      }
      relation.add_chunk(batch, hidden);
    }
    std::sort(expected.begin(), expected.end());
    ParquetLayout layout = layout_of(keyed_rows());
    std::size_t at = 0;
    for (const OrderedSpan& span : order_rows(relation, all_rows(relation), layout)) {
      for (const OrderedRow& row : span.rows) {
        ASSERT_LT(at, expected.size());
        const auto& [timeless, day_us, keyless, key, time_us, number] = expected[at++];
        ASSERT_EQ(span.begin_us.has_value(), !timeless);
        ASSERT_EQ(span.begin_us.value_or(0), day_us);
        ASSERT_EQ(row.time_us, time_us);
        ASSERT_EQ(std::make_pair(row.chunk, row.row), places[number]);
      }
    }
    ASSERT_EQ(at, expected.size());
  }
}

TEST(RowOrder, SplitsByHourAndTakesRangesOnly) {
  ModelRelation relation(keyed_rows());
  ColumnBatch batch(keyed_rows());
  for (std::int64_t minute = 0; minute < 180; ++minute) {
    batch.columns[0].append(std::string_view("a"));
    batch.columns[1].append(kTestTimeUs + minute * 60'000'000);
  }
  relation.add_chunk(batch);
  ParquetLayout layout = layout_of(keyed_rows());
  layout.span = FileSpan::kHour;
  std::vector<RowRange> ranges = {{0, 10, 60}, {0, 60, 61}};
  std::vector<OrderedSpan> spans = order_rows(relation, ranges, layout);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].begin_us, kTestTimeUs);
  EXPECT_EQ(spans[0].rows.size(), 50u);
  EXPECT_EQ(spans[1].begin_us, kTestTimeUs + 3'600'000'000);
  EXPECT_EQ(spans[1].rows.size(), 1u);
  EXPECT_TRUE(order_rows(relation, {}, layout).empty());
}

}  // namespace
}  // namespace freshet::sql

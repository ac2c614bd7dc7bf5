#include "hot/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "event/position.h"

namespace freshet::hot {
namespace {

using testing::ElementsAre;

constexpr std::size_t kId = 0, kCamera = 1, kTime = 2, kScore = 3, kBoxColumn = 4, kNote = 5;

TableConfig camera_config(std::uint32_t chunk_rows) {
  TableConfig config;
  config.name = "detections";
  config.schema.columns = {{"id", ColumnType::kUuid},        {"camera", ColumnType::kText},
                           {"time", ColumnType::kTimestamp}, {"score", ColumnType::kUInt16},
                           {"box", ColumnType::kBox},        {"note", ColumnType::kText}};
  config.key_columns = {kCamera};
  config.time_column = kTime;
  config.chunk_rows = chunk_rows;
  return config;
}

struct Row {
  std::uint64_t id = 0;
  std::optional<std::string> camera;
  std::optional<std::int64_t> time;
  std::optional<std::uint16_t> score;
  std::optional<std::string> note;
};

// Keeps what the batch points to.
struct Rows {
  std::vector<Row> rows;

  ColumnBatch batch(const Schema& schema) const {
    ColumnBatch to(schema);
    auto text = [](ColumnVector& column, const std::optional<std::string>& value) {
      value ? column.append(std::string_view(*value)) : column.append_null();
    };
    for (const Row& row : rows) {
      to.columns[kId].append(EventId{row.id, ~row.id});
      text(to.columns[kCamera], row.camera);
      row.time ? to.columns[kTime].append(*row.time) : to.columns[kTime].append_null();
      row.score ? to.columns[kScore].append(*row.score) : to.columns[kScore].append_null();
      auto side = static_cast<std::uint16_t>(row.id);
      to.columns[kBoxColumn].append(Box{side, 2, 3, 4});
      text(to.columns[kNote], row.note);
    }
    return to;
  }
};

class HotTable : public testing::Test {
 protected:
  void append(Table& table, std::vector<Row> rows) {
    Rows holder{std::move(rows)};
    auto first = table.append(holder.batch(table.config().schema));
    ASSERT_TRUE(first.has_value()) << first.error().to_string();
    table.publish(table.appended());
  }

  MemoryBudget budget_{std::uint64_t{1} << 30};
};

// Every row of a key, newest first, over all chunks.
std::vector<RowNumber> rows_of_key(const Snapshot& snapshot, std::size_t column,
                                   std::string_view key) {
  std::vector<RowNumber> found;
  for (auto chunk = snapshot.chunks().rbegin(); chunk != snapshot.chunks().rend(); ++chunk) {
    auto code = chunk->find_key(column, key);
    if (!code) continue;
    for (std::uint32_t row = chunk->chain_last(column, *code); row != kNoChainRow;
         row = chunk->chain_previous(column, row))
      found.push_back(chunk->first_row() + row);
  }
  return found;
}

TEST_F(HotTable, ShowsNothingBeforeItIsPublished) {
  Table table(camera_config(4), budget_);
  Rows rows{{{1, "a", 10, 5, "x"}, {2, "b", 20, 6, "y"}}};
  ASSERT_EQ(*table.append(rows.batch(table.config().schema)), 0u);
  EXPECT_EQ(table.appended(), 2u);
  EXPECT_EQ(table.snapshot().row_count(), 0u);
  EXPECT_TRUE(table.snapshot().chunks().empty());
  table.publish(1);
  Snapshot one = table.snapshot();
  EXPECT_EQ(one.row_count(), 1u);
  EXPECT_EQ(one.chunks()[0].row_count(), 1u);
  EXPECT_EQ(one.chunks()[0].text_at(kCamera, 0), "a");
  EXPECT_THAT(rows_of_key(one, kCamera, "b"), ElementsAre());
}

TEST_F(HotTable, GivesEachTypeBackAsItWas) {
  Table table(camera_config(4), budget_);
  append(table,
         {{7, "gate", 1'000, 42, "note"}, {8, std::nullopt, std::nullopt, std::nullopt, {}}});
  Snapshot snapshot = table.snapshot();
  const ChunkView& chunk = snapshot.chunks()[0];
  EXPECT_EQ(chunk.values_as<EventId>(kId)[1], (EventId{8, ~std::uint64_t{8}}));
  EXPECT_EQ(chunk.values_as<std::int64_t>(kTime)[0], 1'000);
  EXPECT_EQ(chunk.values_as<std::uint16_t>(kScore)[0], 42);
  EXPECT_EQ(chunk.values_as<Box>(kBoxColumn)[1], (Box{8, 2, 3, 4}));
  EXPECT_EQ(chunk.text_at(kNote, 0), "note");
  EXPECT_EQ(chunk.validity(kId), nullptr);
  for (std::size_t column : {kCamera, kTime, kScore, kNote}) {
    EXPECT_TRUE(chunk.is_valid(column, 0));
    EXPECT_FALSE(chunk.is_valid(column, 1));
  }
  EXPECT_EQ(chunk.codes(kNote)[1], 0u);
  EXPECT_EQ(chunk.text(kNote, 0), "");
  EXPECT_EQ(chunk.min_time_us(), 1'000);
  EXPECT_EQ(chunk.max_time_us(), 1'000);
}

TEST_F(HotTable, LeadsFromTheLastRowOfAKeyToItsFirst) {
  Table table(camera_config(3), budget_);
  append(table,
         {{1, "a", 1, {}, {}}, {2, "b", 2, {}, {}}, {3, "a", 3, {}, {}}, {4, "a", 4, {}, {}}});
  append(table, {{5, "b", 5, {}, {}}, {6, {}, 6, {}, {}}, {7, "a", 7, {}, {}}, {8, "", 8, {}, {}}});
  Snapshot snapshot = table.snapshot();
  EXPECT_EQ(snapshot.chunks().size(), 3u);
  EXPECT_THAT(rows_of_key(snapshot, kCamera, "a"), ElementsAre(6, 3, 2, 0));
  EXPECT_THAT(rows_of_key(snapshot, kCamera, "b"), ElementsAre(4, 1));
  EXPECT_THAT(rows_of_key(snapshot, kCamera, ""), ElementsAre(7));
  EXPECT_THAT(rows_of_key(snapshot, kCamera, "c"), ElementsAre());
}

TEST_F(HotTable, AnOlderSnapshotFollowsChainsPastNewerRows) {
  Table table(camera_config(8), budget_);
  append(table, {{1, "a", 1, {}, {}}, {2, "a", 2, {}, {}}});
  Snapshot before = table.snapshot();
  append(table, {{3, "a", 3, {}, {}}, {4, "z", 4, {}, {}}});
  EXPECT_THAT(rows_of_key(before, kCamera, "a"), ElementsAre(1, 0));
  EXPECT_THAT(rows_of_key(before, kCamera, "z"), ElementsAre());
  EXPECT_THAT(rows_of_key(table.snapshot_until(3), kCamera, "a"), ElementsAre(2, 1, 0));
}

TEST_F(HotTable, TrimHidesRowsAndFreesChunksThatNobodyHolds) {
  Table table(camera_config(2), budget_);
  append(table,
         {{1, "a", 1, {}, {}}, {2, "a", 2, {}, {}}, {3, "a", 3, {}, {}}, {4, "b", 4, {}, {}}});
  std::uint64_t full = table.memory_bytes();
  {
    Snapshot held = table.snapshot();
    table.trim(3);
    EXPECT_EQ(table.memory_bytes(), full);
    EXPECT_EQ(held.chunks()[0].text_at(kCamera, 1), "a");
    Snapshot after = table.snapshot();
    EXPECT_EQ(after.begin(), 3u);
    ASSERT_EQ(after.chunks().size(), 1u);
    EXPECT_EQ(after.chunks()[0].begin(), 1u);
    EXPECT_THAT(rows_of_key(after, kCamera, "a"), ElementsAre());
    EXPECT_EQ(after.find_chunk(2), nullptr);
    ASSERT_NE(after.find_chunk(3), nullptr);
    EXPECT_EQ(after.find_chunk(3)->first_row(), 2u);
  }
  EXPECT_LT(table.memory_bytes(), full * 2 / 3);
  EXPECT_GT(table.memory_bytes(), 0u);
  table.trim(4);
  EXPECT_EQ(table.memory_bytes(), 0u);
  EXPECT_EQ(budget_.used_bytes(), 0u);
  append(table, {{5, "c", 5, {}, {}}});
  EXPECT_THAT(rows_of_key(table.snapshot(), kCamera, "c"), ElementsAre(4));
}

TEST_F(HotTable, ASnapshotOutlivesItsTable) {
  Snapshot held;
  {
    Table table(camera_config(2), budget_);
    append(table, {{1, "a", 1, {}, "n"}, {2, "b", 2, {}, {}}, {3, "c", 3, {}, {}}});
    held = table.snapshot();
  }
  EXPECT_EQ(held.chunks()[1].text_at(kCamera, 0), "c");
  EXPECT_EQ(held.schema().columns.size(), 6u);
  held = Snapshot();
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

TEST_F(HotTable, SnapshotUntilEndsExactlyThere) {
  Table table(camera_config(2), budget_);
  append(table, {{1, "a", 1, {}, {}}, {2, "b", 2, {}, {}}, {3, "c", 3, {}, {}}});
  EXPECT_EQ(table.snapshot_until(2).chunks().size(), 1u);
  EXPECT_EQ(table.snapshot_until(0).row_count(), 0u);
  table.trim(2);
  Snapshot before_begin = table.snapshot_until(1);
  EXPECT_EQ(before_begin.row_count(), 0u);
  EXPECT_TRUE(before_begin.chunks().empty());
}

TEST_F(HotTable, AFullBudgetAppendsNothingAndRecoversByTrim) {
  MemoryBudget small(3 << 20);
  Table table(camera_config(1024), small);
  Rows rows;
  for (std::uint64_t i = 0; i < 700; ++i)
    rows.rows.push_back({i, "camera", 1, 1, std::string(1000, 'n') + std::to_string(i)});
  ColumnBatch batch = rows.batch(table.config().schema);
  RowNumber appended = 0;
  while (true) {
    auto first = table.append(batch);
    if (!first) {
      EXPECT_EQ(first.error().code(), Code::kThrottled);
      EXPECT_EQ(first.error().number(), 3301);
      break;
    }
    appended += 700;
    ASSERT_LT(appended, 100'000u);
  }
  EXPECT_GT(appended, 0u);
  EXPECT_EQ(table.appended(), appended);
  EXPECT_EQ(table.memory_bytes(), small.used_bytes());
  EXPECT_LE(small.used_bytes(), small.limit_bytes());
  table.publish(appended);
  EXPECT_EQ(table.snapshot().row_count(), appended);
  table.trim(appended);
  EXPECT_EQ(small.used_bytes(), 0u);
  EXPECT_TRUE(table.append(batch).has_value());
}

TEST_F(HotTable, ChargesWhatItTouchesAndNotMore) {
  Table table(camera_config(kChunkRows), budget_);
  append(table, {{1, "a", 1, 1, "x"}});
  // A page for each of the arrays in use, not a chunk's worth.
  EXPECT_LT(table.memory_bytes(), 100'000u);
}

TEST_F(HotTable, KeepsValuesLargerThanAnOrdinaryHeap) {
  MemoryBudget large(std::uint64_t{400} << 20);
  Table table(camera_config(16), large);
  std::string huge(70 << 20, 'h');
  std::string ten(10 << 20, 't');
  append(table, {{1, "a", 1, 1, "small"}, {2, "a", 2, 2, huge}, {3, "a", 3, 3, ten}});
  append(table, {{4, "a", 4, 4, ten + "2"}, {5, "a", 5, 5, "tail"}});
  Snapshot snapshot = table.snapshot();
  auto note = [&](RowNumber row) {
    const ChunkView* chunk = snapshot.find_chunk(row);
    return chunk->text_at(kNote, static_cast<std::uint32_t>(row - chunk->first_row()));
  };
  EXPECT_EQ(note(0), "small");
  EXPECT_TRUE(note(1) == huge);
  EXPECT_TRUE(note(2) == ten);
  EXPECT_TRUE(note(3) == ten + "2");
  EXPECT_EQ(note(4), "tail");
}

TEST_F(HotTable, AKeyColumnGivesEqualTextsOneCodeHoweverManyThereAre) {
  Table table(camera_config(kChunkRows), budget_);
  Rows rows;
  for (std::uint64_t i = 0; i < 60'000; ++i)
    rows.rows.push_back({i, "camera-" + std::to_string(i % 30'000), 1, 1, "n" + std::to_string(i)});
  for (std::size_t at = 0; at < rows.rows.size(); at += 1000) {
    Rows part{{rows.rows.begin() + static_cast<long>(at),
               rows.rows.begin() + static_cast<long>(at) + 1000}};
    ASSERT_TRUE(table.append(part.batch(table.config().schema)).has_value());
  }
  table.publish(table.appended());
  Snapshot snapshot = table.snapshot();
  const ChunkView& chunk = snapshot.chunks()[0];
  EXPECT_EQ(chunk.dictionary_size(kCamera), 30'001u);
  // The note column gave up looking for equals, and still gives each row its text.
  for (std::uint32_t row = 0; row < 60'000; row += 7) {
    ASSERT_EQ(chunk.text_at(kNote, row), "n" + std::to_string(row));
    ASSERT_LT(chunk.codes(kNote)[row], chunk.dictionary_size(kNote));
  }
  for (std::uint64_t i = 0; i < 30'000; i += 997)
    ASSERT_THAT(rows_of_key(snapshot, kCamera, "camera-" + std::to_string(i)),
                ElementsAre(i + 30'000, i));
}

TEST_F(HotTable, ABatchMaySpanManyChunks) {
  Table table(camera_config(10), budget_);
  std::vector<Row> rows;
  for (std::uint64_t i = 0; i < 95; ++i)
    rows.push_back({i, "c" + std::to_string(i % 3), static_cast<std::int64_t>(i), {}, {}});
  append(table, rows);
  Snapshot snapshot = table.snapshot();
  EXPECT_EQ(snapshot.chunks().size(), 10u);
  EXPECT_EQ(snapshot.chunks()[9].row_count(), 5u);
  EXPECT_EQ(snapshot.chunks()[9].min_time_us(), 90);
  EXPECT_EQ(rows_of_key(snapshot, kCamera, "c0").size(), 32u);
}

// Random rows in random batches against a plain vector.
TEST_F(HotTable, HoldsExactlyWhatWasAppended) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Table table(camera_config(1 + random() % 300), budget_);
    std::vector<Row> oracle;
    while (oracle.size() < 2000) {
      Rows part;
      for (std::size_t n = random() % 200; n > 0; --n) {
        Row row{random(), {}, {}, {}, {}};
        if (random() % 8) row.camera = "cam" + std::to_string(random() % 20);
        if (random() % 8) row.time = random();
        if (random() % 50) row.score = static_cast<std::uint16_t>(random());
        if (random() % 2)
          row.note = std::string(random() % 40, static_cast<char>('a' + random() % 3));
        part.rows.push_back(row);
      }
      ASSERT_EQ(*table.append(part.batch(table.config().schema)), oracle.size());
      oracle.insert(oracle.end(), part.rows.begin(), part.rows.end());
      table.publish(oracle.size());
    }
    RowNumber begin = random() % oracle.size();
    table.trim(begin);
    Snapshot snapshot = table.snapshot();
    ASSERT_EQ(snapshot.row_count(), oracle.size() - begin);
    std::map<std::string, std::vector<RowNumber>> by_camera;
    RowNumber expected = begin;
    for (const ChunkView& chunk : snapshot.chunks()) {
      for (std::uint32_t row = chunk.begin(); row < chunk.row_count(); ++row, ++expected) {
        const Row& want = oracle[expected];
        ASSERT_EQ(chunk.first_row() + row, expected);
        ASSERT_EQ(chunk.values_as<EventId>(kId)[row].high, want.id);
        ASSERT_EQ(chunk.is_valid(kCamera, row), want.camera.has_value());
        ASSERT_EQ(chunk.is_valid(kTime, row), want.time.has_value());
        ASSERT_EQ(chunk.is_valid(kScore, row), want.score.has_value());
        ASSERT_EQ(chunk.is_valid(kNote, row), want.note.has_value());
        if (want.camera) {
          ASSERT_EQ(chunk.text_at(kCamera, row), *want.camera);
          by_camera[*want.camera].insert(by_camera[*want.camera].begin(), expected);
        }
        if (want.time) {
          ASSERT_EQ(chunk.values_as<std::int64_t>(kTime)[row], *want.time);
          ASSERT_LE(chunk.min_time_us(), *want.time);
          ASSERT_GE(chunk.max_time_us(), *want.time);
        }
        if (want.note) {
          ASSERT_EQ(chunk.text_at(kNote, row), *want.note);
        }
      }
    }
    ASSERT_EQ(expected, oracle.size());
    for (const auto& [camera, rows] : by_camera)
      ASSERT_EQ(rows_of_key(snapshot, kCamera, camera), rows) << camera;
  }
}

TEST_F(HotTable, MillionsOfRowsLeaveNoMemoryBehind) {
  Table table(camera_config(kChunkRows), budget_);
  Rows rows;
  for (std::uint64_t i = 0; i < 5000; ++i)
    rows.rows.push_back(
        {i, "camera-" + std::to_string(i % 500), static_cast<std::int64_t>(i), 1, {}});
  ColumnBatch batch = rows.batch(table.config().schema);
  std::uint64_t high = 0;
  for (int i = 0; i < 600; ++i) {
    ASSERT_TRUE(table.append(batch).has_value());
    table.publish(table.appended());
    if (table.published() > 500'000) table.trim(table.published() - 500'000);
    if (i == 300) high = table.memory_bytes();
    if (i > 300) {
      ASSERT_LT(table.memory_bytes(), high + high / 3);
    }
  }
  EXPECT_EQ(table.snapshot().row_count(), 500'000u);
  table.trim(table.published());
  EXPECT_EQ(table.memory_bytes(), 0u);
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

}  // namespace
}  // namespace freshet::hot

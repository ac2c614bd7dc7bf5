// One writer, several readers: run under ThreadSanitizer in CI.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "event/position.h"
#include "hot/table.h"

namespace freshet::hot {
namespace {

TableConfig stress_config() {
  TableConfig config;
  config.name = "stress";
  config.schema.columns = {{"number", ColumnType::kUInt64}, {"key", ColumnType::kText},
                           {"text", ColumnType::kText},     {"time", ColumnType::kTimestamp},
                           {"id", ColumnType::kUuid},       {"maybe", ColumnType::kUInt32}};
  config.key_columns = {1};
  config.time_column = 3;
  config.chunk_rows = 500;
  return config;
}

constexpr std::uint64_t kKeys = 700;  // the dictionary's table grows while readers are in it

std::string key_of(std::uint64_t row) {
  return "key" + std::to_string(row * 7 % kKeys);
}

ColumnBatch batch_of(const Schema& schema, std::uint64_t first, std::uint64_t count,
                     std::vector<std::string>& texts) {
  texts.clear();
  texts.reserve(count * 2);
  ColumnBatch batch(schema);
  for (std::uint64_t row = first; row < first + count; ++row) {
    batch.columns[0].append(row);
    batch.columns[1].append(std::string_view(texts.emplace_back(key_of(row))));
    batch.columns[2].append(std::string_view(texts.emplace_back("text " + std::to_string(row))));
    batch.columns[3].append(static_cast<std::int64_t>(row * 10));
    batch.columns[4].append(EventId{row * 31, row ^ 0xABCD});
    if (row % 97 == 50) {
      batch.columns[5].append_null();
    } else {
      batch.columns[5].append(static_cast<std::uint32_t>(row * 3));
    }
  }
  return batch;
}

void expect_whole_row(const ChunkView& chunk, std::uint32_t at) {
  std::uint64_t row = chunk.first_row() + at;
  ASSERT_EQ(chunk.values_as<std::uint64_t>(0)[at], row);
  ASSERT_EQ(chunk.text_at(1, at), key_of(row));
  ASSERT_EQ(chunk.text_at(2, at), "text " + std::to_string(row));
  ASSERT_EQ(chunk.values_as<std::int64_t>(3)[at], static_cast<std::int64_t>(row * 10));
  ASSERT_EQ(chunk.values_as<EventId>(4)[at], (EventId{row * 31, row ^ 0xABCD}));
  ASSERT_EQ(chunk.is_valid(5, at), row % 97 != 50);
  if (row % 97 != 50) {
    ASSERT_EQ(chunk.values_as<std::uint32_t>(5)[at], static_cast<std::uint32_t>(row * 3));
  }
  ASSERT_LE(chunk.min_time_us(), static_cast<std::int64_t>(row * 10));
  ASSERT_GE(chunk.max_time_us(), static_cast<std::int64_t>(row * 10));
}

// Every row of the snapshot is whole; no row of the key is missing from its chains.
void check_snapshot(const Snapshot& snapshot, std::uint64_t key_row) {
  std::uint64_t rows = 0, with_key = 0, in_chains = 0;
  std::string key = key_of(key_row);
  for (const ChunkView& chunk : snapshot.chunks()) {
    for (std::uint32_t at = chunk.begin(); at < chunk.row_count(); ++at, ++rows) {
      expect_whole_row(chunk, at);
      if (chunk.text_at(1, at) == key) ++with_key;
    }
    auto code = chunk.find_key(1, key);
    if (!code) continue;
    std::uint32_t above = chunk.row_count();
    for (std::uint32_t at = chunk.chain_last(1, *code); at != kNoChainRow;
         at = chunk.chain_previous(1, at)) {
      ASSERT_LT(at, above);
      ASSERT_GE(at, chunk.begin());
      ASSERT_EQ(chunk.text_at(1, at), key);
      above = at;
      ++in_chains;
    }
  }
  ASSERT_EQ(rows, snapshot.row_count());
  ASSERT_EQ(in_chains, with_key);
}

TEST(HotTableStress, ReadersSeeWholePublishedRowsWhileTheOwnerAppendsAndTrims) {
  constexpr std::uint64_t kRows = 60'000;
  MemoryBudget budget(std::uint64_t{1} << 30);
  auto table = std::make_unique<Table>(stress_config(), budget);
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> promised{0};  // rows that a reader must find visible
  std::atomic<std::uint64_t> snapshots{0};
  std::vector<std::thread> readers;
  for (unsigned reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&, reader] {
      std::uint64_t last_end = 0, turn = reader;
      while (!done.load() && !testing::Test::HasFatalFailure()) {
        std::uint64_t at_least = promised.load(std::memory_order_acquire);
        Snapshot snapshot = table->snapshot();
        ASSERT_GE(snapshot.end(), at_least);
        ASSERT_GE(snapshot.end(), last_end);
        ASSERT_LE(snapshot.end(), table->published());
        last_end = snapshot.end();
        check_snapshot(snapshot, turn++);
        if (last_end > 100) check_snapshot(table->snapshot_until(last_end - 100), turn);
        snapshots.fetch_add(1);
      }
    });
  }
  std::vector<std::string> texts;
  for (std::uint64_t row = 0, turn = 0; row < kRows; ++turn) {
    std::uint64_t count = 1 + turn * 13 % 90;
    ASSERT_TRUE(table->append(batch_of(table->config().schema, row, count, texts)).has_value());
    row += count;
    // Visible some rows behind the last one, as when the disk is behind.
    std::uint64_t visible = row > 40 ? row - 40 : 0;
    if (visible > table->published()) table->publish(visible);
    promised.store(visible, std::memory_order_release);
    if (visible > 3000 && turn % 5 == 0) table->trim(visible - 3000);
    if (turn % 50 == 0) std::this_thread::yield();
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(snapshots.load(), 0u);
  table.reset();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

}  // namespace
}  // namespace freshet::hot

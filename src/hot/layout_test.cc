#include "hot/layout.h"

#include <gtest/gtest.h>

namespace freshet::hot {
namespace {

TEST(RegionTest, TakesMoreOnlyAsMoreIsUsed) {
  Region region{0, 100 * kPageBytes, 8 * kPageBytes};
  EXPECT_EQ(region.taken_bytes(0), 0u);
  EXPECT_EQ(region.taken_bytes(1), kPageBytes);
  EXPECT_EQ(region.taken_bytes(kPageBytes + 1), 2 * kPageBytes);
  EXPECT_EQ(region.taken_bytes(8 * kPageBytes + 1), 16 * kPageBytes);
  EXPECT_EQ(region.taken_bytes(99 * kPageBytes), 100 * kPageBytes);
  std::uint64_t before = 0;
  for (std::uint64_t used = 0; used <= region.bytes; used += 512) {
    EXPECT_GE(region.taken_bytes(used), used);
    EXPECT_GE(region.taken_bytes(used), before);
    before = region.taken_bytes(used);
  }
}

TEST(ChunkLayoutTest, PutsEachArrayOnPagesOfItsOwn) {
  TableConfig config;
  config.schema.columns = {
      {"a", ColumnType::kBool}, {"b", ColumnType::kText}, {"c", ColumnType::kUuid}};
  config.key_columns = {1};
  config.chunk_rows = 5000;
  ChunkLayout layout(config);
  std::uint64_t end = 0;
  for (const Region& region : layout.regions) {
    EXPECT_EQ(region.offset, end);
    EXPECT_EQ(region.offset % kPageBytes, 0u);
    end += region.bytes;
  }
  EXPECT_EQ(layout.heap_offset, end);
  EXPECT_EQ(layout.column_headers[0].width, 1);
  EXPECT_EQ(layout.column_headers[0].entries_offset, 0u);
  EXPECT_EQ(layout.column_headers[1].width, 4);
  EXPECT_NE(layout.column_headers[1].chain_previous_offset, 0u);
  EXPECT_EQ(layout.column_headers[2].width, 16);
}

TEST(ChunkLayoutTest, ATableNeverFillsPastThreeQuarters) {
  EXPECT_EQ(slots_for(1), 512u);
  EXPECT_EQ(slots_for(384), 512u);
  EXPECT_EQ(slots_for(385), 1024u);
  EXPECT_EQ(slots_for(65'537), 131'072u);
}

}  // namespace
}  // namespace freshet::hot

#include "dedup/id_filter.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "io/random.h"

namespace freshet::dedup {
namespace {

using Tagged = IdFilter::Tagged;

std::vector<Tagged> random_entries(std::uint64_t count, std::uint64_t seed) {
  io::SeededRandom random(seed);
  std::vector<Tagged> entries(count);
  for (Tagged& each : entries)
    each = {random.next_u64(), static_cast<std::uint32_t>(random.below(IdFilter::kTagCount))};
  return entries;
}

void resize(IdFilter& filter, std::uint64_t bytes, const std::vector<Tagged>& entries) {
  std::vector<std::vector<Tagged>> parts(IdFilter::kPartCount);
  for (const Tagged& each : entries) parts[IdFilter::part_of(each.hash)].push_back(each);
  filter.begin_rebuild(bytes);
  for (std::uint32_t part = 0; part < IdFilter::kPartCount; ++part)
    filter.rebuild_part(part, parts[part]);
}

std::uint64_t missing_in(const IdFilter& filter, const std::vector<Tagged>& entries) {
  std::uint64_t missing = 0;
  for (const Tagged& each : entries)
    missing += (filter.tags_of(each.hash) >> each.tag & 1) == 0 ? 1 : 0;
  return missing;
}

TEST(IdFilter, denies_nothing_that_was_inserted_and_little_else) {
  auto filter = std::make_unique<IdFilter>();
  auto entries = random_entries(3'000'000, 1);
  resize(*filter, IdFilter::bytes_for(entries.size()), {});
  EXPECT_GE(filter->capacity(), entries.size());
  for (const Tagged& each : entries) filter->insert(each.hash, each.tag);
  EXPECT_EQ(missing_in(*filter, entries), 0u);
  std::uint64_t held = 0;
  for (const Tagged& each : random_entries(2'000'000, 2)) held += filter->tags_of(each.hash) != 0;
  // 8 slots of 8,191 prints at the load of this size: one in about 1,250.
  EXPECT_GT(held, 2'000'000u / 1'600);
  EXPECT_LT(held, 2'000'000u / 1'000);
}

TEST(IdFilter, is_empty_before_anything_was_inserted) {
  auto filter = std::make_unique<IdFilter>();
  EXPECT_EQ(filter->tags_of(77), 0u);
  EXPECT_EQ(filter->capacity(), 0u);
  resize(*filter, IdFilter::bytes_for(1000), {});
  for (const Tagged& each : random_entries(10'000, 3)) EXPECT_EQ(filter->tags_of(each.hash), 0u);
}

TEST(IdFilter, takes_out_one_tag_and_leaves_the_others) {
  auto filter = std::make_unique<IdFilter>();
  auto entries = random_entries(200'000, 4);
  resize(*filter, IdFilter::bytes_for(entries.size()), entries);
  for (std::uint32_t part = 0; part < IdFilter::kPartCount; ++part) filter->remove_tag(part, 5);
  std::vector<Tagged> left, gone;
  for (const Tagged& each : entries) (each.tag == 5 ? gone : left).push_back(each);
  EXPECT_EQ(missing_in(*filter, left), 0u);
  EXPECT_EQ(missing_in(*filter, gone), gone.size());
  EXPECT_LE(filter->size(), left.size());
}

TEST(IdFilter, gives_one_tag_in_place_of_another) {
  auto filter = std::make_unique<IdFilter>();
  auto entries = random_entries(200'000, 5);
  resize(*filter, IdFilter::bytes_for(entries.size()), entries);
  for (std::uint32_t part = 0; part < IdFilter::kPartCount; ++part) filter->change_tag(part, 2, 7);
  for (Tagged& each : entries) each.tag = each.tag == 2 ? 7 : each.tag;
  EXPECT_EQ(missing_in(*filter, entries), 0u);
  for (const Tagged& each : entries) ASSERT_EQ(filter->tags_of(each.hash) >> 2 & 1, 0u);
}

TEST(IdFilter, keeps_everything_while_it_grows_again_and_again) {
  auto filter = std::make_unique<IdFilter>();
  std::vector<Tagged> all;
  for (std::uint64_t round = 1; round <= 6; ++round) {
    auto more = random_entries(20'000ull << round, round);
    if (filter->size() + more.size() > filter->capacity())
      resize(*filter, IdFilter::bytes_for(all.size() + more.size()), all);
    for (const Tagged& each : more) filter->insert(each.hash, each.tag);
    all.insert(all.end(), more.begin(), more.end());
    ASSERT_EQ(missing_in(*filter, all), 0u) << "round " << round;
  }
}

TEST(IdFilter, holds_what_has_no_room_in_its_buckets) {
  auto filter = std::make_unique<IdFilter>();
  // Half of what is needed: many entries find no room and are put aside.
  auto entries = random_entries(60'000, 6);
  resize(*filter, IdFilter::bytes_for(20'000), {});
  for (const Tagged& each : entries) filter->insert(each.hash, each.tag);
  EXPECT_EQ(missing_in(*filter, entries), 0u);
}

TEST(IdFilter, an_id_that_comes_ever_again_takes_one_entry_a_tag) {
  auto filter = std::make_unique<IdFilter>();
  resize(*filter, IdFilter::bytes_for(1000), {});
  for (int times = 0; times < 100; ++times) {
    for (std::uint32_t tag = 0; tag < IdFilter::kTagCount; ++tag) filter->insert(12345, tag);
  }
  EXPECT_EQ(filter->size(), IdFilter::kTagCount);
  EXPECT_EQ(filter->tags_of(12345), 0xFFu);
}

TEST(IdFilter, one_that_holds_864_million_ids_fits_into_2_gib_beside_four_million_in_memory) {
  EXPECT_LE(IdFilter::bytes_for(864'000'000) + 4'000'000ull * 60, 2ull << 30);
}

}  // namespace
}  // namespace freshet::dedup

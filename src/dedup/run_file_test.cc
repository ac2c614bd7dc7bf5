#include "dedup/run_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "dedup/run_source.h"
#include "dedup/run_writer.h"
#include "io/random.h"
#include "sim/simulated_disk.h"

namespace freshet::dedup {
namespace {

using run_format::kPageBytes;

struct RunFileTest : testing::Test {
  sim::SimulatedDisk disk{1};
  RunPlace place{&disk, "ids", 42, 7};
  PageCache cache;

  void SetUp() override { ASSERT_TRUE(disk.make_directory("ids")); }

  static DedupEntry random_entry(io::SeededRandom& random) {
    DedupEntry entry;
    entry.id = {random.next_u64(), random.next_u64()};
    entry.content = {random.next_u64(), random.next_u64()};
    entry.first = {random.below(3) == 0 ? random.next_u64() : random.below(1000)};
    entry.first_sub = random.below(9) == 0 ? static_cast<std::uint32_t>(random.next_u64()) : 0;
    entry.last_seen_us = static_cast<std::int64_t>(random.below(50) == 0 ? random.next_u64()
                                                                         : random.below(1'000'000));
    entry.row = random.below(4) == 0 ? kDedupNoRow : random.below(std::uint64_t{1} << 62);
    return entry;
  }
  std::vector<RunEntry> random_entries(std::size_t count, std::uint64_t seed) const {
    io::SeededRandom random(seed);
    std::vector<RunEntry> all(count);
    for (RunEntry& each : all) {
      each.entry = random_entry(random);
      each.id = {id_hash(each.entry.id, place.hash_seed), each.entry.id};
    }
    std::sort(all.begin(), all.end(), [](auto& left, auto& right) { return left.id < right.id; });
    return all;
  }
  std::shared_ptr<RunFile> write(std::uint64_t run, const std::vector<RunEntry>& entries) {
    auto writer = RunWriter::create(place, run);
    EXPECT_TRUE(writer);
    for (const RunEntry& each : entries) EXPECT_TRUE((*writer)->add(each.id, each.entry));
    auto made = (*writer)->finish();
    EXPECT_TRUE(made) << made.error().to_string();
    return *made;
  }
  // What reading every entry of the file by its id meets first: an error's number, or 0.
  int number_of_damage(std::uint64_t run, const std::vector<RunEntry>& entries) {
    auto opened = RunFile::open(place, run);
    if (!opened) return opened.error().number();
    PageCache fresh;
    for (const RunEntry& each : entries) {
      auto found = (*opened)->find(each.id, fresh);
      if (!found) return found.error().number();
      if (!*found || **found != each.entry) ADD_FAILURE() << "a wrong answer in place of an error";
    }
    return 0;
  }
};

TEST_F(RunFileTest, finds_every_entry_as_it_was_written_and_nothing_else) {
  auto entries = random_entries(20'000, 1);
  auto made = write(3, entries);
  auto opened = RunFile::open(place, 3);
  ASSERT_TRUE(opened) << opened.error().to_string();
  std::int64_t youngest_us = INT64_MIN;
  std::uint64_t rows_end = 0;
  for (const RunEntry& each : entries) {
    for (const RunFile* run : {made.get(), opened->get()}) {
      auto found = run->find(each.id, cache);
      ASSERT_TRUE(found && *found);
      ASSERT_EQ(**found, each.entry);
    }
    youngest_us = std::max(youngest_us, each.entry.last_seen_us);
    if (each.entry.row != kDedupNoRow) rows_end = std::max(rows_end, each.entry.row + 1);
  }
  EXPECT_EQ((*opened)->youngest_us(), youngest_us);
  EXPECT_EQ((*opened)->rows_end(), rows_end);
  EXPECT_EQ((*opened)->entries(), entries.size());
  for (const RunEntry& other : random_entries(2'000, 2))
    EXPECT_FALSE((*opened)->find(other.id, cache)->has_value());
}

TEST_F(RunFileTest, finds_ids_whose_hashes_share_their_upper_half_over_many_pages) {
  auto entries = random_entries(2'000, 3);
  // Three hashes for all: the directory cannot tell their pages apart.
  for (std::size_t i = 0; i < entries.size(); ++i)
    entries[i].id.hash = (std::uint64_t{5} << 32) + (i < 700 ? 0 : i < 1'400 ? 1 : 0x1'0000'0000);
  std::sort(entries.begin(), entries.end(), [](auto& a, auto& b) { return a.id < b.id; });
  auto made = write(1, entries);
  ASSERT_GT(made->pages(), 10u);
  for (const RunEntry& each : entries) {
    auto found = made->find(each.id, cache);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->content, each.entry.content);
  }
}

TEST_F(RunFileTest, entries_of_one_time_and_place_take_few_bytes) {
  io::SeededRandom random(4);
  auto entries = random_entries(100'000, 4);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].entry.first = {(std::uint64_t{3} << 40) + random.below(150'000'000)};
    entries[i].entry.first_sub = 0;
    entries[i].entry.last_seen_us = 1'700'000'000'000'000 + std::int64_t(random.below(1u << 30));
    entries[i].entry.row = 5'000'000'000 + random.below(150'000'000);
  }
  EXPECT_LT(write(1, entries)->file_bytes(), entries.size() * 46);
}

TEST_F(RunFileTest, refuses_what_is_foreign_and_says_which_file) {
  auto entries = random_entries(500, 5);
  write(1, entries);
  auto opened_as = [&](std::uint64_t directory_id, std::uint64_t seed) {
    RunPlace other = place;
    other.data_directory_id = directory_id;
    other.hash_seed = seed;
    auto opened = RunFile::open(other, 1);
    return opened ? std::string("opened") : opened.error().to_string();
  };
  EXPECT_EQ(opened_as(42, 7), "opened");
  EXPECT_THAT(opened_as(43, 7), testing::AllOf(testing::StartsWith("FRS-3451"),
                                               testing::HasSubstr("ids-0000000000000001.run")));
  EXPECT_THAT(opened_as(42, 8), testing::StartsWith("FRS-3451"));
  // Under another name it is not that run.
  ASSERT_TRUE(disk.rename(place.path(1), place.path(2)));
  EXPECT_EQ(RunFile::open(place, 2).error().number(), 3451);
  EXPECT_EQ(RunFile::open(place, 1).error().code(), Code::kNotFound);
}

TEST_F(RunFileTest, every_flipped_bit_of_a_head_a_page_or_the_directory_is_an_error) {
  auto entries = random_entries(400, 6);
  auto made = write(1, entries);
  ASSERT_EQ(number_of_damage(1, entries), 0);
  io::SeededRandom random(7);
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t at = 0; at < sizeof(run_format::Header); ++at) offsets.push_back(at);
  for (int i = 0; i < 400; ++i)
    offsets.push_back(kPageBytes + random.below(made->file_bytes() - kPageBytes));
  for (std::uint64_t offset : offsets) {
    auto mask = static_cast<std::uint8_t>(1u << random.below(8));
    disk.flip(place.path(1), offset, mask);
    int number = number_of_damage(1, entries);
    EXPECT_TRUE(number == 3450 || number == 3452) << "offset " << offset << ": " << number;
    disk.flip(place.path(1), offset, mask);
  }
  EXPECT_EQ(number_of_damage(1, entries), 0);
}

TEST_F(RunFileTest, a_run_that_was_cut_or_has_grown_is_an_error_that_names_the_offset) {
  auto entries = random_entries(400, 8);
  auto made = write(1, entries);
  std::uint64_t whole = made->file_bytes();
  auto file = disk.open(place.path(1), io::OpenMode::kWrite);
  ASSERT_TRUE(file);
  for (std::uint64_t size : {whole + 1, whole - 1, whole - 4, kPageBytes * 2 + 0, kPageBytes + 0,
                             std::uint64_t{80}, std::uint64_t{79}, std::uint64_t{0}}) {
    ASSERT_TRUE((*file)->truncate(size));
    auto opened = RunFile::open(place, 1);
    ASSERT_FALSE(opened) << size;
    EXPECT_EQ(opened.error().number(), 3450);
    EXPECT_THAT(opened.error().message(), testing::HasSubstr("offset"));
  }
  // A cut behind the back of an open run.
  auto found = made->find(entries.back().id, cache);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().number(), 3450);
}

TEST_F(RunFileTest, a_page_that_stands_in_another_pages_place_is_an_error) {
  auto entries = random_entries(1'000, 9);
  write(1, entries);
  auto file = disk.open(place.path(1), io::OpenMode::kWrite);
  std::vector<std::byte> page(kPageBytes);
  ASSERT_TRUE((*file)->read(run_format::page_offset(1), page));
  ASSERT_TRUE((*file)->write(run_format::page_offset(0), page));
  EXPECT_EQ(number_of_damage(1, entries), 3450);
}

TEST_F(RunFileTest, a_run_without_its_header_is_no_run) {
  auto writer = RunWriter::create(place, 1);
  for (const RunEntry& each : random_entries(5'000, 10))
    ASSERT_TRUE((*writer)->add(each.id, each.entry));
  EXPECT_EQ(RunFile::open(place, 1).error().number(), 3450);
}

TEST_F(RunFileTest, names_of_files_lead_to_runs_and_back) {
  EXPECT_EQ(RunPlace::run_of("ids-00000000000000ff.run"), 255u);
  for (const char* name : {"ids-ff.run", "ids-00000000000000fg.run", "ids-00000000000000ff.ru",
                           "xds-00000000000000ff.run", ""})
    EXPECT_FALSE(RunPlace::run_of(name)) << name;
}

TEST_F(RunFileTest, a_merge_gives_each_id_once_as_the_newest_run_has_it) {
  std::map<HashedId, DedupEntry> expected;
  std::vector<std::unique_ptr<RunSource>> sources;
  io::SeededRandom random(11);
  for (std::uint64_t run = 0; run < 7; ++run) {
    std::map<HashedId, DedupEntry> own;
    for (int i = 0; i < 900; ++i) {
      DedupEntry entry = random_entry(random);
      entry.id = {random.below(2'000), 1};
      own[{id_hash(entry.id, place.hash_seed), entry.id}] = entry;
    }
    std::vector<RunEntry> entries;
    for (const auto& [id, entry] : own) {
      entries.push_back({id, entry});
      expected[id] = entry;
    }
    sources.push_back(std::make_unique<RunCursor>(write(run, entries), place.hash_seed, 0, 1));
  }
  MergedSource merged(std::move(sources));
  for (const auto& [id, entry] : expected) {
    auto next = merged.next();
    ASSERT_TRUE(next && *next != nullptr);
    EXPECT_EQ((*next)->id, id);
    EXPECT_EQ((*next)->entry, entry);
  }
  EXPECT_EQ(*merged.next(), nullptr);
}

TEST_F(RunFileTest, a_cursor_begins_at_a_hash) {
  auto entries = random_entries(5'000, 12);
  auto made = write(1, entries);
  for (std::size_t from : {0ul, 1ul, 77ul, 2'500ul, 4'999ul}) {
    RunCursor cursor(made, place.hash_seed, entries[from].id.hash, 2);
    for (std::size_t i = from; i < entries.size(); ++i) {
      auto next = cursor.next();
      ASSERT_TRUE(next && *next != nullptr);
      ASSERT_EQ((*next)->id, entries[i].id);
    }
    EXPECT_EQ(*cursor.next(), nullptr);
  }
}

TEST_F(RunFileTest, of_an_id_twice_in_memory_the_later_is_written) {
  std::vector<DedupEntry> entries(3);
  for (std::uint64_t i = 0; i < 3; ++i) {
    entries[i].id = {i == 1 ? 9u : 4u, 4};
    entries[i].first = {i};
  }
  MemorySource source;
  for (const DedupEntry& entry : entries) source.add(entry, place.hash_seed);
  source.sort();
  std::map<EventId, std::uint64_t> got;
  while (true) {
    auto next = source.next();
    ASSERT_TRUE(next);
    if (*next == nullptr) break;
    got[(*next)->entry.id] = (*next)->entry.first.value;
  }
  EXPECT_EQ(got, (std::map<EventId, std::uint64_t>{{{4, 4}, 2}, {{9, 4}, 1}}));
}

}  // namespace
}  // namespace freshet::dedup

// Dedup beyond memory, on a simulated disk: what a disk holds, when it goes there and when the
// machine stops must change no answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "dedup/dedup.h"
#include "dedup/dedup_test_model.h"
#include "sim/simulated_disk.h"

namespace freshet::dedup {
namespace {

// Does not run what it is given until it is told to: what is in the background may be late.
class LateExecutor : public io::Executor {
 public:
  bool post(std::function<void()> work) override {
    if (waiting_.size() >= 4) return false;
    waiting_.push_back(std::move(work));
    return true;
  }
  void run(std::size_t count) {
    for (; count > 0 && !waiting_.empty(); --count) {
      auto work = std::move(waiting_.front());
      waiting_.erase(waiting_.begin());
      work();
    }
  }

 private:
  std::vector<std::function<void()>> waiting_;
};

struct DedupRunsTest : testing::Test {
  MemoryBudget budget{1u << 30};
  io::InlineExecutor now;

  static DedupConfig config(io::Disk& disk) {
    DedupConfig result;
    result.horizon_us = ModelRun::kHorizonUs;
    result.hash_seed = 5;
    result.directory = "data/ids";
    result.disk = &disk;
    result.data_directory_id = 9;
    result.memory_ids = 64;
    result.generation_bits = 3;
    result.merge_fan_in = 3;
    return result;
  }
};

// A checkpoint, as it would be saved.
struct Saved {
  DedupState state;
  std::optional<ModelRun> model;
};

Saved save(Dedup& dedup, const ModelRun& model) {
  return {dedup.hold_state(), model};
}

Status restore(Dedup& dedup, const Saved& saved) {
  FRESHET_TRY_STATUS(dedup.restore_runs(saved.state.runs.groups));
  for (const DedupState::Piece& piece : saved.state.memory) {
    for (std::uint32_t i = 0; i < piece.count; ++i) dedup.restore_entry(piece.entries[i]);
  }
  return ok();
}

TEST_F(DedupRunsTest, decides_and_finds_as_the_model_does) {
  DedupCounters sum;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    sim::SimulatedDisk disk(seed);
    Dedup dedup(config(disk), budget, &now);
    ModelRun model(seed, dedup);
    for (int block = 0; block < 400; ++block) ASSERT_TRUE(model.run_block());
    model.check_all();
    EXPECT_THAT(model.differences(), testing::IsEmpty()) << "seed " << seed;
    DedupCounters counters = dedup.counters();
    EXPECT_LE(counters.memory_ids, 64u + 64u + 8u);
    sum.merges += counters.merges;
    sum.filter_hits += counters.filter_hits;
    sum.flushes += counters.flushes;
  }
  // That it was about runs at all.
  EXPECT_GT(sum.flushes, 500u);
  EXPECT_GT(sum.merges, 100u);
  EXPECT_GT(sum.filter_hits, 5'000u);
}

TEST_F(DedupRunsTest, decides_the_same_however_late_the_background_is) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    sim::SimulatedDisk disk(seed);
    LateExecutor late;
    io::SeededRandom random(seed);
    Dedup dedup(config(disk), budget, &late);
    ModelRun model(seed, dedup);
    for (int block = 0; block < 400; ++block) {
      ASSERT_TRUE(model.run_block());
      late.run(random.below(4) == 0 ? random.below(200) : 0);
      if (block % 50 == 0) model.check_all();
    }
    EXPECT_THAT(model.differences(), testing::IsEmpty()) << "seed " << seed;
    EXPECT_GT(dedup.counters().flushes, 0u);
  }
}

// The planted bug, and that the comparison with the model sees it.
TEST_F(DedupRunsTest, looking_into_the_newest_run_alone_loses_duplicates) {
  auto differences_of = [&](bool planted) {
    sim::SimulatedDisk disk(1);
    DedupConfig planted_config = config(disk);
    planted_config.plant_newest_run_only = planted;
    Dedup dedup(planted_config, budget, &now);
    ModelRun model(1, dedup);
    for (int block = 0; block < 400; ++block) EXPECT_TRUE(model.run_block());
    return model.differences().size();
  };
  EXPECT_EQ(differences_of(false), 0u);
  EXPECT_GT(differences_of(true), 0u);
}

TEST_F(DedupRunsTest, case04_the_horizon_is_exact_in_a_run_too) {
  sim::SimulatedDisk disk(1);
  Dedup dedup(config(disk), budget, &now);
  for (std::uint64_t n = 0; n < 1'000; ++n) {
    ASSERT_TRUE(dedup.decide({n, 1}, {n, 0}, {n + 1}, 0, static_cast<std::int64_t>(n)));
    if (n % 8 == 0) dedup.expire(static_cast<std::int64_t>(n), 0);
  }
  ASSERT_GT(dedup.counters().run_entries, 800u);
  // Neighbours: of ids seen at 100 and 101, one is past the horizon now and the other is not.
  std::int64_t now_us = 101 + ModelRun::kHorizonUs;
  EXPECT_EQ(dedup.decide({101, 1}, {101, 0}, {2'000}, 0, now_us)->decision,
            DedupDecision::kDuplicate);
  EXPECT_EQ(dedup.decide({100, 1}, {100, 0}, {2'001}, 0, now_us)->decision, DedupDecision::kNew);
  auto conflict = dedup.decide({102, 1}, {7, 7}, {2'002}, 0, now_us);
  EXPECT_EQ(conflict->decision, DedupDecision::kConflict);
  EXPECT_EQ(conflict->first.content, (ContentHash{102, 0}));
  EXPECT_EQ(conflict->first.first, Position{103});
}

TEST_F(DedupRunsTest,
       case05_runs_go_when_their_youngest_id_is_past_the_horizon_and_their_rows_have_left) {
  sim::SimulatedDisk disk(1);
  Dedup dedup(config(disk), budget, &now);
  for (std::uint64_t n = 0; n < 1'000; ++n) {
    auto got = dedup.decide({n, 1}, {}, {n + 1}, 0, static_cast<std::int64_t>(n));
    dedup.set_row({n, 1}, got->ticket, n);
    if (n % 8 == 0) dedup.expire(static_cast<std::int64_t>(n), 0);
  }
  std::int64_t late_us = 10 * ModelRun::kHorizonUs;
  for (int i = 0; i < 200; ++i) dedup.expire(late_us, 0);
  // Rows still stand: they are found by their ids.
  for (std::uint64_t n = 0; n < 1'000; ++n) ASSERT_EQ((*dedup.find({n, 1}))->row, n);
  for (int i = 0; i < 200; ++i) dedup.expire(late_us, 1'000);
  EXPECT_EQ(dedup.entry_count(), 0u);
  EXPECT_EQ(dedup.counters().runs, 0u);
  EXPECT_THAT(disk.files(), testing::IsEmpty());
}

// Rows that stay longer than the horizon keep runs alive: more groups than the filter has tags.
TEST_F(DedupRunsTest, finds_ids_of_more_sixths_of_a_horizon_than_there_are_tags) {
  sim::SimulatedDisk disk(7);
  Dedup dedup(config(disk), budget, &now);
  std::int64_t now_us = 0;
  for (std::uint64_t n = 0; n < 3'000; ++n) {
    now_us += ModelRun::kHorizonUs / 600;
    auto got = dedup.decide({n, 1}, {n, n}, {n + 1}, 0, now_us);
    dedup.set_row({n, 1}, got->ticket, n);
    if (n % 8 == 0) dedup.expire(now_us, 0);
    if (n % 500 != 0) continue;
    for (std::uint64_t i = 0; i <= n; ++i) ASSERT_EQ((*dedup.find({i, 1}))->row, i) << n;
  }
  EXPECT_LE(dedup.hold_state().runs.groups.size(), 8u);
  for (int i = 0; i < 500; ++i) dedup.expire(now_us, 1'500);
  for (std::uint64_t i = 1'500; i < 3'000; ++i) ASSERT_EQ((*dedup.find({i, 1}))->row, i);
  EXPECT_LT(dedup.entry_count(), 2'700u);
}

TEST_F(DedupRunsTest, case04_comes_back_from_a_checkpoint_as_it_was) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    sim::SimulatedDisk disk(seed);
    Saved saved;
    {
      Dedup dedup(config(disk), budget, &now);
      ModelRun model(seed, dedup);
      for (int block = 0; block < 150; ++block) ASSERT_TRUE(model.run_block());
      saved = save(dedup, model);
      // What comes later merges the runs that the checkpoint names, and would remove them.
      for (int block = 0; block < 150; ++block) ASSERT_TRUE(model.run_block());
    }
    for (int times = 0; times < 2; ++times) {
      Dedup dedup(config(disk), budget, &now);
      Status restored = restore(dedup, saved);
      ASSERT_TRUE(restored) << restored.error().to_string();
      ModelRun model = *saved.model;
      model.move_to(dedup);
      model.check_all();
      for (int block = 0; block < 150 * times; ++block) ASSERT_TRUE(model.run_block());
      model.check_all();
      EXPECT_THAT(model.differences(), testing::IsEmpty()) << "seed " << seed;
      // Held again by the process that was restored, as the one before held it.
      saved = times == 0 ? save(dedup, model) : std::move(saved);
    }
  }
}

TEST_F(DedupRunsTest, without_a_checkpoint_old_runs_are_removed_and_a_released_hold_lets_files_go) {
  sim::SimulatedDisk disk(3);
  DedupRuns held;
  {
    Dedup dedup(config(disk), budget, &now);
    ModelRun model(3, dedup);
    for (int block = 0; block < 150; ++block) ASSERT_TRUE(model.run_block());
    held = dedup.hold_state().runs;
    for (int block = 0; block < 300; ++block) ASSERT_TRUE(model.run_block());
    std::size_t with_hold = disk.files().size();
    EXPECT_GT(with_hold, dedup.counters().runs);
    dedup.release_runs(held.hold);
    ASSERT_TRUE(model.run_block());
    EXPECT_EQ(disk.files().size(), dedup.counters().runs);
  }
  ASSERT_FALSE(disk.files().empty());
  Dedup fresh(config(disk), budget, &now);
  fresh.expire(0, 0);
  EXPECT_THAT(disk.files(), testing::IsEmpty());
}

// The power fails during the n-th change of the disk after a checkpoint, for every n until there is
// none left; then the same state comes back from what the disk kept.
TEST_F(DedupRunsTest, every_crash_between_two_checkpoints_leaves_the_first_whole) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    std::uint64_t crashes = 0;
    for (std::uint64_t step = 1;; ++step) {
      sim::SimulatedDisk disk(seed * 1'000 + step);
      Saved saved;
      {
        Dedup dedup(config(disk), budget, &now);
        ModelRun model(seed, dedup);
        for (int block = 0; block < 60; ++block) ASSERT_TRUE(model.run_block());
        saved = save(dedup, model);
        disk.crash_after(step);
        for (int block = 0; block < 40 && !disk.is_off(); ++block) {
          if (!model.run_block()) break;
        }
        EXPECT_THAT(model.differences(), testing::IsEmpty());
      }
      if (!disk.is_off()) break;
      ++crashes;
      disk.power_on();
      Dedup dedup(config(disk), budget, &now);
      Status restored = restore(dedup, saved);
      ASSERT_TRUE(restored) << restored.error().to_string() << ", step " << step;
      ModelRun model = *saved.model;
      model.move_to(dedup);
      for (int block = 0; block < 40; ++block) ASSERT_TRUE(model.run_block());
      model.check_all();
      ASSERT_THAT(model.differences(), testing::IsEmpty()) << "seed " << seed << ", step " << step;
    }
    EXPECT_GT(crashes, 40u);
  }
}

TEST_F(DedupRunsTest, a_disk_that_fails_costs_memory_and_is_said_but_changes_no_answer) {
  int said = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    sim::SimulatedDisk disk(seed);
    Dedup dedup(config(disk), budget, &now);
    ModelRun model(seed, dedup);
    disk.faults().sync_fails = 300;
    disk.faults().write_fails = 30;
    disk.faults().directory_sync_fails = 100;
    for (int block = 0; block < 300; ++block) {
      ASSERT_TRUE(model.run_block());
      if (dedup.take_failure()) ++said;
    }
    disk.faults() = {};
    for (int block = 0; block < 1'500; ++block) ASSERT_TRUE(model.run_block());
    model.check_all();
    EXPECT_THAT(model.differences(), testing::IsEmpty()) << "seed " << seed;
    EXPECT_LE(dedup.counters().memory_ids, 64u + 64u + 8u) << "it has come back";
  }
  EXPECT_GT(said, 10);
}

TEST_F(DedupRunsTest, a_damaged_run_ends_the_work_with_its_name_and_offset) {
  sim::SimulatedDisk disk(4);
  Dedup dedup(config(disk), budget, &now);
  for (std::uint64_t n = 0; n < 500; ++n) {
    ASSERT_TRUE(dedup.decide({n, 1}, {}, {n + 1}, 0, 0));
    if (n % 8 == 0) dedup.expire(0, 0);
  }
  for (const auto& [path, bytes] : disk.files()) disk.flip(path, 8'192 + 100, 1);
  int errors = 0;
  for (std::uint64_t n = 0; n < 400; ++n) {
    auto got = dedup.decide({n, 1}, {}, {n + 1'000}, 0, 0);
    // Never taken for new because its run cannot be read.
    if (got) {
      EXPECT_EQ(got->decision, DedupDecision::kDuplicate);
      continue;
    }
    ++errors;
    EXPECT_EQ(got.error().number(), 3450);
    EXPECT_THAT(got.error().message(), testing::HasSubstr("ids-"));
    EXPECT_FALSE(dedup.find({n, 1}));
  }
  EXPECT_GT(errors, 300);
}

TEST_F(DedupRunsTest, a_restored_state_whose_files_are_missing_is_refused) {
  sim::SimulatedDisk disk(5);
  Dedup dedup(config(disk), budget, &now);
  EXPECT_FALSE(dedup.restore_runs({{1, 2}}));
  Dedup without(DedupConfig{}, budget);
  EXPECT_EQ(without.restore_runs({{1}}).error().number(), 3454);
  EXPECT_TRUE(without.restore_runs({}));
}

TEST_F(DedupRunsTest, waits_for_room_where_the_filter_has_none_and_goes_on_when_it_has) {
  MemoryBudget small(12u << 20);
  sim::SimulatedDisk disk(6);
  DedupConfig more = config(disk);
  more.memory_ids = 20'000;
  more.generation_bits = 10;
  Dedup dedup(more, small, &now);
  ASSERT_TRUE(small.try_take(8u << 20));  // rows, say
  std::uint64_t n = 0;
  auto take = [&](std::uint64_t end) {
    for (; n < end; n += 100) {
      dedup.expire(0, 0);
      if (!dedup.reserve(100)) return false;
      for (std::uint64_t i = n; i < n + 100; ++i)
        EXPECT_EQ(dedup.decide({i, 1}, {}, {i + 1}, 0, 0)->decision, DedupDecision::kNew);
      EXPECT_LE(small.used_bytes(), small.limit_bytes());
    }
    return true;
  };
  EXPECT_FALSE(take(1'000'000));
  small.give_back(8u << 20);
  EXPECT_TRUE(take(1'000'000));
  for (std::uint64_t i = 0; i < n; i += 97) ASSERT_TRUE(dedup.find({i, 1})->has_value());
}

TEST_F(DedupRunsTest, readers_find_ids_on_their_way_from_memory_to_disk_and_between_runs) {
  auto folder = std::filesystem::path(testing::TempDir()) / "freshet-dedup-runs";
  std::filesystem::remove_all(folder);
  {
    io::ThreadPool pool("dedup-test", 2, 100);
    DedupConfig threads = config(io::system_disk());
    threads.directory = folder.string();
    threads.horizon_us = 1'000'000'000;
    threads.memory_ids = 2'048;
    threads.merge_fan_in = 4;
    threads.generation_bits = 8;
    Dedup dedup(threads, budget, &pool);
    std::atomic<std::uint64_t> published{0}, wrong{0}, found_count{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (std::uint64_t r = 0; r < 2; ++r) {
      readers.emplace_back([&, r] {
        io::SeededRandom random(r);
        while (!stop) {
          std::uint64_t end = published;
          if (end == 0) continue;
          std::uint64_t n = random.below(end);
          auto found = dedup.find({n, 1});
          ++found_count;
          if (!found || !*found || (*found)->content.high != n) ++wrong;
        }
      });
    }
    for (std::uint64_t n = 0; n < 60'000; ++n) {
      do {
        if (n % 64 == 0) dedup.expire(static_cast<std::int64_t>(n), 0);
      } while (n % 64 == 0 && dedup.counters().memory_ids > 6'000);
      auto got = dedup.decide({n, 1}, {n, 0}, {n + 1}, 0, static_cast<std::int64_t>(n));
      ASSERT_EQ(got->decision, DedupDecision::kNew);
      if (n % 7 == 0) {
        auto again = dedup.decide({n / 2, 1}, {n / 2, 0}, {n}, 0, static_cast<std::int64_t>(n));
        ASSERT_EQ(again->decision, DedupDecision::kDuplicate) << n;
      }
      published = n + 1;
    }
    stop = true;
    for (std::thread& reader : readers) reader.join();
    EXPECT_GT(found_count, 100u);
    EXPECT_EQ(wrong, 0u);
    EXPECT_GT(dedup.counters().merges, 0u);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace freshet::dedup

// Cases in which other systems lost, doubled or forgot events, each with its number.
#include <set>

#include "pipeline/runner_test_support.h"

namespace freshet::pipeline {
namespace {

// Time of the system, moved between two lives.
class MovedClock : public io::Clock {
 public:
  std::int64_t wall_us() override { return io::system_clock().wall_us() + ahead_us; }
  std::int64_t monotonic_ns() override { return io::system_clock().monotonic_ns(); }
  std::int64_t ahead_us = 0;
};

constexpr std::int64_t kDayUs = 86'400'000'000;

std::string at_time(std::string event, const std::string& time) {
  return event.replace(event.find("2026-11-22T10:00:00Z"), 20, time);
}

class KnownCasesTest : public RunnerTest {
 protected:
  KnownCasesTest() { clock_ = &moved_; }
  ~KnownCasesTest() override { runner_.reset(); }  // before its clock

  std::uint64_t row_count() {
    return runner_->tables().cut("detections")->tables.at("detections").row_count();
  }
  void put_numbers(int first, int end) {
    for (int at = first; at < end; at += 500) {
      std::vector<std::string> events;
      for (int i = at; i < std::min(at + 500, end); ++i)
        events.push_back(event_json(i, "c" + std::to_string(i % 7)));
      auto outcomes = put(events);
      ASSERT_TRUE(outcomes.has_value()) << outcomes.error().to_string();
    }
  }
  std::set<std::string> checkpoint_files() const {
    std::set<std::string> names;
    std::filesystem::path folder = directory_ / "checkpoint/journal-0";
    if (!std::filesystem::exists(folder)) return names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      names.insert(entry.path().filename());
    return names;
  }
  static std::set<std::string> manifests(const std::set<std::string>& names) {
    std::set<std::string> found;
    for (const std::string& name : names) {
      if (name.starts_with("checkpoint-")) found.insert(name);
    }
    return found;
  }
  // Puts events until another checkpoint is there; `seen_` has every file that was there meanwhile.
  void put_until_checkpoint(int& next) {
    std::set<std::string> before = manifests(checkpoint_files()), now = before;
    for (int round = 0; round < 2'000 && now == before; ++round, next += 50) {
      put_numbers(next, next + 50);
      std::set<std::string> names = checkpoint_files();
      now = manifests(names);
      seen_.merge(names);
    }
  }

  std::set<std::string> seen_;
  MovedClock moved_;
};

TEST_F(KnownCasesTest, case04_a_retry_with_another_time_is_no_second_row) {
  for (int life = 0; life < 2; ++life) {
    start();
    ASSERT_TRUE(put({event_json(1)}).has_value());
    ASSERT_TRUE(put({at_time(event_json(1), "2026-11-25T00:00:00Z"),
                     at_time(event_json(1), "2020-01-01T00:00:00Z"), event_json(1)})
                    .has_value());
    EXPECT_EQ(row_count(), 1u);
    EXPECT_EQ(total().accepted, 1u);
  }
}

TEST_F(KnownCasesTest, case04_ids_are_known_across_splits) {
  start();
  put_numbers(0, 200);
  auto info = *runner_->streams().find("detections");
  HashKey middle = info.partitions[0].hash_first +
                   (info.partitions[0].hash_last - info.partitions[0].hash_first) / 2 + 1;
  ASSERT_TRUE(runner_->streams().split("detections", 0, middle).has_value());
  for (int life = 0; life < 2; ++life) {
    put_numbers(0, 200);
    EXPECT_EQ(row_count(), 200u);
    EXPECT_EQ(total().accepted, 200u);
    start();
  }
}

// Nothing came in between: whether an id counts as seen is a matter of the log's time alone.
TEST_F(KnownCasesTest, case04_an_id_comes_again_after_a_horizon_without_traffic) {
  start();
  put_numbers(0, 100);
  moved_.ahead_us = kDayUs - 600'000'000;
  start();
  put_numbers(0, 50);
  EXPECT_EQ(row_count(), 100u);
  moved_.ahead_us += kDayUs - 300'000'000;  // a day since the first 50 were seen last, nearly
  start();
  put_numbers(0, 100);
  // The others again; the rows of two days ago have left memory.
  EXPECT_EQ(row_count(), 50u);
}

TEST_F(KnownCasesTest, case06_a_restart_after_a_day_away_stays_in_budget) {
  memory_bytes_ = 24u << 20;
  memory_ids_ = 5'000;
  checkpoint_records_ = 5'000;
  start();
  put_numbers(0, 30'000);
  std::uint64_t before = runner_->memory().used_bytes();
  moved_.ahead_us = kDayUs + 3'600'000'000;
  start();
  EXPECT_LE(runner_->memory().used_bytes(), memory_bytes_);
  EXPECT_EQ(row_count(), 0u);  // all of a day ago
  put_numbers(0, 30'000);
  EXPECT_EQ(row_count(), 30'000u);
  EXPECT_LE(runner_->memory().used_bytes(), memory_bytes_);
  EXPECT_LE(before, memory_bytes_);
}

TEST_F(KnownCasesTest, case10_an_idle_pipeline_starts_without_reading_all_again) {
  checkpoint_records_ = 1'000;
  start();
  int next = 0;
  for (int i = 0; i < 3; ++i) put_until_checkpoint(next);
  Position last = runner_->tables().cut("detections")->position;
  for (int life = 0; life < 3; ++life) {
    start();
    // What a checkpoint may be behind: its interval, and what came while it was written.
    EXPECT_GT(runner_->report().checkpoints.at(0).value + 2'000, last.value);
    EXPECT_EQ(row_count(), static_cast<std::uint64_t>(next));
  }
}

TEST_F(KnownCasesTest, case10_no_interval_of_checkpoints_loses_rows) {
  int next = 0;
  for (std::uint64_t interval : {1u, 7u, 500u, 501u, 2'000u, 0u}) {
    SCOPED_TRACE(interval);
    checkpoint_records_ = interval;
    start();
    put_numbers(next, next + 1'200);
    next += 1'200;
    EXPECT_EQ(row_count(), static_cast<std::uint64_t>(next));
    start();
    EXPECT_EQ(row_count(), static_cast<std::uint64_t>(next));
    put_numbers(0, 50);
    EXPECT_EQ(total().accepted, static_cast<std::uint64_t>(next));
  }
}

TEST_F(KnownCasesTest, case12_a_camera_in_2038_and_one_in_1970_disturb_nobody) {
  start();
  put_numbers(0, 300);
  std::uint64_t refused = 0;  // those of the future; what is long past is a row
  std::vector<std::string> strange;
  for (int i = 0; i < 40; ++i) {
    strange.push_back(at_time(event_json(1'000 + i, "future"), "2038-01-19T03:14:08Z"));
    strange.push_back(at_time(event_json(2'000 + i, "past"), "1970-01-01T00:00:00Z"));
  }
  ASSERT_TRUE(put(strange).has_value());
  refused += 40;
  put_numbers(300, 600);
  for (int life = 0; life < 2; ++life) {
    // All of them are still known, the others too: a horizon is of the log's time, not of cameras'.
    put_numbers(0, 600);
    ASSERT_TRUE(put(strange).has_value());
    EXPECT_EQ(row_count(), 640u);
    EXPECT_EQ(total().accepted, 640u);
    EXPECT_EQ(total().refused, refused += 40);
    EXPECT_EQ(text_of("detections$dead", 0, "reason"), "future");
    auto row = *runner_->tables().find_row("detections", event_id(2'001));
    ASSERT_TRUE(row.has_value());
    EXPECT_EQ(text_of("detections", *row, "camera_id"), "past");
    start();
  }
}

TEST_F(KnownCasesTest, case13_files_of_a_checkpoint_stay_as_many_as_rows_grow) {
  checkpoint_records_ = 1'000;
  settings_.dedup.horizon_us = kDayUs;
  start();
  int next = 0;
  auto files_of_five = [&] {
    std::size_t before = seen_.size();
    for (int i = 0; i < 5; ++i) put_until_checkpoint(next);
    return seen_.size() - before;
  };
  std::size_t first = files_of_five();
  EXPECT_GE(first, 10u);
  for (int i = 0; i < 2; ++i) EXPECT_LE(files_of_five(), first + 5) << next;
}

}  // namespace
}  // namespace freshet::pipeline

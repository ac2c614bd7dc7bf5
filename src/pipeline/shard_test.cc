#include "pipeline/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <random>

#include "pipeline/runner_test_support.h"

namespace freshet::pipeline {
namespace {

TEST_F(RunnerTest, an_acknowledged_event_is_readable_and_joined) {
  start();
  auto outcomes = put({event_json(1, "c1", ",\"loc\":\"l1\"")});
  ASSERT_TRUE(outcomes.has_value()) << outcomes.error().to_string();
  auto row = *runner_->tables().find_row("detections", event_id(1));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(text_of("detections", *row, "location_name"), "East gate");
  EXPECT_EQ(text_of("detections", *row, "item_name"), "car");
}

TEST_F(RunnerTest, retries_conflicts_and_refusals_are_counted_once_each) {
  start();
  ASSERT_TRUE(put({event_json(1), event_json(2), event_json(1)}).has_value());
  ASSERT_TRUE(put({event_json(2), event_json(2, "c2"), "not json"}).has_value());
  LedgerCounts sum = total();
  EXPECT_EQ(sum.received, 6u);
  EXPECT_EQ(sum.accepted, 2u);
  EXPECT_EQ(sum.duplicate, 2u);
  EXPECT_EQ(sum.refused, 2u);
  auto cut = runner_->tables().cut("detections");
  EXPECT_EQ(cut->tables.at("detections").row_count(), 2u);
  EXPECT_EQ(cut->tables.at("detections$dupes").row_count(), 2u);
  ASSERT_EQ(cut->tables.at("detections$dead").row_count(), 2u);
  EXPECT_EQ(text_of("detections$dead", 0, "reason"), "conflict");
  EXPECT_EQ(text_of("detections$dead", 1, "reason"), "parse");
  EXPECT_EQ(text_of("detections$dead", 1, "raw"), "not json");
}

TEST_F(RunnerTest, case04_a_restart_gives_the_same_rows_and_still_knows_every_id) {
  start();
  std::vector<std::string> events;
  for (int i = 0; i < 1000; ++i) events.push_back(event_json(i, "c" + std::to_string(i % 7)));
  ASSERT_TRUE(put(events).has_value());
  // Its position alone: a cut holds rows, which must not outlive the runner whose budget they took.
  Position before = runner_->tables().cut("detections")->position;
  start();
  auto after = runner_->tables().cut("detections");
  EXPECT_EQ(after->tables.at("detections").row_count(), 1000u);
  EXPECT_GE(after->position, before);
  ASSERT_TRUE(put(events).has_value());
  EXPECT_EQ(runner_->tables().cut("detections")->tables.at("detections").row_count(), 1000u);
  EXPECT_EQ(total().duplicate, 1000u);
}

TEST_F(RunnerTest, a_row_keeps_the_reference_version_that_was_in_force) {
  start();
  ASSERT_TRUE(put({event_json(1, "c1", ",\"loc\":\"l1\"")}).has_value());
  ASSERT_TRUE(runner_->references().switch_to(locations("West gate"), "test", 1).has_value());
  ASSERT_TRUE(put({event_json(2, "c1", ",\"loc\":\"l1\"")}).has_value());
  for (int round = 0; round < 2; ++round) {
    auto first = *runner_->tables().find_row("detections", event_id(1));
    auto second = *runner_->tables().find_row("detections", event_id(2));
    ASSERT_TRUE(first && second);
    EXPECT_EQ(text_of("detections", *first, "location_name"), "East gate");
    EXPECT_EQ(text_of("detections", *second, "location_name"), "West gate");
    references_.clear();  // a restart without the file: the log and the catalog know
    start();
  }
}

TEST_F(RunnerTest, a_version_put_by_hand_outlives_a_restart_with_the_unchanged_file) {
  start();
  ASSERT_TRUE(runner_->references().switch_to(locations("West gate"), "by hand", 1).has_value());
  std::uint32_t put = runner_->references().active("locations").version;
  start();
  EXPECT_EQ(runner_->references().active("locations").version, put);
  references_ = {locations("North gate")};
  start();
  EXPECT_GT(runner_->references().active("locations").version, put);
}

TEST_F(RunnerTest, damage_in_the_log_is_a_gap_and_all_else_comes_back) {
  start();
  std::uint64_t count = 0;
  for (int i = 0; i < 60; ++i) {
    std::vector<std::string> events;
    for (int k = 0; k < 100; ++k) {
      events.push_back(event_json(i * 100 + k, "c1",
                                  ",\"attr\":{\"note\":\"" + std::string(2'000, 'x') + "\"}"));
    }
    ASSERT_TRUE(put(events).has_value());
    count += events.size();
  }
  runner_.reset();
  std::vector<std::filesystem::path> segments;
  for (const auto& entry : std::filesystem::directory_iterator(directory_ / "log/journal-0")) {
    if (entry.path().filename().string().starts_with("segment-")) segments.push_back(entry.path());
  }
  ASSERT_GE(segments.size(), 3u);
  std::sort(segments.begin(), segments.end());
  std::fstream file(segments[0], std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(1'000'000);
  file.put('\x7f');
  file.close();
  start();
  ASSERT_EQ(runner_->report().gaps.size(), 1u);
  EXPECT_EQ(runner_->report().gaps[0].segment, segments[0]);
  std::uint64_t rows = runner_->tables().cut("detections")->tables.at("detections").row_count();
  EXPECT_LT(rows, count);
  EXPECT_GT(rows, count - 600);  // a block holds no more
  ASSERT_TRUE(put({event_json(1'000'000)}).has_value());
}

// Each life of the server is a process of its own, which an event ends.
class CrashTest : public RunnerTest {
 protected:
  // Starts, puts where `events` are given, and says whether the process came through.
  bool survives(const std::vector<std::string>& events) {
    pid_t child = fork();
    if (child == 0) {
      // No thread of this process lives on in the child: it makes its own.
      io::ThreadPool readers("test-reader", 1, 100);
      RunnerConfig config = runner_config();
      auto runner = Runner::start(config, references_, io::system_disk(), io::system_clock(),
                                  io::system_random(), readers);
      if (!runner) _exit(1);
      if (!events.empty() && !put_to(**runner, events)) _exit(2);
      (*runner)->stop();
      readers.stop();
      _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) == 0)
        << status;
    return !WIFSIGNALED(status);
  }

  // The event goes to $dead with its bytes after `lives` crashes, and nothing else is lost.
  void expect_quarantine(int lives) {
    std::vector<std::string> events;
    for (int i = 0; i < 300; ++i) events.push_back(event_json(i));
    ASSERT_TRUE(survives(events));
    std::string poison = event_json(1000, "BOOM");
    std::vector<std::string> batch = {event_json(300), event_json(301), poison, event_json(302)};
    // The client sends until it has an answer: what was put when the process ended may be in the
    // log or not.
    int crashes = 0;
    while (!survives(batch)) ASSERT_LT(++crashes, 20);
    EXPECT_EQ(crashes, lives);
    start();
    auto cut = runner_->tables().cut("detections");
    EXPECT_EQ(cut->tables.at("detections").row_count(), 303u);
    hot::RowNumber dead_rows = cut->tables.at("detections$dead").row_count();
    ASSERT_GE(dead_rows, 1u);
    for (hot::RowNumber row = 0; row < dead_rows; ++row) {
      EXPECT_EQ(text_of("detections$dead", row, "reason"), "poison");
      EXPECT_EQ(text_of("detections$dead", row, "raw"), poison);
    }
    EXPECT_EQ(total().refused, dead_rows);
  }
};

TEST_F(CrashTest, an_event_that_ends_the_process_alone_is_quarantined) {
  settings_.decode.plant_abort_at = "BOOM";
  expect_quarantine(3);
}

TEST_F(CrashTest, an_event_that_ends_the_process_in_a_batch_is_found_and_quarantined) {
  // The first crash says which batch it was, the next three which event.
  settings_.plant_abort_in_batch_at = "BOOM";
  expect_quarantine(4);
}

TEST_F(RunnerTest, a_full_memory_throttles_and_loses_nothing) {
  memory_bytes_ = 8u << 20;
  start();
  int accepted = 0;
  bool throttled = false;
  for (int i = 0; i < 400 && !throttled; ++i) {
    std::vector<std::string> events;
    for (int k = 0; k < 100; ++k) {
      events.push_back(
          event_json(i * 100 + k, "c1",
                     ",\"attr\":{\"note\":\"" + std::string(300, 'x') + std::to_string(i) + "\"}"));
    }
    auto outcomes = put(events);
    if (outcomes) {
      accepted += 100;
    } else {
      EXPECT_EQ(outcomes.error().code(), Code::kThrottled) << outcomes.error().to_string();
      throttled = true;
    }
  }
  EXPECT_TRUE(throttled);
  EXPECT_EQ(runner_->tables().cut("detections")->tables.at("detections").row_count(), accepted);
}

TEST_F(RunnerTest, a_split_keeps_order_and_closes_the_parent) {
  start();
  ASSERT_TRUE(put({event_json(1), event_json(2)}).has_value());
  auto info = *runner_->streams().find("detections");
  HashKey middle = info.partitions[0].hash_first +
                   (info.partitions[0].hash_last - info.partitions[0].hash_first) / 2 + 1;
  ASSERT_TRUE(runner_->streams().split("detections", 0, middle).has_value());
  ASSERT_TRUE(put({event_json(3), event_json(4), event_json(5)}).has_value());
  info = *runner_->streams().find("detections");
  ASSERT_EQ(info.partitions.size(), 4u);
  ASSERT_TRUE(info.partitions[0].last.has_value());
  std::promise<Result<StoredRecords>> answer;
  runner_->streams().read(info.id, 0, runner_->streams().trim_horizon(info.id), 100, 1u << 20,
                          [&](Result<StoredRecords> read) { answer.set_value(std::move(read)); });
  auto read = answer.get_future().get();
  ASSERT_TRUE(read.has_value()) << read.error().to_string();
  EXPECT_TRUE(read->closed_and_read);
  for (const StoredRecord& record : read->records)
    EXPECT_LE(record.position, *info.partitions[0].last);
}

}  // namespace
}  // namespace freshet::pipeline

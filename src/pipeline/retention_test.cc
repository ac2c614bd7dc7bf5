// What leaves log and memory where rows are archived: never what no file holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "pipeline/runner_test_support.h"

namespace freshet::pipeline {
namespace {

class RetentionTest : public RunnerTest {
 protected:
  RetentionTest() {
    settings_.archived = true;
    settings_.dedup.horizon_us = 1000;
    checkpoint_records_ = 0;  // the log is the only truth
  }

  // `mebibytes` of new events.
  Status put_mebibytes(int mebibytes) {
    std::vector<std::string> events;
    for (int i = 0; i < mebibytes * 16; ++i) {
      ++events_;
      events.push_back(event_json(events_, "c1",
                                  ",\"attributes\":{\"a\":\"" + std::string(60'000, 'x') + "\"}"));
      events.back() += std::string(4'000, ' ');
    }
    auto outcomes = put(events);
    if (!outcomes) {
      events_ -= mebibytes * 16;
      return std::move(outcomes).error();
    }
    return ok();
  }
  void archive_up_to(Position boundary) {
    auto tables = runner_->tables().pipeline_of("detections")->tables();
    for (const char* name : {"detections", "detections$dead", "detections$dupes"})
      tables->set_archived(name, {boundary, nullptr});
  }
  Position published() { return runner_->tables().cut("detections")->position; }
  Position first_kept() {
    return runner_->streams().trim_horizon(runner_->streams().find("detections")->id);
  }
  std::uint64_t rows() {
    return runner_->tables().cut("detections")->tables.at("detections").row_count();
  }
  // The shard looks once a second.
  static bool comes_true(const std::function<bool()>& what) {
    for (int i = 0; i < 1'000; ++i) {
      if (what()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  static void wait_for_upkeep() { std::this_thread::sleep_for(std::chrono::milliseconds(2'200)); }

  int events_ = 0;
};

TEST_F(RetentionTest,
       a_stream_that_is_full_of_what_is_not_archived_refuses_puts_and_loses_nothing) {
  stream_.keep_bytes = 3u << 20;
  start();
  Status last = ok();
  ASSERT_TRUE(comes_true([&] {
    last = put_mebibytes(1);
    return !last;
  }));
  EXPECT_EQ(last.error().number(), 3407);
  EXPECT_EQ(last.error().code(), Code::kThrottled);
  EXPECT_EQ(rows(), static_cast<std::uint64_t>(events_));
  EXPECT_LE(first_kept(), Position{1});
  // The archive takes them: puts go on, and the oldest records may go.
  archive_up_to(published());
  EXPECT_TRUE(comes_true([&] { return put_mebibytes(1).has_value(); }));
  EXPECT_TRUE(comes_true([&] { return first_kept() > Position{1}; }));
}

TEST_F(RetentionTest, what_is_not_archived_may_go_where_the_user_says_so) {
  stream_.keep_bytes = 3u << 20;
  stream_.before_archive = true;
  start();
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(put_mebibytes(1));
  EXPECT_TRUE(comes_true([&] { return first_kept() > Position{1}; }));
  EXPECT_TRUE(put_mebibytes(1));
  EXPECT_LT(rows(), static_cast<std::uint64_t>(events_));
}

TEST_F(RetentionTest, log_segments_wait_for_the_archive_whatever_their_age) {
  stream_.keep_us = 1'000;
  start();
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(put_mebibytes(1));
  wait_for_upkeep();
  start();
  EXPECT_EQ(rows(), static_cast<std::uint64_t>(events_));
}

TEST_F(RetentionTest, a_stream_goes_only_when_its_rows_are_archived) {
  start();
  ASSERT_TRUE(put({event_json(1)}).has_value());
  Status removed = runner_->streams().remove("detections");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().number(), 3435);
  // It goes on as it was.
  ASSERT_TRUE(put({event_json(2)}).has_value());
  EXPECT_EQ(rows(), 2u);
  runner_->streams().use_archive(
      [&]() -> Status { return Error(Code::kUnavailable, 3707, "the store is away"); });
  removed = runner_->streams().remove("detections");
  ASSERT_FALSE(removed);
  EXPECT_THAT(removed.error().message(), testing::HasSubstr("the store is away"));
  runner_->streams().use_archive([&] {
    archive_up_to(published());
    return ok();
  });
  removed = runner_->streams().remove("detections");
  EXPECT_TRUE(removed) << removed.error().to_string();
  EXPECT_FALSE(runner_->streams().find("detections").has_value());
}

TEST_F(RetentionTest, a_stream_goes_with_what_is_not_archived_where_the_user_says_so) {
  stream_.before_archive = true;
  start();
  ASSERT_TRUE(put({event_json(1)}).has_value());
  EXPECT_TRUE(runner_->streams().remove("detections"));
}

}  // namespace
}  // namespace freshet::pipeline

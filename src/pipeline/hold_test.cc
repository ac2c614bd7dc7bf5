// What a hold keeps, and what an erasure that is over keeps out, in a runner.
#include <atomic>
#include <chrono>
#include <thread>

#include "pipeline/runner_test_support.h"

namespace freshet::pipeline {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kNowUs = 1'795'860'000 * kSecondUs;  // 2026-11-28

// Moved by the test while shards read it.
class MovedClock : public io::Clock {
 public:
  std::int64_t wall_us() override { return kNowUs + moved_us_; }
  std::int64_t monotonic_ns() override { return moved_us_ * 1000; }
  void advance_us(std::int64_t us) { moved_us_ += us; }

 private:
  std::atomic<std::int64_t> moved_us_{0};
};

class HoldTest : public RunnerTest {
 protected:
  HoldTest() { settings_.dedup.horizon_us = 10 * kSecondUs; }
  ~HoldTest() override { end(); }  // shards read the clock

  void start_by_the_clock() {
    end();
    readers_ = std::make_unique<io::ThreadPool>("test-reader", 1, 100);
    RunnerConfig config = runner_config();
    config.streams[0].keep_us = 60 * kSecondUs;
    auto runner = Runner::start(config, references_, io::system_disk(), clock_, io::system_random(),
                                *readers_);
    ASSERT_TRUE(runner.has_value()) << runner.error().to_string();
    runner_ = *std::move(runner);
  }

  std::uint64_t rows() { return runner_->tables().snapshot("detections")->row_count(); }
  void wait_for_rows(std::uint64_t count) {
    for (int i = 0; i < 1'000 && rows() != count; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_EQ(rows(), count);
  }

  MovedClock clock_;
};

TEST_F(HoldTest, WhatAHoldCoversOutlivesItsRetentionUntilItIsLifted) {
  start_by_the_clock();
  ASSERT_TRUE(put({event_json(1)}).has_value());
  clock_.advance_us(30 * kSecondUs);
  ASSERT_TRUE(put({event_json(2)}).has_value());
  catalog::HoldRow hold;
  hold.name = "case";
  hold.camera_id = "c1";
  hold.arrived_from_us = clock_.wall_us() - kSecondUs;
  hold.placed_us = clock_.wall_us();
  ASSERT_TRUE(runner_->catalog().add_hold(hold).has_value());
  ASSERT_TRUE(runner_->apply_holds().has_value());
  clock_.advance_us(10 * 60 * kSecondUs);
  wait_for_rows(1);  // the first has gone, so the second was looked at too
  start_by_the_clock();
  EXPECT_EQ(rows(), 1u);
  EXPECT_TRUE(runner_->rows_are_held());
  auto removed = runner_->streams().remove("detections");
  ASSERT_FALSE(removed.has_value());
  EXPECT_EQ(removed.error().number(), 3442);
  ASSERT_TRUE(runner_->catalog().lift_hold("case", clock_.wall_us(), "me").has_value());
  ASSERT_TRUE(runner_->apply_holds().has_value());
  clock_.advance_us(2 * kSecondUs);
  wait_for_rows(0);
}

TEST_F(HoldTest, AnErasedIdIsKeptOutForTheHorizonAndCounted) {
  start_by_the_clock();
  catalog::ErasureRow row;
  row.state = "done";
  row.changed_us = clock_.wall_us();
  ErasedIds ids(runner_->catalog().erasure_key());
  ids.add({0x4000, 0x8000000000000007});
  row.digests = ids.digests();
  ASSERT_TRUE(runner_->catalog().add_erasure(row).has_value());
  start_by_the_clock();
  ASSERT_TRUE(put({event_json(7), event_json(8)}).has_value());
  EXPECT_EQ(rows(), 1u);
  EXPECT_EQ(total().erased, 1u);
  EXPECT_EQ(total().received, 2u);
  start_by_the_clock();
  EXPECT_EQ(rows(), 1u);
  EXPECT_EQ(total().erased, 1u);
  clock_.advance_us(11 * kSecondUs);
  start_by_the_clock();
  ASSERT_TRUE(put({event_json(7)}).has_value());
  EXPECT_EQ(rows(), 2u);
}

}  // namespace
}  // namespace freshet::pipeline

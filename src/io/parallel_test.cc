#include "io/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace freshet::io {
namespace {

// An executor that takes no work, or forgets it until later.
class LazyExecutor : public Executor {
 public:
  explicit LazyExecutor(bool accepts) : accepts_(accepts) {}
  bool post(std::function<void()> work) override {
    if (accepts_) later_.push_back(std::move(work));
    return accepts_;
  }
  void run_all() {
    for (auto& work : later_) work();
  }

 private:
  bool accepts_;
  std::vector<std::function<void()>> later_;
};

TEST(ParallelFor, calls_each_once_with_and_without_helpers) {
  ThreadPool pool("test", 3, 100);
  for (Executor* executor : {static_cast<Executor*>(nullptr), static_cast<Executor*>(&pool)}) {
    for (std::size_t count : {0u, 1u, 2u, 1000u}) {
      std::vector<std::atomic<int>> calls(count);
      parallel_for(executor, 3, count, [&](std::size_t i) { ++calls[i]; });
      for (const auto& each : calls) EXPECT_EQ(each, 1);
    }
  }
  pool.stop();
}

TEST(ParallelFor, goes_in_order_without_an_executor) {
  std::vector<std::size_t> order;
  parallel_for(nullptr, 3, 4, [&](std::size_t i) { order.push_back(i); });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST(ParallelFor, ends_without_helpers_that_never_come_or_come_too_late) {
  LazyExecutor full(false), late(true);
  for (LazyExecutor* executor : {&full, &late}) {
    int calls = 0;
    parallel_for(executor, 2, 5, [&](std::size_t) { ++calls; });
    EXPECT_EQ(calls, 5);
    executor->run_all();
    EXPECT_EQ(calls, 5);
  }
}

}  // namespace
}  // namespace freshet::io

#include "io/write_queue.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

namespace freshet::io {
namespace {

struct AlignedPage {
  explicit AlignedPage(std::size_t bytes, char fill)
      : memory(static_cast<std::byte*>(std::aligned_alloc(kDirectBytes, bytes))), size(bytes) {
    std::memset(memory, fill, bytes);
  }
  ~AlignedPage() { std::free(memory); }
  AlignedPage(const AlignedPage&) = delete;
  AlignedPage& operator=(const AlignedPage&) = delete;
  std::span<const std::byte> bytes() const { return {memory, size}; }
  std::byte* memory;
  std::size_t size;
};

// Every test runs over both sides of the seam.
class WriteQueueTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/freshet-write-queue-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    if (std::string_view(GetParam()) == "thread") {
      queue_ = make_thread_write_queue();
      return;
    }
    auto ring = make_uring_write_queue();
    if (!ring.has_value()) {
      ASSERT_EQ(ring.error().code(), Code::kUnsupported);
      GTEST_SKIP() << ring.error().message();
    }
    queue_ = *std::move(ring);
  }
  void TearDown() override {
    queue_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<File> prepared_file(const std::string& name, std::size_t bytes) {
    std::string path = folder_ + "/" + name;
    auto made = system_disk().open(path, OpenMode::kCreate);
    EXPECT_TRUE(made.has_value());
    std::vector<std::byte> zeros(bytes);
    EXPECT_TRUE((*made)->write(0, zeros).has_value());
    EXPECT_TRUE((*made)->sync().has_value());
    auto file = system_disk().open(path, OpenMode::kDirectWrite);
    EXPECT_TRUE(file.has_value());
    return *std::move(file);
  }

  std::vector<Completion> wait_for(std::size_t count) {
    std::vector<Completion> done;
    for (int round = 0; round < 1000 && done.size() < count; ++round) {
      queue_->wait(done, 100'000);
    }
    return done;
  }

  std::string folder_;
  std::unique_ptr<WriteQueue> queue_;
};

TEST_P(WriteQueueTest, SaysWhatItIs) {
  EXPECT_EQ(queue_->kind(), GetParam());
}

TEST_P(WriteQueueTest, WritesWhatItWasGivenAndReportsTheTag) {
  auto file = prepared_file("a", 64 * 1024);
  AlignedPage first(4096, 'a');
  AlignedPage second(16384, 'b');
  queue_->submit(*file, 0, first.bytes(), 7);
  queue_->submit(*file, 4096, second.bytes(), 8);
  auto done = wait_for(2);
  ASSERT_EQ(done.size(), 2u);
  std::uint64_t tags = 0;
  for (const Completion& completion : done) {
    EXPECT_TRUE(completion.status.has_value());
    tags += completion.tag;
  }
  EXPECT_EQ(tags, 15u);
  std::string content(24576, '?');
  auto reader = system_disk().open(folder_ + "/a", OpenMode::kRead);
  auto got = (*reader)->read(0, std::as_writable_bytes(std::span(content)));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(content.substr(0, 4096), std::string(4096, 'a'));
  EXPECT_EQ(content.substr(4096, 16384), std::string(16384, 'b'));
  EXPECT_EQ(content.substr(20480), std::string(4096, '\0'));
}

TEST_P(WriteQueueTest, TakesMoreWritesThanItsRingHolds) {
  auto file = prepared_file("many", 1 << 20);
  AlignedPage page(4096, 'x');
  for (std::uint64_t i = 0; i < 200; ++i) queue_->submit(*file, i * 4096, page.bytes(), i);
  auto done = wait_for(200);
  EXPECT_EQ(done.size(), 200u);
  for (const Completion& completion : done) EXPECT_TRUE(completion.status.has_value());
}

TEST_P(WriteQueueTest, ReportsAFailedWrite) {
  auto file = prepared_file("a", 4096);
  auto read_only = system_disk().open(folder_ + "/a", OpenMode::kRead);
  AlignedPage page(4096, 'x');
  queue_->submit(**read_only, 0, page.bytes(), 3);
  auto done = wait_for(1);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].tag, 3u);
  EXPECT_FALSE(done[0].status.has_value());
}

TEST_P(WriteQueueTest, ReportsAFullDisk) {
  auto full = system_disk().open("/dev/full", OpenMode::kWrite);
  if (!full.has_value()) GTEST_SKIP() << "no /dev/full here";
  AlignedPage page(4096, 'x');
  queue_->submit(**full, 0, page.bytes(), 3);
  auto done = wait_for(1);
  ASSERT_EQ(done.size(), 1u);
  ASSERT_FALSE(done[0].status.has_value());
  EXPECT_EQ(done[0].status.error().code(), Code::kNoSpace);
}

TEST_P(WriteQueueTest, AWakeBeforeTheWaitIsNotLost) {
  std::vector<Completion> done;
  queue_->wake();
  auto start = std::chrono::steady_clock::now();
  queue_->wait(done, 5'000'000);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
  EXPECT_TRUE(done.empty());
}

TEST_P(WriteQueueTest, AWakeFromAnotherThreadEndsTheWaitEachTime) {
  std::vector<Completion> done;
  for (int round = 0; round < 20; ++round) {
    std::thread other([&] { queue_->wake(); });
    auto start = std::chrono::steady_clock::now();
    queue_->wait(done, 5'000'000);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
    other.join();
  }
}

TEST_P(WriteQueueTest, ATimeoutOfZeroOnlyLooks) {
  std::vector<Completion> done;
  queue_->wait(done, 0);
  EXPECT_TRUE(done.empty());
  queue_->wait(done, 1000);
  EXPECT_TRUE(done.empty());
}

TEST_P(WriteQueueTest, DestructionWaitsForWhatIsOnItsWay) {
  auto file = prepared_file("a", 1 << 20);
  AlignedPage page(1 << 20, 'x');
  queue_->submit(*file, 0, page.bytes(), 1);
  queue_.reset();
  std::string content(1 << 20, '?');
  auto reader = system_disk().open(folder_ + "/a", OpenMode::kRead);
  ASSERT_TRUE((*reader)->read(0, std::as_writable_bytes(std::span(content))).has_value());
  EXPECT_EQ(content, std::string(1 << 20, 'x'));
}

INSTANTIATE_TEST_SUITE_P(BothSides, WriteQueueTest, testing::Values("io_uring", "thread"));

TEST(MakeWriteQueueTest, AlwaysGivesOne) {
  EXPECT_FALSE(make_write_queue()->kind().empty());
}

}  // namespace
}  // namespace freshet::io

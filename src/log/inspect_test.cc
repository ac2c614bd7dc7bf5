#include "log/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "log/journal.h"

namespace freshet::log {
namespace {

using testing::Contains;
using testing::HasSubstr;

class InspectTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/freshet-inspect-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    config_.directory = folder;
    config_.data_directory_id = 4711;
    config_.segment_bytes = 1 << 20;
    open();
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(journal_->append(1, 0, RecordKind::kData, "k", std::string(5000, 'x'), 1'000'000)
                      .has_value());
      flush();
    }
  }
  void TearDown() override {
    journal_.reset();
    std::filesystem::remove_all(config_.directory);
  }
  void open() {
    auto opened = Journal::open(config_, io::system_disk(), *queue_, clock_, random_);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    journal_ = *std::move(opened);
  }
  void flush() {
    ASSERT_TRUE(journal_->submit().has_value());
    drain();
    ASSERT_TRUE(journal_->submit_watermark().has_value());
    drain();
  }
  void drain() {
    std::vector<io::Completion> done;
    while (journal_->blocks_in_flight() > 0) {
      done.clear();
      queue_->wait(done, 100'000);
      for (const auto& completion : done) {
        ASSERT_TRUE(journal_->complete(completion).has_value());
      }
    }
  }
  InspectedJournal inspect(bool blocks = false) {
    auto journal = inspect_journal(io::system_disk(), config_.directory, {.blocks = blocks});
    EXPECT_TRUE(journal.has_value()) << journal.error().to_string();
    return journal.has_value() ? *journal : InspectedJournal{};
  }
  void flip(const std::string& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    char byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 1));
  }

  Config config_;
  std::unique_ptr<io::WriteQueue> queue_ = io::make_thread_write_queue();
  io::ManualClock clock_{1'700'000'000'000'000};
  io::SeededRandom random_{1};
  std::unique_ptr<Journal> journal_;
};

TEST_F(InspectTest, TellsSegmentsAndBlocks) {
  InspectedJournal journal = inspect(true);
  ASSERT_EQ(journal.segments.size(), 1u);
  const InspectedSegment& segment = journal.segments[0];
  EXPECT_EQ(segment.state, InspectedSegment::State::kUsed);
  EXPECT_EQ(segment.records, 5u);
  EXPECT_EQ(segment.blocks, 11u);  // the start, and a watermark behind each block
  EXPECT_EQ(segment.listed_blocks.size(), 11u);
  EXPECT_EQ(segment.first_position, kPositionsPerEpoch);
  EXPECT_EQ(segment.last_position, kPositionsPerEpoch + 4);
  EXPECT_EQ(journal.last_position, kPositionsPerEpoch + 4);
  EXPECT_EQ(journal.damaged_areas, 0u);
  auto lines = describe_journal(journal);
  EXPECT_THAT(lines, Contains(HasSubstr(" epoch=1 nonce=")));
  EXPECT_THAT(lines, Contains(HasSubstr("sequence=2 durable=1")));
  EXPECT_THAT(lines, Contains(HasSubstr("epoch-start")));
}

TEST_F(InspectTest, NamesDamageWithItsOffset) {
  journal_.reset();
  std::string path = inspect().segments[0].path;
  flip(path, kSegmentDataOffset + kPageBytes + 1000);
  InspectedJournal journal = inspect();
  EXPECT_EQ(journal.damaged_areas, 1u);
  EXPECT_THAT(describe_journal(journal), Contains(HasSubstr("offset=12288 bytes=8192 DAMAGE")));
}

TEST_F(InspectTest, TellsADamagedHeaderAndAForeignSegment) {
  journal_.reset();
  std::string path = inspect().segments[0].path;
  std::string other = config_.directory + "/segment-000000000009-epoch-000009.log";
  std::filesystem::copy_file(path, other);
  InspectedJournal journal = inspect();
  ASSERT_EQ(journal.segments.size(), 2u);
  EXPECT_EQ(journal.segments[1].state, InspectedSegment::State::kForeign);
  EXPECT_THAT(journal.segments[1].remark, HasSubstr("FRS-3103"));
  std::filesystem::remove(other);
  flip(path, 0);
  flip(path, kPageBytes);
  EXPECT_EQ(inspect().segments[0].state, InspectedSegment::State::kDamagedHeader);
}

TEST_F(InspectTest, ChangesNothing) {
  journal_.reset();
  std::string path = inspect().segments[0].path;
  auto before = std::filesystem::last_write_time(path);
  (void)inspect(true);
  EXPECT_EQ(std::filesystem::last_write_time(path), before);
}

TEST_F(InspectTest, AFolderWithoutSegmentsIsNotFound) {
  auto none = inspect_journal(io::system_disk(), "/tmp", {});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code(), Code::kNotFound);
  EXPECT_FALSE(inspect_journal(io::system_disk(), "/nowhere/at/all", {}).has_value());
}

}  // namespace
}  // namespace freshet::log

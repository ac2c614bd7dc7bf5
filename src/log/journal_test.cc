#include "log/journal.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "log/format.h"
#include "log/reader.h"

namespace freshet::log {
namespace {

struct Seen {
  StreamId stream = 0;
  PartitionId partition = 0;
  RecordKind kind = RecordKind::kData;
  std::uint64_t position = 0;
  std::int64_t arrival_us = 0;
  std::string key;
  std::string data;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen seen(const Record& record) {
  return {record.stream,           record.partition,  record.kind,
          record.position.value,   record.arrival_us, std::string(record.partition_key),
          std::string(record.data)};
}

// The real disk, and each side of the write queue.
class JournalTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/freshet-journal-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    config_.directory = folder_ + "/journal-0";
    config_.data_directory_id = 4711;
    config_.segment_bytes = 1 << 20;
    config_.block_bytes_max = 64 << 10;
    if (std::string_view(GetParam()) == "io_uring") {
      auto ring = io::make_uring_write_queue();
      if (!ring.has_value()) GTEST_SKIP() << ring.error().message();
      queue_ = *std::move(ring);
    } else {
      queue_ = io::make_thread_write_queue();
    }
    open();
  }
  void TearDown() override {
    journal_.reset();
    queue_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    journal_.reset();
    auto opened = Journal::open(config_, io::system_disk(), *queue_, clock_, random_);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    journal_ = *std::move(opened);
  }

  Error open_error() {
    journal_.reset();
    auto opened = Journal::open(config_, io::system_disk(), *queue_, clock_, random_);
    EXPECT_FALSE(opened.has_value());
    return opened.error();
  }

  std::uint64_t append(StreamId stream, PartitionId partition, std::string_view key,
                       std::string_view data) {
    for (int round = 0; round < 10'000; ++round) {
      auto position =
          journal_->append(stream, partition, RecordKind::kData, key, data, clock_.wall_us());
      if (position.has_value()) {
        wrote_.push_back({stream, partition, RecordKind::kData, position->value,
                          journal_->open_block_arrival_us(), std::string(key), std::string(data)});
        return position->value;
      }
      EXPECT_EQ(position.error().code(), Code::kUnavailable);
      if (journal_->open_block_records() > 0 && journal_->can_submit()) {
        EXPECT_TRUE(journal_->submit().has_value());
      }
      turn(10'000);
    }
    ADD_FAILURE() << "no room";
    return 0;
  }

  // One round of a shard's loop.
  void turn(std::int64_t timeout_us) {
    EXPECT_TRUE(journal_->prepare_segments().has_value());
    std::vector<io::Completion> done;
    queue_->wait(done, timeout_us);
    for (const auto& completion : done) {
      Status status = journal_->complete(completion);
      EXPECT_TRUE(status.has_value()) << status.error().to_string();
    }
  }

  void flush() {
    while (!journal_->can_submit()) turn(100'000);
    if (journal_->open_block_records() > 0) {
      Status status = journal_->submit();
      ASSERT_TRUE(status.has_value()) << status.error().to_string();
    }
    while (journal_->blocks_in_flight() > 0) turn(100'000);
    ASSERT_TRUE(journal_->submit_watermark().has_value());
    while (journal_->blocks_in_flight() > 0) turn(100'000);
  }

  std::vector<Seen> replay(std::uint64_t from = 0) {
    std::vector<Seen> all;
    Status status = journal_->replay({from}, [&](const Record& record) {
      all.push_back(seen(record));
      return ok();
    });
    EXPECT_TRUE(status.has_value()) << status.error().to_string();
    return all;
  }

  std::vector<Seen> written(StreamId stream, PartitionId partition, std::uint64_t from = 0) const {
    std::vector<Seen> some;
    for (const Seen& each : wrote_) {
      if (each.stream == stream && each.partition == partition && each.position >= from) {
        some.push_back(each);
      }
    }
    return some;
  }

  // Everything of a partition, through as many calls as the limits ask for.
  std::vector<Seen> read_all(StreamId stream, PartitionId partition, std::uint64_t from,
                             const ReadLimits& limits = {}) {
    std::vector<Seen> all;
    Position next{from};
    for (int call = 0; call < 100'000; ++call) {
      auto end = journal_->reader().read(stream, partition, next, {~0ull}, limits,
                                         [&](const Record& record) {
                                           all.push_back(seen(record));
                                           return ok();
                                         });
      EXPECT_TRUE(end.has_value()) << end.error().to_string();
      if (!end.has_value() || end->at_end) return all;
      next = end->next;
    }
    ADD_FAILURE() << "never at the end";
    return all;
  }

  std::vector<std::string> files(std::string_view prefix) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(config_.directory)) {
      std::string name = entry.path().filename();
      if (name.starts_with(prefix)) names.push_back(entry.path());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  static void flip(const std::string& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    char byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 0x10));
  }

  std::string file_with_block_at(std::uint64_t offset) const {
    for (const std::string& path : files("segment-")) {
      std::ifstream file(path, std::ios::binary);
      file.seekg(static_cast<std::streamoff>(offset));
      std::uint64_t magic = 0;
      file.read(reinterpret_cast<char*>(&magic), sizeof(magic));
      if (magic == kBlockMagic) return path;
    }
    ADD_FAILURE() << "no block at " << offset;
    return "";
  }

  std::string folder_;
  Config config_;
  std::unique_ptr<io::WriteQueue> queue_;
  io::ManualClock clock_{1'700'000'000'000'000};
  io::SeededRandom random_{1};
  std::unique_ptr<Journal> journal_;
  std::vector<Seen> wrote_;
};

TEST_P(JournalTest, ANewJournalIsEmpty) {
  EXPECT_EQ(journal_->recovery().epoch, 1u);
  EXPECT_EQ(journal_->recovery().last.value, 0u);
  EXPECT_TRUE(replay().empty());
  EXPECT_EQ(journal_->durable().value, 0u);
  EXPECT_TRUE(read_all(1, 0, 0).empty());
}

TEST_P(JournalTest, RecordsAreReadBackAfterARestartInOrder) {
  std::uint64_t first = append(1, 0, "camera-1", "a");
  EXPECT_EQ(first, kPositionsPerEpoch);
  append(2, 7, "camera-2", std::string(5000, 'b'));
  append(1, 0, "", "");
  flush();
  EXPECT_EQ(journal_->durable().value, wrote_.back().position);
  open();
  EXPECT_EQ(replay(), wrote_);
  EXPECT_EQ(journal_->recovery().last.value, wrote_.back().position);
  EXPECT_EQ(journal_->recovery().records, 3u);
  EXPECT_EQ(journal_->recovery().epoch, 2u);
  EXPECT_TRUE(journal_->recovery().gaps.empty());
}

TEST_P(JournalTest, EachEpochBeginsAtItsOwnPositionsAndTheOldRecordsStay) {
  for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) {
    EXPECT_EQ(append(1, 0, "k", std::to_string(epoch)), epoch * kPositionsPerEpoch);
    append(1, 1, "k", "more");
    flush();
    open();
    EXPECT_EQ(replay(), wrote_);
  }
}

TEST_P(JournalTest, WhatWasNotSubmittedIsNotThereAfterwards) {
  append(1, 0, "k", "kept");
  flush();
  auto lost = journal_->append(1, 0, RecordKind::kData, "k", "lost", clock_.wall_us());
  ASSERT_TRUE(lost.has_value());
  open();
  EXPECT_EQ(replay(), wrote_);
}

TEST_P(JournalTest, ArrivalTimeNeverRunsBackwards) {
  append(1, 0, "k", "a");
  flush();
  std::int64_t first = wrote_.back().arrival_us;
  clock_.step_wall_us(-86'400'000'000);
  append(1, 0, "k", "b");
  flush();
  EXPECT_EQ(wrote_.back().arrival_us, first);
  open();
  append(1, 0, "k", "c");
  EXPECT_EQ(wrote_.back().arrival_us, first);
}

TEST_P(JournalTest, ManyBlocksRunThroughManySegments) {
  io::SeededRandom random(7);
  for (int i = 0; i < 20'000; ++i) {
    append(1 + static_cast<StreamId>(random.below(2)), static_cast<PartitionId>(random.below(5)),
           "key-" + std::to_string(random.below(50)), std::string(random.below(400), 'x'));
    clock_.advance_us(37);
    if (journal_->open_block_is_full() || random.below(50) == 0) {
      while (!journal_->can_submit()) turn(100'000);
      ASSERT_TRUE(journal_->submit().has_value());
    }
  }
  flush();
  EXPECT_GT(files("segment-").size(), 3u);
  for (StreamId stream : {1u, 2u}) {
    EXPECT_EQ(read_all(stream, 3, 0), written(stream, 3));
    EXPECT_EQ(read_all(stream, 3, 0, {.records_max = 7}), written(stream, 3));
    EXPECT_EQ(read_all(stream, 4, 0, {.bytes_max = 1}), written(stream, 4));
    std::uint64_t middle = wrote_[wrote_.size() / 2].position;
    EXPECT_EQ(read_all(stream, 0, middle), written(stream, 0, middle));
  }
  open();
  EXPECT_EQ(replay(), wrote_);
  std::uint64_t middle = wrote_[wrote_.size() / 3].position;
  EXPECT_EQ(replay(middle), std::vector<Seen>(wrote_.begin() + wrote_.size() / 3, wrote_.end()));
  EXPECT_EQ(read_all(2, 1, 0), written(2, 1));
}

TEST_P(JournalTest, TimesLeadToPositionsInMemoryAndOnDisk) {
  config_.recent_bytes_max = 256 << 10;
  open();
  std::vector<std::pair<std::int64_t, std::uint64_t>> firsts;
  for (int block = 0; block < 200; ++block) {
    clock_.advance_us(1000);
    std::uint64_t position = append(1, 0, "k", std::string(6000, 'x'));
    firsts.push_back({clock_.wall_us(), position});
    append(1, 0, "k", "y");
    flush();
  }
  auto check = [&] {
    for (auto [us, position] : firsts) {
      EXPECT_EQ(journal_->position_at_time(us).value, position);
      EXPECT_EQ(journal_->position_at_time(us - 999).value, position);
    }
    EXPECT_EQ(journal_->position_at_time(0).value, firsts.front().second);
    EXPECT_EQ(journal_->position_at_time(firsts.back().first + 1).value,
              wrote_.back().position + 1);
  };
  check();
  open();
  check();
}

TEST_P(JournalTest, ReadStopsAtUntil) {
  append(1, 0, "k", "a");
  std::uint64_t second = append(1, 0, "k", "b");
  flush();
  std::vector<std::string> data;
  auto end = journal_->reader().read(1, 0, {0}, {second}, {}, [&](const Record& record) {
    data.emplace_back(record.data);
    return ok();
  });
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(data, std::vector<std::string>{"a"});
  EXPECT_EQ(end->next.value, second);
}

TEST_P(JournalTest, ReadersSeeNothingBeforeItIsDurable) {
  append(1, 0, "k", "a");
  EXPECT_TRUE(read_all(1, 0, 0).empty());
  ASSERT_TRUE(journal_->submit().has_value());
  EXPECT_TRUE(read_all(1, 0, 0).empty());
  std::vector<Seen> submitted;
  ASSERT_TRUE(journal_
                  ->visit_submitted([&](const Record& record) {
                    submitted.push_back(seen(record));
                    return ok();
                  })
                  .has_value());
  EXPECT_EQ(submitted, wrote_);
  flush();
  EXPECT_EQ(read_all(1, 0, 0), wrote_);
}

TEST_P(JournalTest, ALargeRequestFitsOneBlock) {
  config_.segment_bytes = 64 << 20;
  config_.block_bytes_max = 1 << 20;
  open();
  for (int i = 0; i < 12; ++i) append(1, 0, "k", std::string(1 << 20, static_cast<char>('a' + i)));
  EXPECT_TRUE(journal_->open_block_is_full());
  flush();
  EXPECT_EQ(read_all(1, 0, 0), wrote_);
  open();
  EXPECT_EQ(replay(), wrote_);
  EXPECT_EQ(journal_->recovery().blocks, 4u);  // two starts, the records, a watermark
}

TEST_P(JournalTest, TrimReusesSegmentsAndSaysExpired) {
  for (int i = 0; i < 600; ++i) {
    append(1, 0, "k", std::string(10'000, 'x'));
    if (i % 5 == 4) flush();
  }
  flush();
  std::uint64_t before = journal_->bytes_on_disk();
  std::uint64_t keep = wrote_[400].position;
  ASSERT_TRUE(journal_->trim({keep}).has_value());
  for (int round = 0; round < 20; ++round) turn(1000);
  EXPECT_LT(journal_->bytes_on_disk(), before);
  Position first = journal_->first_position();
  EXPECT_GT(first.value, wrote_.front().position);
  EXPECT_LE(first.value, keep);
  auto expired = journal_->reader().read(1, 0, wrote_.empty() ? Position{} : Position{1}, {~0ull},
                                         {}, [](const Record&) { return ok(); });
  ASSERT_FALSE(expired.has_value());
  EXPECT_EQ(expired.error().code(), Code::kExpired);
  EXPECT_EQ(read_all(1, 0, first.value), written(1, 0, first.value));
  for (int i = 0; i < 200; ++i) {
    append(1, 0, "k", std::string(10'000, 'y'));
    flush();
  }
  EXPECT_EQ(read_all(1, 0, first.value), written(1, 0, first.value));
  open();
  EXPECT_EQ(journal_->first_position(), first);
  EXPECT_EQ(replay(), written(1, 0, first.value));
  EXPECT_TRUE(journal_->recovery().gaps.empty());
}

TEST_P(JournalTest, RetentionByBytesKeepsTheNewest) {
  for (int i = 0; i < 600; ++i) {
    append(1, 0, "k", std::string(10'000, 'x'));
    if (i % 5 == 4) flush();
  }
  flush();
  Position keep = journal_->position_for_bytes(4 << 20);
  ASSERT_TRUE(journal_->trim(keep).has_value());
  for (int round = 0; round < 20; ++round) turn(1000);
  EXPECT_LE(journal_->bytes_on_disk(), std::uint64_t{5} << 20);
  EXPECT_EQ(journal_->first_position(), keep);
  EXPECT_EQ(journal_->position_for_bytes(1ull << 40), keep);
}

TEST_P(JournalTest, AFlippedBitIsAGapAndNothingElseIsLost) {
  for (int i = 0; i < 10; ++i) {
    append(1, 0, "k", "record " + std::to_string(i) + std::string(5000, 'x'));
    flush();
  }
  journal_.reset();
  // Blocks: the epoch's start, then a block of two pages and a watermark for each record.
  std::uint64_t third = kSegmentDataOffset + 4096 + 2 * 3 * 4096;
  flip(files("segment-").front(), third + 3000);
  open();
  ASSERT_EQ(journal_->recovery().gaps.size(), 1u);
  const Gap& gap = journal_->recovery().gaps[0];
  EXPECT_EQ(gap.offset, third);
  EXPECT_EQ(gap.bytes, 8192u);
  EXPECT_EQ(gap.after.value, wrote_[1].position);
  EXPECT_EQ(gap.before.value, wrote_[3].position);
  std::vector<Seen> kept = wrote_;
  kept.erase(kept.begin() + 2);
  EXPECT_EQ(replay(), kept);

  std::vector<Seen> read;
  auto visit = [&](const Record& record) {
    read.push_back(seen(record));
    return ok();
  };
  auto end = journal_->reader().read(1, 0, {0}, {~0ull}, {}, visit);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(read, std::vector<Seen>(wrote_.begin(), wrote_.begin() + 2));
  EXPECT_FALSE(end->at_end);
  auto damaged = journal_->reader().read(1, 0, end->next, {~0ull}, {}, visit);
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code(), Code::kCorruption);
  EXPECT_NE(damaged.error().message().find(gap.segment), std::string::npos);
  Position behind = journal_->reader().position_behind_gap(end->next);
  EXPECT_EQ(behind.value, wrote_[3].position);
  EXPECT_EQ(read_all(1, 0, behind.value), written(1, 0, behind.value));
}

TEST_P(JournalTest, DamageInADurableBodyIsMetByReplayAndAGapWithBodiesChecked) {
  for (int i = 0; i < 400; ++i) {
    append(1, 0, "k", "record " + std::to_string(i) + std::string(5000, 'x'));
    flush();
  }
  journal_.reset();
  ASSERT_GT(files("segment-").size(), 2u);
  std::uint64_t third = kSegmentDataOffset + 4096 + 2 * 3 * 4096;
  flip(files("segment-").front(), third + 5000);
  open();
  EXPECT_TRUE(journal_->recovery().gaps.empty());
  EXPECT_EQ(journal_->recovery().records, 400u);
  Status met = journal_->replay({0}, [](const Record&) { return ok(); });
  ASSERT_FALSE(met.has_value());
  EXPECT_EQ(met.error().code(), Code::kCorruption);
  EXPECT_NE(met.error().message().find(files("segment-").front()), std::string::npos);

  config_.check_bodies = true;
  open();
  ASSERT_EQ(journal_->recovery().gaps.size(), 1u);
  EXPECT_EQ(journal_->recovery().gaps[0].after.value, wrote_[1].position);
  EXPECT_EQ(journal_->recovery().gaps[0].before.value, wrote_[3].position);
  std::vector<Seen> kept = wrote_;
  kept.erase(kept.begin() + 2);
  EXPECT_EQ(replay(), kept);
}

TEST_P(JournalTest, DamageFoundWhileReadingIsReportedAndPassedOver) {
  config_.recent_bytes_max = 0;
  open();
  std::vector<std::uint64_t> positions;
  for (int i = 0; i < 10; ++i) {
    positions.push_back(append(1, 0, "k", std::string(5000, 'x')));
    flush();
  }
  // Before them: the first start's block, written again by the second, and the second's own.
  std::uint64_t third = kSegmentDataOffset + 2 * 4096 + 2 * 3 * 4096;
  flip(file_with_block_at(third), third + 300);
  std::uint64_t read = 0;
  auto visit = [&](const Record&) {
    ++read;
    return ok();
  };
  auto end = journal_->reader().read(1, 0, {0}, {~0ull}, {}, visit);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(read, 2u);
  auto damaged = journal_->reader().read(1, 0, end->next, {~0ull}, {}, visit);
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code(), Code::kCorruption);
  Position behind = journal_->reader().position_behind_gap(end->next);
  EXPECT_EQ(behind.value, positions[3]);
  EXPECT_EQ(read_all(1, 0, behind.value).size(), 7u);
}

TEST_P(JournalTest, OneDamagedHeaderCopyIsHarmlessBothAreAGap) {
  append(1, 0, "k", "a");
  flush();
  journal_.reset();
  std::string path = files("segment-").front();
  flip(path, 40);
  open();
  EXPECT_EQ(replay(), wrote_);
  journal_.reset();
  flip(path, kPageBytes + 40);
  open();
  ASSERT_EQ(journal_->recovery().gaps.size(), 1u);
  EXPECT_EQ(journal_->recovery().gaps[0].segment, path);
  append(1, 0, "k", "b");
  EXPECT_GE(wrote_.back().position, 3 * kPositionsPerEpoch);
}

TEST_P(JournalTest, AForeignSegmentIsRefusedByName) {
  append(1, 0, "k", "a");
  flush();
  journal_.reset();
  std::string path = files("segment-").front();
  config_.data_directory_id = 4712;
  Error foreign = open_error();
  EXPECT_EQ(foreign.number(), 3102);
  EXPECT_NE(foreign.message().find(path), std::string::npos);
  config_.data_directory_id = 4711;
  config_.journal_id = 1;
  EXPECT_EQ(open_error().number(), 3102);
  config_.journal_id = 0;
  std::filesystem::rename(path, config_.directory + "/segment-000000000099-epoch-000001.log");
  EXPECT_EQ(open_error().number(), 3103);
}

TEST_P(JournalTest, ALostMiddleSegmentIsAGap) {
  for (int i = 0; i < 600; ++i) {
    append(1, 0, "k", std::string(10'000, 'x'));
    if (i % 5 == 4) flush();
  }
  flush();
  journal_.reset();
  auto paths = files("segment-");
  ASSERT_GT(paths.size(), 4u);
  std::filesystem::remove(paths[2]);
  open();
  ASSERT_FALSE(journal_->recovery().gaps.empty());
  const Gap& gap = journal_->recovery().gaps[0];
  std::vector<Seen> kept;
  for (const Seen& each : wrote_) {
    if (each.position <= gap.after.value || each.position >= gap.before.value) kept.push_back(each);
  }
  EXPECT_LT(kept.size(), wrote_.size());
  EXPECT_EQ(replay(), kept);
}

TEST_P(JournalTest, CompressedBlocksReadTheSame) {
  config_.compress = true;
  open();
  for (int i = 0; i < 2000; ++i) {
    append(1, static_cast<PartitionId>(i % 3), "camera", R"({"camera":"c1","class":"person"})");
    if (journal_->open_block_is_full()) flush();
  }
  flush();
  EXPECT_EQ(read_all(1, 2, 0), written(1, 2));
  open();
  EXPECT_EQ(replay(), wrote_);
  EXPECT_LT(journal_->recovery().bytes, 60'000u);
  config_.compress = false;
  open();
  EXPECT_EQ(replay(), wrote_);
  config_.recent_bytes_max = 0;
  open();
  EXPECT_EQ(read_all(1, 1, 0), written(1, 1));
}

TEST_P(JournalTest, ReadersOnOtherThreadsFollowTheWriter) {
  config_.recent_bytes_max = 512 << 10;
  open();
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> read{0};
  Reader& reader = journal_->reader();
  std::thread follower([&] {
    Position next{0};
    std::uint64_t expected = 0;
    while (!stop || next <= reader.durable()) {
      auto end = reader.read(1, 0, next, {~0ull}, {.records_max = 100}, [&](const Record& record) {
        EXPECT_EQ(record.data.substr(0, 8), std::to_string(10'000'000 + expected));
        ++expected;
        return ok();
      });
      ASSERT_TRUE(end.has_value()) << end.error().to_string();
      next = end->next;
    }
    read = expected;
  });
  for (int i = 0; i < 5000; ++i) {
    append(1, 0, "k", std::to_string(10'000'000 + i) + std::string(500, 'x'));
    if (i % 10 == 9) {
      while (!journal_->can_submit()) turn(100'000);
      ASSERT_TRUE(journal_->submit().has_value());
    }
  }
  flush();
  stop = true;
  follower.join();
  EXPECT_EQ(read, 5000u);
}

INSTANTIATE_TEST_SUITE_P(BothQueues, JournalTest, testing::Values("io_uring", "thread"));

}  // namespace
}  // namespace freshet::log

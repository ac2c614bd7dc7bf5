// Erasing records from a journal on a disk whose power fails, and whose process dies, at each of
// its operations: every other record is there as it was, and the next attempt finishes.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "common/logging.h"
#include "log/erase.h"
#include "log/journal.h"
#include "log/reader.h"
#include "log/recovery.h"
#include "sim/simulated_disk.h"
#include "sim/simulated_write_queue.h"

namespace freshet::sim {
namespace {

constexpr std::uint64_t kRecords = 300;

std::string data_of(std::uint64_t number) {
  return "{\"id\":\"secret-" + std::to_string(number) + "\",\"text\":\"" +
         std::string(number % 700, static_cast<char>('a' + number % 26)) + "\"}";
}

bool shall_go(std::uint64_t number) {
  return number % 7 == 3;
}

std::optional<log::ErasedRecord> erase(const log::Record& record) {
  std::string key(record.partition_key);
  if (record.kind != log::RecordKind::kData || !shall_go(std::stoull(key))) return std::nullopt;
  return log::ErasedRecord{log::RecordKind::kErased, "", "cam-" + key};
}

class World {
 public:
  explicit World(std::uint64_t seed, bool compress)
      : disk_(seed), clock_(1'000'000), queue_(disk_, clock_, seed + 1), random_(seed + 2) {
    config_.directory = "/journal-0";
    config_.data_directory_id = 4711;
    config_.segment_bytes = 64 << 10;
    config_.block_bytes_max = 8 << 10;
    config_.compress = compress;
    disk_.use_clock(clock_);
  }

  void open() {
    auto opened = log::Journal::open(config_, disk_, queue_, clock_, random_);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    journal_ = *std::move(opened);
  }

  void turn() {
    ASSERT_TRUE(journal_->prepare_segments().has_value());
    std::vector<io::Completion> done;
    queue_.wait(done, 1'000);
    for (const auto& completion : done) ASSERT_TRUE(journal_->complete(completion).has_value());
  }

  void fill() {
    open();
    for (std::uint64_t number = 0; number < kRecords;) {
      auto position = journal_->append(1, number % 2, log::RecordKind::kData,
                                       std::to_string(number), data_of(number), clock_.wall_us());
      if (position) {
        positions_[number++] = position->value;
        if (number % 5 != 0) continue;
      }
      if (journal_->open_block_records() > 0 && journal_->can_submit()) {
        ASSERT_TRUE(journal_->submit().has_value());
      }
      turn();
    }
    for (int i = 0; i < 1'000 && journal_->durable().value < positions_[kRecords - 1]; ++i) {
      if (journal_->open_block_records() > 0 && journal_->can_submit()) {
        ASSERT_TRUE(journal_->submit().has_value());
      }
      turn();
    }
    ASSERT_EQ(journal_->durable().value, positions_[kRecords - 1]);
  }

  // Old segments wait for reuse with what they held.
  void trim_some() {
    ASSERT_TRUE(journal_->trim({positions_[kRecords / 4]}).has_value());
    first_ = journal_->first_position().value;
    for (int i = 0; i < 20; ++i) turn();
  }

  void close() {
    queue_.interrupt();
    std::vector<io::Completion> done;
    queue_.wait(done, 0);
    journal_.reset();
  }

  Result<log::LogErasure> erase_all() {
    return log::erase_records(disk_, config_.directory, erase);
  }

  // Every record as it was, or, where it shall go, perhaps erased; all of them where `complete`.
  void expect_right(bool complete) {
    open();
    std::map<std::uint64_t, std::string> found;
    std::size_t erased = 0;
    Status replayed = journal_->replay({1}, [&](const log::Record& record) -> Status {
      if (record.kind == log::RecordKind::kErased) {
        ++erased;
        found[record.position.value] = std::string(record.data);
        EXPECT_EQ(record.partition_key, "");
      } else {
        EXPECT_EQ(record.data, data_of(std::stoull(std::string(record.partition_key))));
        found[record.position.value] = std::string(record.partition_key);
      }
      return ok();
    });
    ASSERT_TRUE(replayed.has_value()) << replayed.error().to_string();
    EXPECT_TRUE(journal_->recovery().gaps.empty());
    std::size_t expected = 0, expected_erased = 0;
    for (auto [number, position] : positions_) {
      if (position < first_) continue;
      ++expected;
      expected_erased += shall_go(number) ? 1 : 0;
      std::string key = std::to_string(number);
      auto text = found.find(position);
      ASSERT_NE(text, found.end()) << number;
      EXPECT_TRUE(text->second == key || (shall_go(number) && text->second == "cam-" + key));
    }
    EXPECT_EQ(found.size(), expected);
    if (complete) {
      EXPECT_EQ(erased, expected_erased);
    }
    close();
  }

  // No byte of any file holds what was erased, blocks unpacked or not.
  void expect_no_byte() {
    for (const auto& [path, bytes] : disk_.files()) {
      auto file = disk_.open(path, io::OpenMode::kRead);
      ASSERT_TRUE(file.has_value());
      std::string content(bytes, '\0');
      auto got = (*file)->read(0, std::as_writable_bytes(std::span(content)));
      ASSERT_TRUE(got.has_value());
      for (std::uint64_t number = 0; number < kRecords; ++number) {
        std::string secret = "secret-" + std::to_string(number) + "\"";
        if (shall_go(number)) {
          EXPECT_EQ(content.find(secret), content.npos) << path;
        }
      }
    }
  }

  // Blocks that follow each other, each naming the checksum of the one before.
  std::size_t runs() {
    std::size_t count = 0;
    for (const auto& [path, bytes] : disk_.files()) {
      if (!path.starts_with(config_.directory + "/segment-")) continue;
      auto file = disk_.open(path, io::OpenMode::kRead);
      std::vector<std::byte> pages(log::kSegmentDataOffset);
      EXPECT_TRUE(file.has_value() && (*file)->read(0, pages).has_value());
      auto header = log::decode_segment_header(pages);
      EXPECT_TRUE(header.has_value());
      if (!header) continue;
      count += log::scan_segment(**file, log::identity_of(*header), path, bytes).runs.size();
    }
    return count;
  }

  SimulatedDisk& disk() { return disk_; }

 private:
  SimulatedDisk disk_;
  io::ManualClock clock_;
  SimulatedWriteQueue queue_;
  io::SeededRandom random_;
  log::Config config_;
  std::unique_ptr<log::Journal> journal_;
  std::map<std::uint64_t, std::uint64_t> positions_;
  std::uint64_t first_ = 0;
};

void prepare(World& world) {
  world.fill();
  world.trim_some();
  world.close();
}

void erase_with_a_crash_everywhere(bool compress) {
  for (std::uint64_t operation = 0;; ++operation) {
    SCOPED_TRACE(testing::Message() << "operation " << operation << " compress " << compress);
    World world(operation, compress);
    prepare(world);
    world.disk().crash_after(operation);
    auto erased = world.erase_all();
    bool was_cut = world.disk().is_off();
    ASSERT_TRUE(erased.has_value() || was_cut) << erased.error().to_string();
    world.disk().cancel_crash();
    if (was_cut) world.disk().power_on();
    // Were it never tried again, nothing would be lost.
    if (operation % 3 == 0) world.expect_right(!was_cut);
    auto again = world.erase_all();
    ASSERT_TRUE(again.has_value()) << again.error().to_string();
    if (!compress) world.expect_no_byte();
    world.expect_right(true);
    if (testing::Test::HasFatalFailure() || testing::Test::HasNonfatalFailure()) return;
    if (was_cut) continue;
    EXPECT_GT(erased->segments_rewritten, 2U);
    EXPECT_GT(operation, 20U);
    return;
  }
}

TEST(EraseSimulation, NoOtherRecordIsLostWhereverThePowerFails) {
  set_log_level(LogLevel::kError);
  erase_with_a_crash_everywhere(false);
}

TEST(EraseSimulation, NorInCompressedBlocks) {
  set_log_level(LogLevel::kError);
  erase_with_a_crash_everywhere(true);
}

TEST(EraseSimulation, SecondTimeFindsNothingToDo) {
  World world(1, true);
  prepare(world);
  std::size_t runs = world.runs();
  ASSERT_TRUE(world.erase_all().has_value());
  EXPECT_EQ(world.runs(), runs);
  auto again = world.erase_all();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->segments_rewritten, 0U);
  EXPECT_EQ(again->records_erased, 0U);
}

}  // namespace
}  // namespace freshet::sim

#include "pipeline/checkpoint.h"

#include <fstream>
#include <random>

#include "pipeline/runner_test_support.h"

namespace freshet::pipeline {
namespace {

Checkpoint sample() {
  Checkpoint checkpoint{.data_directory_id = 7,
                        .journal = 1,
                        .position = {900},
                        .arrival_us = 5,
                        .references = {{3, {12}}, {4, {800}}},
                        .streams = {}};
  StreamCheckpoint& stream = checkpoint.streams.emplace_back();
  stream.stream = 2;
  stream.samples = {{{1}, 2, 3}};
  stream.plan = 99;
  stream.tables[0] = {.begin = 10, .end = 30, .chunks = {}};
  stream.tables[0].chunks = {{"a", 0, 20, 4096, 4096, 1, 8192}, {"b", 20, 10, 4096, 4096, 2, 8192}};
  stream.ledger = {{"c1", 60'000'000, {.received = 3, .accepted = 2, .duplicate = 1}}};
  stream.ids = {.runs = {{1, 2}, {3}}, .file = "ids", .entries = 4, .crc = 5};
  return checkpoint;
}

TEST(CheckpointBytes, come_back_as_they_were) {
  std::string bytes = checkpoint_bytes(sample());
  auto read = read_checkpoint(bytes, "here");
  ASSERT_TRUE(read.has_value()) << read.error().to_string();
  EXPECT_EQ(checkpoint_bytes(*read), bytes);
  EXPECT_EQ(read->streams[0].tables[0].chunks[1].first_row, 20u);
  EXPECT_EQ(read->streams[0].ledger[0].counts.accepted, 2u);
}

TEST(CheckpointBytes, cut_or_changed_anywhere_are_refused_by_name) {
  std::string bytes = checkpoint_bytes(sample());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_FALSE(read_checkpoint(bytes.substr(0, i), "here").has_value()) << i;
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    auto read = read_checkpoint(changed, "here");
    ASSERT_FALSE(read.has_value()) << i;
    EXPECT_THAT(read.error().message(), testing::HasSubstr("here"));
  }
}

TEST(CheckpointBytes, with_rows_that_no_chunk_holds_are_refused) {
  Checkpoint checkpoint = sample();
  checkpoint.streams[0].tables[0].chunks.pop_back();
  EXPECT_EQ(read_checkpoint(checkpoint_bytes(checkpoint), "x").error().number(), 3501);
  checkpoint = sample();
  checkpoint.streams[0].tables[0].chunks[0].name = "../a";
  EXPECT_EQ(read_checkpoint(checkpoint_bytes(checkpoint), "x").error().number(), 3501);
}

class CheckpointTest : public RunnerTest {
 protected:
  CheckpointTest() {
    checkpoint_records_ = 1'000;
    // So that most ids are in runs, and runs are merged.
    memory_ids_ = 600;
    settings_.dedup.generation_bits = 5;
    settings_.dedup.merge_fan_in = 3;
  }

  std::filesystem::path folder() const { return directory_ / "checkpoint/journal-0"; }

  std::vector<std::filesystem::path> files(const std::string& part) const {
    std::vector<std::filesystem::path> found;
    if (!std::filesystem::exists(folder())) return found;
    for (const auto& entry : std::filesystem::directory_iterator(folder())) {
      if (entry.path().filename().string().find(part) != std::string::npos)
        found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  // Events with retries, conflicts, broken ones and two reference switches among them, until there
  // are two checkpoints and something behind them.
  void fill() {
    for (int round = 0; next_ < 2'500 || files("checkpoint-").size() < 2; ++round) {
      ASSERT_LT(round, 2'000) << "no checkpoint is made";
      std::vector<std::string> events;
      for (int i = 0; i < 50; ++i, ++next_) {
        events.push_back(event_json(next_, "c" + std::to_string(next_ % 7), ",\"loc\":\"l1\""));
        if (next_ % 10 == 3) events.push_back(event_json(next_ * 7 / 11, "c1", ",\"loc\":\"l1\""));
        if (next_ % 100 == 4) events.push_back("broken " + std::to_string(next_));
      }
      ASSERT_TRUE(put(events).has_value());
      if (next_ == 500 || next_ == 1'500) {
        auto table = locations("gate " + std::to_string(next_));
        ASSERT_TRUE(runner_->references().switch_to(table, "test", 1).has_value());
      }
    }
    std::vector<std::string> events;
    for (int i = 0; i < 50; ++i, ++next_) events.push_back(event_json(next_));
    ASSERT_TRUE(put(events).has_value());
  }

  // All rows of all tables and the ledger, in words.
  std::string state() {
    auto cut = runner_->tables().cut("detections");
    std::string text;
    for (const auto& [name, snapshot] : cut->tables) {
      text += "\n" + name;
      for (const hot::ChunkView& chunk : snapshot.chunks()) {
        for (std::uint32_t row = chunk.begin(); row < chunk.row_count(); ++row)
          text += "\n" + row_text(snapshot.schema(), chunk, row);
      }
    }
    for (const LedgerRow& row : Ledger::rows(cut->ledger)) {
      EXPECT_TRUE(row.counts.balances());
      text += "\n" + row.camera_id + " " + std::to_string(row.minute_us) + " " +
              std::to_string(row.counts.accepted) + " " + std::to_string(row.counts.duplicate) +
              " " + std::to_string(row.counts.refused);
    }
    return text;
  }

  static std::string row_text(const Schema& schema, const hot::ChunkView& chunk,
                              std::uint32_t row) {
    std::string text;
    for (std::size_t c = 0; c < schema.columns.size(); ++c) {
      text += "|";
      if (!chunk.is_valid(c, row)) continue;
      if (is_text(schema.columns[c].type)) {
        text += chunk.text_at(c, row);
      } else {
        std::size_t width = column_type_bytes(schema.columns[c].type);
        text.append(reinterpret_cast<const char*>(chunk.values(c)) + row * width, width);
      }
    }
    return text;
  }

  bool began_at_checkpoint() { return runner_->report().checkpoints.at(0) > Position{}; }

  int next_ = 0;
};

TEST_F(CheckpointTest, a_start_from_it_comes_to_the_state_that_the_whole_log_gives) {
  start();
  fill();
  std::string before = state();
  start();
  EXPECT_TRUE(began_at_checkpoint());
  EXPECT_EQ(state(), before);
  // Every id is still known, wherever it is remembered.
  std::uint64_t accepted = total().accepted;
  std::vector<std::string> again;
  for (int i = 0; i < next_; i += 9) again.push_back(event_json(i));
  ASSERT_TRUE(put(again).has_value());
  EXPECT_EQ(total().accepted, accepted);
  std::string after = state();
  runner_.reset();
  std::filesystem::remove_all(folder());
  start();
  EXPECT_FALSE(began_at_checkpoint());
  EXPECT_EQ(state(), after);
}

TEST_F(CheckpointTest, goes_on_over_several_lives) {
  start();
  for (int life = 0; life < 4; ++life) {
    fill();
    next_ += 1;  // so that fill() does some work in each life
    std::vector<std::string> events;
    for (int i = 0; i < 1'500; ++i, ++next_) events.push_back(event_json(next_));
    ASSERT_TRUE(put(events).has_value());
    std::string before = state();
    start();
    EXPECT_TRUE(began_at_checkpoint());
    EXPECT_EQ(state(), before);
  }
  EXPECT_LE(files("checkpoint-").size(), 2u);
  std::string before = state();
  runner_.reset();
  std::filesystem::remove_all(folder());
  start();
  EXPECT_EQ(state(), before);
}

// What a life merges and lets go must not be what the checkpoint that it began at names: a crash
// before the next one begins there again.
TEST_F(CheckpointTest, is_still_whole_after_a_life_that_made_no_other) {
  start();
  fill();
  checkpoint_records_ = 1'000'000;
  start();
  ASSERT_TRUE(began_at_checkpoint());
  Position began = runner_->report().checkpoints[0];
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> events;
    for (int i = 0; i < 100; ++i, ++next_) events.push_back(event_json(next_));
    ASSERT_TRUE(put(events).has_value());
  }
  std::string before = state();
  start();
  EXPECT_EQ(runner_->report().checkpoints[0], began);
  EXPECT_EQ(state(), before);
}

// One bad file after another: the checkpoint before is taken, or the whole log; the state is one.
TEST_F(CheckpointTest, a_bad_file_falls_back_to_the_one_before_and_last_to_the_log) {
  start();
  fill();
  std::string before = state();
  runner_.reset();
  std::filesystem::path copy = directory_.string() + "-copy";
  std::filesystem::copy(directory_, copy, std::filesystem::copy_options::recursive);
  std::vector<std::string> names;
  for (const auto& path : files("")) names.push_back(path.filename());
  ASSERT_GE(names.size(), 5u);
  std::uint64_t newest = 0;
  for (const std::string& name : names) {
    if (name.starts_with("checkpoint-"))
      newest = std::max<std::uint64_t>(newest, std::stoull(name.substr(11)));
  }
  int fell_back = 0;
  for (const std::string& name : names) {
    for (std::string_view harm : {"flip", "cut", "remove"}) {
      SCOPED_TRACE(name + " " + std::string(harm));
      std::filesystem::remove_all(directory_);
      std::filesystem::copy(copy, directory_, std::filesystem::copy_options::recursive);
      std::filesystem::path path = folder() / name;
      std::uint64_t size = std::filesystem::file_size(path);
      if (harm == "remove") std::filesystem::remove(path);
      if (harm == "cut") std::filesystem::resize_file(path, size / 2);
      if (harm == "flip") {
        std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
        char byte = static_cast<char>(bytes.get());
        bytes.seekp(0);
        bytes.put(static_cast<char>(byte ^ 1));
      }
      start();
      fell_back += runner_->report().checkpoints.at(0).value < newest ? 1 : 0;
      EXPECT_EQ(state(), before);
      runner_.reset();
    }
  }
  EXPECT_GE(fell_back, 3);
  std::filesystem::remove_all(copy);
}

TEST_F(CheckpointTest, another_plan_reads_the_whole_log) {
  start();
  fill();
  settings_.sql = "SELECT detection_id, camera_id, event_time FROM batch WHERE camera_id = 'c1'";
  start();
  EXPECT_FALSE(began_at_checkpoint());
  std::string filtered = state();
  start();
  EXPECT_EQ(state(), filtered);
}

TEST_F(CheckpointTest, a_log_that_lost_its_end_is_believed) {
  start();
  fill();
  runner_.reset();
  std::filesystem::remove_all(directory_ / "log");
  start();
  EXPECT_FALSE(began_at_checkpoint());
  EXPECT_EQ(runner_->tables().cut("detections")->tables.at("detections").row_count(), 0u);
}

TEST_F(CheckpointTest, rows_leave_memory_and_a_full_budget_takes_more) {
  memory_bytes_ = 24u << 20;
  memory_ids_ = 20'000;
  settings_.dedup = {};
  checkpoint_records_ = 20'000;
  start();
  std::uint64_t throttled = 0;
  constexpr int kEvents = 300'000;
  for (int sent = 0; sent < kEvents;) {
    std::vector<std::string> events;
    for (int i = 0; i < 500; ++i)
      events.push_back(event_json(sent + i, "c" + std::to_string(i % 50)));
    if (put(events).has_value()) {
      sent += 500;
    } else {
      ASSERT_LT(++throttled, 200'000u);
    }
  }
  EXPECT_EQ(runner_->tables().cut("detections")->tables.at("detections").row_count(), kEvents);
  EXPECT_LE(runner_->memory().used_bytes(), memory_bytes_);
  for (int number : {0, 1'000, 150'000, kEvents - 1}) {
    auto row = *runner_->tables().find_row("detections", event_id(number));
    ASSERT_TRUE(row.has_value()) << number;
    EXPECT_EQ(text_of("detections", *row, "camera_id"), "c" + std::to_string(number % 500 % 50));
  }
}

}  // namespace
}  // namespace freshet::pipeline

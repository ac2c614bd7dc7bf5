// A runner on a temporary folder, with one stream and a table of places. For the tests of this
// folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/runner.h"

namespace freshet::pipeline {

inline std::string event_json(int number, const std::string& camera = "c1",
                              const std::string& more = "") {
  return "{\"id\":\"00000000-0000-4000-8000-" +
         std::string(12 - std::to_string(number).size(), '0') + std::to_string(number) +
         "\",\"cam\":\"" + camera +
         "\",\"item\":\"Car\",\"conf\":0.5,\"ts\":\"2026-11-22T10:00:00Z\"" + more + "}";
}

inline std::string event_id(int number) {
  return "00000000-0000-4000-8000-" + std::string(12 - std::to_string(number).size(), '0') +
         std::to_string(number);
}

inline std::shared_ptr<const ReferenceTable> locations(const std::string& name_of_l1) {
  Schema schema{{{"location_id", ColumnType::kText}, {"name", ColumnType::kText}}};
  ColumnBatch rows(schema);
  rows.columns[0].append(std::string_view("l1"));
  rows.columns[1].append(std::string_view(name_of_l1));
  auto table = ReferenceTable::make("locations", "location_id", schema, rows);
  EXPECT_TRUE(table.has_value());
  return *table;
}

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    directory_ = std::filesystem::temp_directory_path() /
                 ("freshet-runner-" + std::to_string(io::system_random().next_u64()));
    settings_.name = "detections";
    settings_.stream = "detections";
    settings_.table = "detections";
    settings_.keys = {"camera_id"};
    settings_.joins = {{"loc", "locations", "location_id", "", ""}};
    references_ = {locations("East gate")};
  }
  ~RunnerTest() override {
    end();
    std::filesystem::remove_all(directory_);
  }

  // Readers first, as a server does: what they hold of the runner must not outlive it.
  void end() {
    if (readers_) readers_->stop();
    runner_.reset();
    readers_.reset();
  }

  RunnerConfig runner_config() const {
    RunnerConfig config;
    config.data_directory = directory_;
    config.memory_bytes = memory_bytes_;
    config.segment_bytes = 4u << 20;
    config.streams = {stream_};
    config.pipelines = {settings_};
    config.memory_ids = memory_ids_;
    config.checkpoint_records = checkpoint_records_;
    return config;
  }

  void start() {
    end();
    // Not before: a test that forks must do so while there is no other thread.
    readers_ = std::make_unique<io::ThreadPool>("test-reader", 1, 100);
    auto runner = Runner::start(runner_config(), references_, io::system_disk(), *clock_,
                                io::system_random(), *readers_);
    ASSERT_TRUE(runner.has_value()) << runner.error().to_string();
    runner_ = *std::move(runner);
  }

  Result<std::vector<PutOutcome>> put(const std::vector<std::string>& events) {
    return put_to(*runner_, events);
  }

  static Result<std::vector<PutOutcome>> put_to(Runner& runner,
                                                const std::vector<std::string>& events) {
    EventBatch batch;
    batch.arenas.reserve(events.size());
    for (const std::string& event : events) {
      batch.arenas.push_back(event);
      HashKey hash = static_cast<HashKey>(std::hash<std::string>()(event)) << 64;
      batch.records.push_back({"key", batch.arenas.back(), hash});
    }
    std::promise<Result<std::vector<PutOutcome>>> answer;
    runner.streams().put(
        runner.streams().find("detections")->id, std::move(batch),
        [&](Result<std::vector<PutOutcome>> outcomes) { answer.set_value(std::move(outcomes)); });
    return answer.get_future().get();
  }

  LedgerCounts total() {
    LedgerCounts sum;
    auto cut = runner_->tables().cut("detections");
    for (const LedgerRow& row : Ledger::rows(cut->ledger)) {
      EXPECT_TRUE(row.counts.balances());
      sum += row.counts;
    }
    return sum;
  }

  std::string text_of(const std::string& table, hot::RowNumber row, const std::string& column) {
    auto snapshot = runner_->tables().snapshot(table);
    const hot::ChunkView* chunk = snapshot->find_chunk(row);
    std::size_t index = *snapshot->schema().find(column);
    auto local = static_cast<std::uint32_t>(row - chunk->first_row());
    return chunk->is_valid(index, local) ? std::string(chunk->text_at(index, local)) : "NULL";
  }

  std::filesystem::path directory_;
  std::uint64_t memory_bytes_ = 256u << 20;
  std::uint64_t memory_ids_ = 1'000'000;
  std::uint64_t checkpoint_records_ = 3'000'000;
  DeclaredStream stream_{.name = "detections", .partitions = 2};
  PipelineSettings settings_;
  io::Clock* clock_ = &io::system_clock();
  std::vector<std::shared_ptr<const ReferenceTable>> references_;
  std::unique_ptr<io::ThreadPool> readers_;
  std::unique_ptr<Runner> runner_;
};

}  // namespace freshet::pipeline

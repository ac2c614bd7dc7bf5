#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "pipeline/runner_test_support.h"
#include "replay/comparison.h"
#include "replay/range_replay.h"
#include "replay/replays.h"

namespace freshet::replay {
namespace {

using pipeline::event_json;
using pipeline::locations;

// Each row as a text, in order; and where the steps begin and end.
class Written : public RowSink {
 public:
  Status take(const ReplayedRows& step) override {
    steps.emplace_back(step.first, step.last);
    if (step.events != nullptr) events += step.events->size();
    for (const hot::ChunkView& chunk : step.rows.chunks()) {
      for (std::uint32_t row = chunk.begin(); row < chunk.row_count(); ++row)
        rows.push_back(text_of(step.rows.schema(), chunk, row));
    }
    return ok();
  }

  static std::string text_of(const Schema& schema, const hot::ChunkView& chunk, std::uint32_t row) {
    std::string text;
    for (std::size_t c = 0; c < schema.columns.size(); ++c) {
      ColumnType type = schema.columns[c].type;
      text += chunk.is_valid(c, row) ? "|" : "|NULL";
      if (is_text(type)) {
        text += chunk.text_at(c, row);
        continue;
      }
      std::size_t bytes = column_type_bytes(type);
      const auto* value = reinterpret_cast<const char*>(chunk.values(c)) + bytes * row;
      for (std::size_t i = 0; i < bytes; ++i)
        text += "0123456789abcdef"[static_cast<unsigned char>(value[i]) % 16],
            text += "0123456789abcdef"[static_cast<unsigned char>(value[i]) / 16];
    }
    return text;
  }

  std::vector<std::string> rows;
  std::vector<std::pair<Position, Position>> steps;
  std::size_t events = 0;
};

struct Arrived {
  Position position;
  std::int64_t us = 0;
};

class ReplayTest : public pipeline::RunnerTest {
 protected:
  pipeline::LogOfStream log() { return *runner_->streams().log_of("detections"); }

  void put_all(const std::vector<std::string>& events) {
    auto outcomes = put(events);
    ASSERT_TRUE(outcomes.has_value()) << outcomes.error().to_string();
    // Another block, and another time of arrival.
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

  std::vector<Arrived> arrived() {
    std::vector<Arrived> all;
    auto read = log().reader->read_all(Position{1}, Position{~std::uint64_t{0}}, {},
                                       [&](const log::Record& record) {
                                         if (record.kind == log::RecordKind::kData)
                                           all.push_back({record.position, record.arrival_us});
                                         return ok();
                                       });
    EXPECT_TRUE(read.has_value());
    return all;
  }

  RangeSource source(std::int64_t from_us, std::int64_t to_us,
                     std::int64_t horizon_us = 3'600'000'000) {
    Position ids_from = log().reader->position_at_time(from_us - horizon_us);
    auto in_force = runner_->references().in_force_before(log().journal, ids_from);
    EXPECT_TRUE(in_force.has_value());
    return {.reader = *log().reader,
            .stream = log().id,
            .ids_from = ids_from,
            .from_us = from_us,
            .to_us = to_us,
            .until = Position{~std::uint64_t{0}},
            .in_force = *in_force,
            .load = [this](std::uint32_t version) { return runner_->references().load(version); }};
  }

  struct Outcome {
    Written written;
    RangeProgress progress;
    std::optional<Error> error;
  };
  Outcome replay(RangeSource source, const RangeLimits& limits = {}, const std::string& camera = "",
                 std::uint64_t memory = 128u << 20) {
    Outcome outcome;
    MemoryBudget budget(memory);
    std::filesystem::create_directories(directory_ / "replay");
    auto production = runner_->tables().pipeline_of("detections");
    auto pipeline = runner_->make_pipeline_beside(*production, {directory_ / "replay/ids"}, budget);
    EXPECT_TRUE(pipeline.has_value()) << pipeline.error().to_string();
    RangeReplay range(std::move(source), limits, camera, **pipeline, outcome.written,
                      {[] { return false; }, [](const RangeProgress&) {}, [] {}});
    auto whole = range.run();
    if (whole) {
      EXPECT_TRUE(*whole);
    } else {
      outcome.error = whole.error();
    }
    outcome.progress = range.progress();
    return outcome;
  }

  // What production shows of positions in [from, until).
  std::vector<std::string> served(Position from, Position until) {
    hot::Snapshot all = *runner_->tables().snapshot("detections");
    std::size_t position = *all.schema().find("position");
    std::vector<std::string> rows;
    for (const hot::ChunkView& chunk : all.chunks()) {
      for (std::uint32_t row = chunk.begin(); row < chunk.row_count(); ++row) {
        std::uint64_t at = chunk.values_as<std::uint64_t>(position)[row];
        if (at >= from.value && at < until.value)
          rows.push_back(Written::text_of(all.schema(), chunk, row));
      }
    }
    return rows;
  }

  void put_a_history() {
    for (int block = 0; block < 6; ++block) {
      std::vector<std::string> events;
      for (int i = 0; i < 8; ++i) {
        // The last two of each block are retries of the block before.
        int number = i < 6 ? block * 6 + i : (block - 1) * 6 + i - 6;
        events.push_back(
            event_json(std::max(number, 0), i % 2 == 0 ? "c1" : "c2", ",\"location_id\":\"l1\""));
      }
      put_all(events);
      if (block == 3) switch_to("West gate");
    }
  }

  void switch_to(const std::string& name_of_l1) {
    auto switched = runner_->references().switch_to(locations(name_of_l1), "test", 0);
    ASSERT_TRUE(switched.has_value()) << switched.error().to_string();
  }
};

constexpr Position kEnd{~std::uint64_t{0}};
constexpr std::int64_t kForEver = std::int64_t{1} << 60;

TEST_F(ReplayTest, GivesTheSameRowsWhateverTheBatches) {
  start();
  put_a_history();
  std::vector<Arrived> all = arrived();
  std::vector<std::string> expected = served(Position{1}, kEnd);
  ASSERT_EQ(expected.size(), 36u);
  for (std::size_t batch : {1, 3, 7, 2'048}) {
    for (std::uint64_t step : {1, 10, 20'000}) {
      Outcome outcome = replay(source(0, kForEver), {.batch_records = batch, .step_rows = step});
      ASSERT_FALSE(outcome.error) << outcome.error->to_string();
      EXPECT_EQ(outcome.written.rows, expected) << batch << " " << step;
      EXPECT_EQ(outcome.progress.counts.received, all.size());
      EXPECT_EQ(outcome.progress.counts.accepted, 36u);
      EXPECT_TRUE(outcome.progress.counts.balances());
    }
  }
}

TEST_F(ReplayTest, BeginsAndEndsAtExactTimesOfArrival) {
  start();
  put_a_history();
  std::vector<Arrived> all = arrived();
  for (std::size_t from = 0; from < all.size(); from += 5) {
    for (std::size_t to = from; to < all.size(); to += 7) {
      if (all[from].us == all[to].us) continue;
      // The first record of those times.
      auto first_of = [&](std::int64_t us) {
        return std::find_if(all.begin(), all.end(), [&](const Arrived& a) { return a.us >= us; })
            ->position;
      };
      Position first = first_of(all[from].us), until = first_of(all[to].us);
      Outcome outcome = replay(source(all[from].us, all[to].us), {.batch_records = 4});
      EXPECT_EQ(outcome.written.rows, served(first, until)) << from << " " << to;
      EXPECT_EQ(outcome.written.steps.front().first, first);
      EXPECT_LT(outcome.written.steps.back().second, until);
    }
  }
}

TEST_F(ReplayTest, StepsCoverTheRangeWithoutAHole) {
  start();
  put_a_history();
  Outcome outcome = replay(source(0, kForEver), {.batch_records = 2, .step_rows = 3});
  const auto& steps = outcome.written.steps;
  ASSERT_GT(steps.size(), 5u);
  for (std::size_t i = 1; i < steps.size(); ++i)
    EXPECT_EQ(steps[i].first.value, steps[i - 1].second.value + 1);
}

TEST_F(ReplayTest, OfOneCameraKnowsTheIdsOfAll) {
  start();
  put_a_history();
  Outcome outcome = replay(source(0, kForEver), {.batch_records = 5}, "c2");
  std::vector<std::string> expected;
  for (const std::string& row : served(Position{1}, kEnd)) {
    if (row.find("|c2|") != std::string::npos) expected.push_back(row);
  }
  EXPECT_EQ(expected.size(), 18u);
  EXPECT_EQ(outcome.written.rows, expected);
  EXPECT_EQ(outcome.progress.counts.received, 24u);
  EXPECT_EQ(outcome.written.events, 24u);
}

TEST_F(ReplayTest, NamesTheVersionThatWasLastInForceThenAlsoAfterARestart) {
  settings_.joins = {{"loc", "locations", "location_id", "", ""},
                     {"cam", "cameras", "camera_id", "", ""}};
  Schema schema{{{"camera_id", ColumnType::kText}, {"name", ColumnType::kText}}};
  ColumnBatch rows(schema);
  for (auto& column : rows.columns) column.append(std::string_view("c1"));
  // Cameras come last, though by name they are first.
  references_.push_back(*pipeline::ReferenceTable::make("cameras", "camera_id", schema, rows));
  start();
  put_a_history();
  std::vector<std::string> live = served(Position{1}, kEnd);
  EXPECT_EQ(replay(source(0, kForEver)).written.rows, live);
  checkpoint_records_ = 0;
  start();
  EXPECT_EQ(served(Position{1}, kEnd), live) << "a start gives the same rows";
  EXPECT_EQ(replay(source(0, kForEver)).written.rows, live);
}

TEST_F(ReplayTest, StopsAtItsNextBatch) {
  start();
  put_a_history();
  MemoryBudget budget(128u << 20);
  std::filesystem::create_directories(directory_ / "replay");
  auto production = runner_->tables().pipeline_of("detections");
  auto pipeline = runner_->make_pipeline_beside(*production, {directory_ / "replay/ids"}, budget);
  ASSERT_TRUE(pipeline.has_value());
  Written written;
  int asked = 0;
  RangeReplay range(source(0, kForEver), {.batch_records = 4, .step_rows = 1}, "", **pipeline,
                    written, {[&] { return ++asked > 3; }, [](const RangeProgress&) {}, [] {}});
  auto whole = range.run();
  ASSERT_TRUE(whole.has_value());
  EXPECT_FALSE(*whole);
  EXPECT_GT(written.rows.size(), 0u);
  EXPECT_LE(written.rows.size(), 12u);
}

TEST_F(ReplayTest, IdsThatDoNotFitIntoItsMemoryEndIt) {
  start();
  put_a_history();
  Outcome outcome = replay(source(0, kForEver), {.waits_max = 3}, "", 1u << 20);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->number(), 5126);
}

// ---- as a server runs it
// ---------------------------------------------------------------------------

class ReplaysTest : public ReplayTest {
 protected:
  ~ReplaysTest() override { replays_.reset(); }

  void open() {
    start();
    replays_ = std::make_unique<Replays>(
        ReplaysConfig{.folder = directory_ / "replay", .limits = {.batch_records = 4}}, *runner_,
        nullptr);
  }
  static ReplayRequest whole() {
    ReplayRequest request;
    request.to_us = kForEver;
    return request;
  }
  static ReplayService::Allows all() {
    return [](std::string_view) { return true; };
  }
  ReplayState wait(const std::string& id) {
    for (;;) {
      auto state = replays_->state(id, "me");
      EXPECT_TRUE(state.has_value());
      if (!state->running) return *state;
      std::this_thread::yield();
    }
  }

  std::unique_ptr<Replays> replays_;
};

TEST_F(ReplaysTest, CompareWithProduction) {
  open();
  put_a_history();
  auto estimate = replays_->estimate(whole(), all());
  ASSERT_TRUE(estimate.has_value()) << estimate.error().to_string();
  EXPECT_GT(estimate->records, 0u);
  EXPECT_GT(estimate->bytes, 0u);
  auto begun = replays_->begin(whole(), all(), "me");
  ASSERT_TRUE(begun.has_value()) << begun.error().to_string();
  ReplayState state = wait(begun->id);
  ASSERT_FALSE(state.error) << state.error->to_string();
  EXPECT_EQ(state.comparison.equal, 36u);
  EXPECT_EQ(state.comparison.unequal(), 0u);
  EXPECT_EQ(state.counts.duplicate, 12u);
  EXPECT_EQ(runner_->memory().used_bytes() < (96u << 20), true) << "what it borrowed is back";
  EXPECT_FALSE(std::filesystem::exists(directory_ / "replay"));
  EXPECT_EQ(replays_->state(begun->id, "another").error().number(), 5125);
}

TEST_F(ReplaysTest, RefuseWhatCannotBe) {
  open();
  put_a_history();
  auto number_of = [&](ReplayRequest request, ReplayService::Allows allows = all()) {
    auto refused = replays_->estimate(request, allows);
    return refused ? 0 : refused.error().number();
  };
  ReplayRequest request = whole();
  EXPECT_EQ(number_of(request), 0);
  EXPECT_EQ(number_of(request, [](std::string_view) { return false; }), 5120);
  request.pipeline = "another";
  EXPECT_EQ(number_of(request), 5120);
  request = whole();
  request.from_us = request.to_us;
  EXPECT_EQ(number_of(request), 5121);
  request = whole();
  request.into = "copy";
  EXPECT_EQ(number_of(request), 5123) << "there is no archive";
}

TEST_F(ReplaysTest, OfWhatHasPassedRetentionSayWhereTheLogBegins) {
  open();
  put_a_history();
  std::vector<Arrived> all_records = arrived();
  Position third = all_records[16].position;
  std::const_pointer_cast<std::atomic<std::uint64_t>>(log().visible_from)->store(third.value);
  auto refused = replays_->estimate(whole(), all());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().number(), 5122);
  ReplayRequest request = whole();
  request.from_log_start = true;
  auto estimate = replays_->estimate(request, all());
  ASSERT_TRUE(estimate.has_value()) << estimate.error().to_string();
  EXPECT_EQ(estimate->from_us, all_records[16].us);
  EXPECT_FALSE(estimate->ids_from_us) << "the records before it are still there for their ids";
}

}  // namespace
}  // namespace freshet::replay

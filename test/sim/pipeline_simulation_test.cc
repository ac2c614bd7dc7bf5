// pipeline_simulation_test [--seed N] [--seeds COUNT] [--fresh] [gtest options]: as
// log_simulation_test.
#include "sim/pipeline_simulation.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "common/logging.h"
#include "io/random.h"

namespace freshet::sim {
namespace {

std::uint64_t g_first_seed = 1;
std::uint64_t g_seed_count = 200;

TEST(PipelineSimulation, RowsAreAFunctionOfTheLogForEverySeed) {
  std::map<std::string, std::uint64_t> sometimes;
  std::uint64_t rows = 0;
  for (std::uint64_t each = 0; each < g_seed_count; ++each) {
    PipelineSimulationOptions options;
    options.seed = g_first_seed + each;
    PipelineSimulationOutcome outcome = run_pipeline_simulation(options);
    rows += outcome.rows;
    for (const auto& [state, count] : outcome.sometimes) sometimes[state] += count;
    ASSERT_FALSE(outcome.violation.has_value())
        << "seed " << options.seed << ": " << *outcome.violation
        << "\nagain: pipeline_simulation_test --seed " << options.seed << " --seeds 1";
  }
  std::printf("%llu seeds from %llu, %llu rows compared\n",
              static_cast<unsigned long long>(g_seed_count),
              static_cast<unsigned long long>(g_first_seed), static_cast<unsigned long long>(rows));
  for (const auto& [state, count] : sometimes) {
    std::printf("  %-40s %llu\n", state.c_str(), static_cast<unsigned long long>(count));
  }
  if (g_seed_count < 200) return;
  for (const char* state :
       {"crash", "kill", "write in flight at the end", "crash inside a recovery", "retry sent",
        "duplicate found", "reference switched", "rows past retention", "ids on disk",
        "put acknowledged", "restart over records"}) {
    EXPECT_GT(sometimes[state], 0u) << "never reached: " << state;
  }
}

TEST(PipelineSimulation, TheSameSeedDoesTheSameIo) {
  for (std::uint64_t seed = g_first_seed; seed < g_first_seed + 10; ++seed) {
    PipelineSimulationOptions options;
    options.seed = seed;
    EXPECT_EQ(run_pipeline_simulation(options).io_hash, run_pipeline_simulation(options).io_hash)
        << "seed " << seed;
  }
}

void expect_caught(PipelineSimulationOptions options) {
  for (options.seed = 1; options.seed <= 300; ++options.seed) {
    PipelineSimulationOutcome outcome = run_pipeline_simulation(options);
    if (!outcome.violation) continue;
    std::printf("caught with seed %llu: %s\n", static_cast<unsigned long long>(options.seed),
                outcome.violation->c_str());
    return;
  }
  FAIL() << "no seed of 300 saw the planted bug";
}

TEST(PlantedBug, SkippingASyncIsCaught) {
  expect_caught({.ignore_every_nth_sync = 5});
}
TEST(PlantedBug, AcknowledgingBeforeTheSyncIsCaught) {
  expect_caught({.acknowledge_before_sync = true});
}
TEST(PlantedBug, ForgettingDedupOnRestartIsCaught) {
  expect_caught({.forget_ids_on_restart = true});
}

}  // namespace
}  // namespace freshet::sim

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const char* seed = std::getenv("FRESHET_SEED"))
    freshet::sim::g_first_seed = std::strtoull(seed, nullptr, 10);
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    bool more = i + 1 < argc;
    if (word == "--seed" && more) {
      freshet::sim::g_first_seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--seeds" && more) {
      freshet::sim::g_seed_count = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--fresh") {
      freshet::sim::g_first_seed = freshet::io::system_random().next_u64() >> 16;
    } else {
      std::fprintf(stderr, "unknown word %s\n", argv[i]);
      return 2;
    }
  }
  // The faults of a simulated disk are no news to an operator.
  freshet::set_log_level(freshet::LogLevel::kError);
  return RUN_ALL_TESTS();
}

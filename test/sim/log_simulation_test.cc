// log_simulation_test [--seed N] [--seeds COUNT] [--fresh] [gtest options]
//   --seed N    the first seed (FRESHET_SEED does the same); a failing seed is printed and replays
//   --seeds C   how many, one after the other
//   --trace     say what happens, and let the journal's own log lines through
//   --fresh     begin at a seed from the operating system
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "common/logging.h"
#include "io/random.h"
#include "sim/journal_simulation.h"

namespace freshet::sim {
namespace {

std::uint64_t g_first_seed = 1;
std::uint64_t g_seed_count = 200;
bool g_trace = false;

TEST(JournalSimulation, HoldsItsPromisesForEverySeed) {
  std::map<std::string, std::uint64_t> sometimes;
  std::uint64_t acknowledged = 0;
  for (std::uint64_t each = 0; each < g_seed_count; ++each) {
    JournalSimulationOptions options;
    options.seed = g_first_seed + each;
    options.trace = g_trace;
    JournalSimulationOutcome outcome = run_journal_simulation(options);
    acknowledged += outcome.acknowledged;
    for (const auto& [state, count] : outcome.sometimes) sometimes[state] += count;
    ASSERT_FALSE(outcome.violation.has_value())
        << "seed " << options.seed << ": " << *outcome.violation
        << "\nagain: log_simulation_test --seed " << options.seed << " --seeds 1";
  }
  std::printf("%llu seeds from %llu, %llu records acknowledged\n",
              static_cast<unsigned long long>(g_seed_count),
              static_cast<unsigned long long>(g_first_seed),
              static_cast<unsigned long long>(acknowledged));
  for (const auto& [state, count] : sometimes) {
    std::printf("  %-40s %llu\n", state.c_str(), static_cast<unsigned long long>(count));
  }
  // A simulation that never meets its faults proves nothing.
  if (g_seed_count < 200) return;
  for (const char* state :
       {"torn tail", "two writes in flight at a crash", "failed write", "failed sync",
        "append refused for want of a segment", "no space inside a recovery",
        "crash inside a recovery", "gap reported", "acknowledged record in a gap",
        "unknown record present", "unknown record absent", "segment trimmed", "torn page",
        "name forgotten", "damage that only replay met"}) {
    EXPECT_GT(sometimes[state], 0u) << "never reached: " << state;
  }
}

TEST(JournalSimulation, TheSameSeedDoesTheSameIo) {
  for (std::uint64_t seed = g_first_seed; seed < g_first_seed + 20; ++seed) {
    JournalSimulationOptions options;
    options.seed = seed;
    auto first = run_journal_simulation(options);
    auto second = run_journal_simulation(options);
    EXPECT_EQ(first.io_hash, second.io_hash) << "seed " << seed;
    options.seed = seed + 1;
    EXPECT_NE(first.io_hash, run_journal_simulation(options).io_hash) << "seed " << seed;
  }
}

// How many seeds it takes to see a planted bug; 0 where none did.
std::uint64_t seeds_until_caught(JournalSimulationOptions options, std::string* violation) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    options.seed = seed;
    auto outcome = run_journal_simulation(options);
    if (!outcome.violation.has_value()) continue;
    *violation = *outcome.violation;
    return seed;
  }
  return 0;
}

void expect_caught(const JournalSimulationOptions& options, std::string_view as) {
  std::string violation;
  std::uint64_t seeds = seeds_until_caught(options, &violation);
  EXPECT_GT(seeds, 0u) << "a planted bug was not caught";
  EXPECT_NE(violation.find(as), std::string::npos) << violation;
  std::printf("caught at seed %llu: %s\n", static_cast<unsigned long long>(seeds),
              violation.c_str());
}

TEST(PlantedBug, SkippingASyncIsCaught) {
  JournalSimulationOptions options;
  options.ignore_every_nth_sync = 50;  // 2 % of them
  // The journal itself takes what is missing for damage, and says so; or a record is lost.
  expect_caught(options, "");
}

TEST(PlantedBug, SkippingADirectorySyncIsCaught) {
  JournalSimulationOptions options;
  options.ignore_every_nth_directory_sync = 10;
  // It shows as a record lost with its file, or as an old name over new content.
  expect_caught(options, "");
}

TEST(PlantedBug, AcknowledgingBeforeTheSyncIsCaught) {
  JournalSimulationOptions options;
  options.acknowledge_before_sync = true;
  expect_caught(options, "an acknowledged record is lost");
}

TEST(PlantedBug, TakingDamageForATornTailIsCaught) {
  JournalSimulationOptions options;
  options.policy = log::RecoveryPolicy::kEveryHoleIsATornTail;
  expect_caught(options, "an acknowledged record is lost");
}

}  // namespace
}  // namespace freshet::sim

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const char* seed = std::getenv("FRESHET_SEED")) {
    freshet::sim::g_first_seed = std::strtoull(seed, nullptr, 10);
    freshet::sim::g_seed_count = 1;
  }
  for (int each = 1; each < argc; ++each) {
    std::string_view flag = argv[each];
    bool has_value = each + 1 < argc;
    if (flag == "--seed" && has_value) {
      freshet::sim::g_first_seed = std::strtoull(argv[++each], nullptr, 10);
    } else if (flag == "--seeds" && has_value) {
      freshet::sim::g_seed_count = std::strtoull(argv[++each], nullptr, 10);
    } else if (flag == "--trace") {
      freshet::sim::g_trace = true;
    } else if (flag == "--fresh") {
      freshet::sim::g_first_seed = freshet::io::system_random().next_u64() >> 16;
    } else {
      std::fprintf(stderr, "log_simulation_test: I do not know %s\n", argv[each]);
      return 2;
    }
  }
  // The faults are planted, by the thousand: their log lines would bury the answer.
  if (!freshet::sim::g_trace) freshet::set_log_level(freshet::LogLevel::kNone);
  return RUN_ALL_TESTS();
}

// One life of a journal on the simulated machine: random appends, submissions, completions, reads,
// trims, full disks, failed writes, bit rot, kills and crashes (inside recovery too), from a seed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "log/journal.h"

namespace freshet::sim {

struct JournalSimulationOptions {
  std::uint64_t seed = 1;
  std::uint32_t steps = 250;
  bool trace = false;  // says on standard output what happens
  // Planted bugs, to show that the oracle sees them.
  std::uint32_t ignore_every_nth_sync = 0;
  std::uint32_t ignore_every_nth_directory_sync = 0;
  bool acknowledge_before_sync = false;
  log::RecoveryPolicy policy = log::RecoveryPolicy::kWatermark;
};

struct JournalSimulationOutcome {
  std::optional<std::string> violation;
  std::uint64_t io_hash = 0;
  std::uint64_t acknowledged = 0;
  // States that a night must have reached.
  std::map<std::string, std::uint64_t> sometimes;
};

JournalSimulationOutcome run_journal_simulation(const JournalSimulationOptions& options);

}  // namespace freshet::sim

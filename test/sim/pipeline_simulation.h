// One life of a shard on the simulated machine: the real log, dedup, join, ledger and hot tables
// under puts, retries, conflicts, bad events, reference switches, kills and crashes, from a seed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace freshet::sim {

struct PipelineSimulationOptions {
  std::uint64_t seed = 1;
  std::uint32_t steps = 80;
  // Planted bugs, to show that the oracle sees them.
  std::uint32_t ignore_every_nth_sync = 0;
  bool acknowledge_before_sync = false;
  bool forget_ids_on_restart = false;
};

struct PipelineSimulationOutcome {
  std::optional<std::string> violation;
  std::uint64_t io_hash = 0;
  std::uint64_t rows = 0;
  std::map<std::string, std::uint64_t> sometimes;  // states that a night must have reached
};

PipelineSimulationOutcome run_pipeline_simulation(const PipelineSimulationOptions& options);

}  // namespace freshet::sim

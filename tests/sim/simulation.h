// One simulated life of the data path: source cluster, target cluster, one or two shards that mirror the same
// partitions, a control plane with stale eyes, and misfortunes; then a quiet time in which everything must come to its
// end.
//
// Checked at every append to a target log: the batch lies at its source offset, with the same record count and the same
// payload bytes, exactly once. Checked at the end: nothing is missing.
#pragma once

#include <cstdint>
#include <string>

namespace shunt::sim {

struct Scenario {
  std::uint64_t seed = 0;
  std::int32_t brokers = 2;
  std::int32_t partitions = 4;
  std::int32_t batches_per_partition = 60;
  bool crashes = false;        // shunt is killed and started again
  bool two_instances = false;  // two shunts at once, an operator's mistake
  bool leader_moves = false;
  bool broker_deaths = false;
  bool resets = false;
  bool request_faults = false;
};

/// The scenario a seed stands for: every misfortune is in some seeds and absent in others.
Scenario scenario_of(std::uint64_t seed);

struct Verdict {
  bool ok = false;
  std::string reason;  // the first rule that was broken
  std::uint64_t batches = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t interruptions = 0;
  std::uint64_t lives = 0;
  std::uint64_t answers_lost = 0;
};

Verdict simulate(const Scenario& scenario);

}  // namespace shunt::sim

// Partitions that have stopped: those that were right to (simulation.h lists the reasons), and those that were not.
#pragma once

#include <cstdint>

#include "replicate/status.h"
#include "tests/sim/checker.h"
#include "tests/sim/fake_cluster.h"
#include "tests/sim/scenario.h"
#include "tests/sim/verdict.h"

namespace shunt::sim {

struct Surroundings {
  const Scenario& scenario;
  const Checker& checker;
  FakeCluster& source;
  FakeCluster& target;
  const Writers& writers;  // of the source's partitions
  int source_losses = 0;   // of its topic
  int target_losses = 0;
};

/// A stop that is about the whole topic.
bool is_of_topic(const replicate::PartitionStatus& stop);

/// Where it is counted; null: it should not have stopped.
std::uint64_t Verdict::*why_stopped(const Surroundings& around, const PartitionKey& key,
                                    const replicate::PartitionStatus& stop);

}  // namespace shunt::sim

// The configuration of a simulated process: shunt's own defaults, with sizes and patience drawn, small enough that a
// short life meets every limit.
#pragma once

#include "replicate/control/replication.h"
#include "replicate/data/source.h"
#include "tests/sim/scenario.h"
#include "tests/sim/world.h"

namespace shunt::sim {

inline constexpr std::uint16_t source_port = 1000;
inline constexpr std::uint16_t target_port = 2000;
inline constexpr const char* source_alias = "source";
inline constexpr const char* target_alias = "target";
inline constexpr const char* topic_name = "orders";
inline constexpr const char* syncs_topic_name = "mm2-offset-syncs.target.internal";
/// Of a head, where offsets may be mapped instead.
inline constexpr std::int64_t most_padding = 40;

/// Where a mirror is to begin.
replicate::StartPosition start_of(const Scenario& scenario);
replicate::ReplicationSettings replication_settings(const Scenario& scenario, World& world);
replicate::DataSettings data_settings(const Scenario& scenario, World& world);

}  // namespace shunt::sim

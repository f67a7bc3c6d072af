// A batch appended to a partition's log by the control plane: one at a time, its answer awaited. The data path writes
// with replicate/data/target.h instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/ids.h"
#include "replicate/control/cluster.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

/// Produces `batch` with acks=all. Throws net::BrokerError when nothing is known of what became of it, ClusterError
/// when nobody can be asked.
net::Awaitable<ProduceAnswer> write_log(Cluster& cluster, TopicPartition partition, std::vector<std::byte> batch,
                                        std::int32_t timeout_ms);

}  // namespace shunt::replicate

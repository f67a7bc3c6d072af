// A batch appended to a partition's log by the control plane: one at a time, its answer awaited. The data path writes
// with replicate/data/target.h instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/ids.h"
#include "replicate/control/cluster.h"

namespace shunt::replicate {

struct WrittenBatch {
  std::int16_t error_code = 0;  // Kafka's; not 0: the offset says nothing
  std::string error_message;    // what the broker adds to it, if anything
  protocol::Offset base_offset{-1};
  std::int64_t log_append_time_ms = -1;  // not -1: append times are the topic's, or the batch was there already
};

/// Produces `batch` with acks=all. Throws net::BrokerError when nothing is known of what became of it, ClusterError
/// when nobody can be asked.
net::Awaitable<WrittenBatch> write_log(Cluster& cluster, TopicPartition partition, std::vector<std::byte> batch,
                                       std::int32_t timeout_ms);

}  // namespace shunt::replicate

// What the control plane appends to a partition's log: one batch at a time, or transaction markers, the answer awaited. The
// data path writes with replicate/data/target.h instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/ids.h"
#include "protocol/uuid.h"
#include "replicate/control/cluster.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

/// Produces `batch` with acks=all. `topic_id`: that topic is meant; brokers that know topics by their ids (Produce 13,
/// Kafka 4.1) put nothing into another one that has taken its name meanwhile. Zero: whatever has the name. Throws
/// net::BrokerError when nothing is known of what became of it, ClusterError when nobody can be asked.
net::Awaitable<ProduceAnswer> write_log(Cluster& cluster, TopicPartition partition, std::vector<std::byte> batch,
                                        std::int32_t timeout_ms, protocol::Uuid topic_id = {});

/// A transaction's end, "committed", of a producer that has none under way: it takes up an offset, no reader ever sees it,
/// and the partition refuses earlier epochs of the producer from then on.
struct Marker {
  protocol::ProducerId producer_id;
  protocol::ProducerEpoch producer_epoch;
  std::int32_t coordinator_epoch = 0;  // not lower than the partition has it
};

/// Appends `marker` so many times, at most 2,000. Answers Kafka's error code; not 0: none was appended. Throws as
/// write_log().
net::Awaitable<std::int16_t> write_markers(Cluster& cluster, TopicPartition partition, Marker marker,
                                           std::int64_t count);

}  // namespace shunt::replicate

// A stretch of a partition's log as the control plane reads it: whole batches, one partition at a time. The data path
// reads with replicate/data/source.h instead.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/ids.h"
#include "protocol/messages/fetch.h"
#include "replicate/control/cluster.h"
#include "replicate/isolation.h"

namespace shunt::replicate {

struct LogStretch {
  std::int16_t error_code = 0;  // Kafka's, of the partition; not 0: the rest says nothing
  protocol::Offset log_start{-1};
  protocol::Offset high_watermark{-1};
  protocol::Offset last_stable_offset{-1};
  std::vector<protocol::FetchResponse::AbortedTransaction> aborted;  // those that reach into the stretch
  protocol::Records records;                                         // the last batch may be cut off
};

/// What the leader has from `offset` on: about `bytes`, but at least one whole batch if there is any within
/// `max_wait_ms`. Headers are plausible (offsets and counts not negative, no overflow). Throws net::BrokerError, or
/// ClusterError.
net::Awaitable<LogStretch> read_log(Cluster& cluster, TopicPartition partition, protocol::Offset offset,
                                    std::int32_t bytes, Isolation isolation, std::int32_t max_wait_ms = 0);

/// The whole batches at the beginning of `records`, in order. Entries of format 0 and 1 end the list.
std::vector<std::span<const std::byte>> whole_batches(std::span<const std::byte> records);

}  // namespace shunt::replicate

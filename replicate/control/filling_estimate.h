// How long the slow path would take over a partition: is it worth having identical offsets (shunt.offsets=auto)? Told
// from samples of the source's log, spread evenly over it.
#pragma once

#include <cstdint>

#include "net/loop.h"
#include "protocol/ids.h"
#include "replicate/control/cluster.h"
#include "replicate/isolation.h"

namespace shunt::replicate {

struct FillingEstimate {
  std::int64_t places = 0;   // holes, and batches to be rewritten
  std::int64_t offsets = 0;  // without a record for a reader
  net::Duration time{0};
};

/// Of the source's offsets [start, end). Short ranges are not looked at: they never take long. What cannot be read at
/// the moment counts as nothing.
net::Awaitable<FillingEstimate> estimate_filling(Cluster& source, TopicPartition partition, protocol::Offset start,
                                                 protocol::Offset end, Isolation isolation);

}  // namespace shunt::replicate

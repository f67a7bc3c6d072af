// Shuts everybody else out of a partition who writes under a mapped flow's producer id: another instance, requests of a
// life before, batches of this process that nobody has answered.
//
// Sequence numbers count records. As long as the source only grows, whoever mirrors it counts alike, and the target takes
// each record once whoever sends it first. But where compaction or retention has taken records, who has read them counts
// more than who comes later: of batches that the one sends one behind the other the target may refuse the first and take
// the second, whose records the other has written already. With identical offsets the hole that is left is filled behind a
// fence (control/hole_filler.h). Mapped flows pass it; so the first one to meet such a gap raises the epoch of the producer
// id before, and from then on every life has an epoch of its own, in which sequence numbers begin at 0 again.
//
// A transaction marker raises it: a partition takes one whoever sends it, and then refuses every earlier epoch. Two
// instances may raise it to the same one: it belongs to the one whose marker the log has first, and the other tries again.
#pragma once

#include <optional>

#include "protocol/ids.h"
#include "replicate/control/cluster.h"

namespace shunt::replicate {

/// An epoch that nobody else writes in. `last`: of the producer id in the partition, as it was when this was called, or
/// higher. Empty: the user may not write markers (Alter on the cluster), or the last epoch is reached; others are not shut
/// out then. Throws ClusterError and net::BrokerError when it is not known: it may have been raised.
net::Awaitable<std::optional<protocol::ProducerEpoch>> raise_epoch(Cluster& target, TopicPartition partition,
                                                                   protocol::ProducerId identity,
                                                                   protocol::ProducerEpoch last);

}  // namespace shunt::replicate

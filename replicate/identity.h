// The producer id under which a flow writes a target partition: derived, not allocated, and the same in every life, so
// that (producer id, epoch, sequence) is a compare-and-swap on the target's log: a resend after a crash, a second
// instance started by mistake, a frozen one that wakes up can only be recognised as a duplicate or refused, never
// appended twice (KIP-98).
//
//   bit 62      set: no cluster hands out producer ids up there
//   bits 46-61  the flow's tag, by which the opposite flow can recognise what came from here
//   bits 0-45   hash of the target topic's id (its name, where brokers have no topic ids), the partition and the source
//               topic's name: several may be merged into one
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/ids.h"
#include "protocol/uuid.h"

namespace shunt::replicate {

/// What is written under an identity carries it, unless offsets are mapped and the source has lost records of what was
/// there to be mirrored (control/producer_fence.h).
inline constexpr protocol::ProducerEpoch first_epoch{0};

/// The tag of a flow: a hash of both cluster aliases.
std::uint16_t flow_tag(std::string_view source_alias, std::string_view target_alias);

/// The same whether offsets are identical or mapped: what is under way when a partition goes over from one to the other
/// meets the sequence numbers of whoever does.
protocol::ProducerId flow_identity(std::uint16_t tag, const protocol::Uuid& target_topic_id,
                                   std::string_view target_topic, protocol::PartitionIndex partition,
                                   std::string_view source_topic);

/// Written by a flow with that tag. No cluster hands out such producer ids.
bool carries_tag(protocol::ProducerId identity, std::uint16_t tag);
/// Derived from the same tag: of another topic or partition, unless they are equal.
bool are_of_one_flow(protocol::ProducerId one, protocol::ProducerId other);

}  // namespace shunt::replicate

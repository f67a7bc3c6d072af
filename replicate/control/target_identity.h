// The identity of a flow's partition (replicate/identity.h), where the target's metadata tell of its topic.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/ids.h"
#include "protocol/uuid.h"
#include "replicate/control/cluster.h"
#include "replicate/identity.h"

namespace shunt::replicate {

/// `there`: the target's topic; null where there is none yet, and nothing was written under the answer.
inline protocol::ProducerId target_identity(std::uint16_t tag, const Topic* there, std::string_view target_topic,
                                            const TopicPartition& source) {
  const protocol::Uuid id = there == nullptr ? protocol::Uuid{} : there->id;
  return flow_identity(tag, id, target_topic, source.partition, source.topic);
}

}  // namespace shunt::replicate

// Pictures of a mirror for the tests of what is made from them.
#pragma once

#include <string>

#include "replicate/status.h"

namespace shunt::tests {

/// A running partition of A->B, mirrored from `start` to `position` of `source_end`.
inline replicate::PartitionStatus running_partition(const std::string& topic, std::int32_t index, std::int64_t start,
                                                    std::int64_t position, std::int64_t source_end) {
  replicate::PartitionStatus status;
  status.flow = "A->B";
  status.source_topic = topic;
  status.target_topic = "A." + topic;
  status.partition = index;
  status.state = replicate::PartitionState::running;
  status.start = start;
  status.position = position;
  status.source_end = source_end;
  status.records = static_cast<std::uint64_t>(position - start);
  status.bytes = status.records * 100;
  return status;
}

}  // namespace shunt::tests

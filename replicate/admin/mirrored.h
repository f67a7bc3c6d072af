// What the admin path knows of the data path: how far the flow's partitions have come, as the status says it.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "protocol/ids.h"
#include "replicate/control/cluster.h"

namespace shunt::replicate {

struct MirroredPlace {
  std::string target_topic;
  protocol::Offset position;  // of the source: the target has everything below, put there or found to be so
  bool is_mapped = false;     // its offsets; else they are identical
};

/// By source partition. One that is not there is none that the flow answers for: it was not compared with its source yet, or
/// is somebody else's.
using MirroredPlaces = std::map<TopicPartition, MirroredPlace>;

/// From any thread.
using AskPlaces = std::function<MirroredPlaces()>;

}  // namespace shunt::replicate

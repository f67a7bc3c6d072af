// How far MirrorMaker 2 has come, as Kafka Connect keeps it on the target (connect_offset.h has the records).
#pragma once

#include <map>
#include <string>

#include "protocol/ids.h"
#include "replicate/control/cluster.h"

namespace shunt::replicate {

struct ConnectOffsetsSettings {
  std::string topic;      // "mm2-offsets.A.internal", or what offset.storage.topic says
  std::string connector;  // `name`
  std::string source;     // alias
};

/// By source partition: the first offset that was not copied.
using ConnectOffsets = std::map<TopicPartition, protocol::Offset>;

/// Those that MirrorMaker 2 has written, where shunt has not written others since. Empty where there is no such topic. Throws
/// ClusterError.
net::Awaitable<ConnectOffsets> read_connect_offsets(Cluster& target, ConnectOffsetsSettings settings);

}  // namespace shunt::replicate

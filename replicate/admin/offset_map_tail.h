// The offset maps of a flow as the admin path reads them: all of the offset syncs topic once, then what was appended to it.
// The data path has its own (control/offset_syncs.h).
#pragma once

#include <string>

#include "protocol/ids.h"
#include "protocol/uuid.h"
#include "replicate/control/own_topic.h"
#include "replicate/control/stored_maps.h"

namespace shunt::replicate {

class OffsetMapTail {
 public:
  /// `cluster`: where the topic is; must outlive it.
  OffsetMapTail(Cluster& cluster, const std::string& topic)
      : cluster_(cluster), topic_(cluster, {.name = topic, .holds = "offset maps"}) {}

  /// Reads on. No topic: no maps. Throws ClusterError, LogError, net::BrokerError.
  net::Awaitable<> read();
  /// Null: there is none. Valid until the next read().
  [[nodiscard]] const OffsetMap* find(const TopicPartition& source, protocol::ProducerId identity) const {
    return maps_.find({.source = source, .identity = identity});
  }

 private:
  void begin_anew();

  Cluster& cluster_;
  OwnTopic topic_;
  StoredMaps maps_;
  protocol::Uuid topic_id_;
  protocol::Offset next_{0};
};

}  // namespace shunt::replicate

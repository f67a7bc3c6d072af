// A topic that a mirror keeps for itself on a cluster, as MirrorMaker 2 does: small, compacted, created when there is
// something to write, and written by whoever else plays the same part there.
//
// The Cluster must outlive it. All of it throws ClusterError with what a person should do, net::BrokerError when a broker
// does not answer, LogError when the topic cannot be read; any of it may be repeated.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "protocol/ids.h"
#include "protocol/record.h"
#include "replicate/control/cluster.h"

namespace shunt::replicate {

struct OwnTopicSettings {
  std::string name;
  std::string holds;  // for messages: "offset maps"
  std::int32_t partitions = 1;
  std::int16_t replication_factor = 3;  // -1: the cluster decides; more than it has brokers is lowered
  net::Duration patience = std::chrono::seconds(30);
  std::int32_t produce_timeout_ms = 30'000;
};

class OwnTopic {
 public:
  OwnTopic(Cluster& cluster, OwnTopicSettings settings) : cluster_(cluster), settings_(std::move(settings)) {}

  [[nodiscard]] const std::string& name() const { return settings_.name; }

  /// What is known of it, asked anew. False: there is none.
  net::Awaitable<bool> find();
  /// Makes sure that it exists and that all its partitions have leaders.
  net::Awaitable<> create();
  /// The same, unless it is known from then or from the last append().
  net::Awaitable<> ensure();

  /// Every record from `begin` on that was committed when it was asked, in their order; where the next one will be. The
  /// topic must exist.
  net::Awaitable<protocol::Offset> read(protocol::PartitionIndex partition,
                                        std::function<void(const protocol::Record&)> visit,
                                        protocol::Offset begin = protocol::Offset(0));
  /// Appends, under no producer id: what is there twice is of no harm. The topic must exist; a leader that has moved is an
  /// error, and find() learns of the new one.
  net::Awaitable<> append(protocol::PartitionIndex partition, const protocol::RecordBatchBuilder& records);

 private:
  Cluster& cluster_;
  const OwnTopicSettings settings_;
  bool is_ready_ = false;  // as far as the last append() has shown
};

}  // namespace shunt::replicate

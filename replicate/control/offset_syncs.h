// The offset maps of a flow's mapped partitions, kept in MirrorMaker 2's offset syncs topic (offset_sync.h has the
// records). Everything is read once, at the beginning; from then on what has changed is stored now and then.
//
// The topic has one partition, and a producer id of its own for every flow, derived as those of the data are
// (identity.h): storing is a compare-and-swap on the topic's log, so a frozen instance that wakes up cannot put an old
// map over a newer one. Whoever is refused reads the topic again.
//
// What is stored may lag behind the data: map_recovery.h makes up for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ids.h"
#include "protocol/record.h"
#include "replicate/control/cluster.h"
#include "replicate/control/own_topic.h"
#include "replicate/control/stored_maps.h"
#include "replicate/offset_map.h"

namespace shunt::replicate {

struct OffsetSyncsSettings {
  std::string topic;
  std::int16_t replication_factor = 3;  // offset-syncs.topic.replication.factor; -1: the cluster decides
  std::uint16_t tag = 0;                // of the flow (identity.h)
  net::Duration patience = std::chrono::seconds(30);
  std::int32_t produce_timeout_ms = 30'000;
};

class OffsetSyncs {
 public:
  /// `cluster`: where the topic is (offset-syncs.topic.location); must outlive it.
  OffsetSyncs(Cluster& cluster, OffsetSyncsSettings settings);

  /// Reads the topic, if there is one; forgets what is not stored. Throws ClusterError.
  net::Awaitable<> load();
  [[nodiscard]] const std::string& topic() const { return settings_.topic; }
  /// Records of the topic that nobody can make sense of: one line each, for the log.
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

  /// The map of what was written under `identity`; null: there is none. Valid until the next load(). What changes in it
  /// becomes a part of what is to be stored.
  OffsetMap* find(const TopicPartition& source, protocol::ProducerId identity);
  [[nodiscard]] const OffsetMap* find(const TopicPartition& source, protocol::ProducerId identity) const;
  /// The newest of what MirrorMaker 2 itself has said of the partition, unless shunt has said something since: a record's
  /// place on both sides.
  [[nodiscard]] std::optional<StoredMaps::Pair> find_pair(const TopicPartition& source) const;
  /// A map of nothing yet, instead of any other of the partition: those of other identities are not stored any more, but
  /// stay as they are in the topic.
  OffsetMap& begin(const TopicPartition& source, protocol::ProducerId identity, const MapTip& at);

  enum class Stored {
    all,
    later,  // the cluster is in trouble: `why()`, to be tried again
    moved,  // another instance of this mirror has stored something: load() again, and look at every partition anew
  };
  /// What has changed since; creates the topic when there is something to store and none to store it in. Throws
  /// ClusterError when the cluster will not have it, whatever is tried: what() says what to do.
  net::Awaitable<Stored> store();
  [[nodiscard]] const std::string& why() const { return why_; }
  /// Another instance of this mirror has stored something since load(). Not while store() is under way. Throws
  /// ClusterError, net::BrokerError.
  net::Awaitable<bool> has_moved();

 private:
  net::Awaitable<bool> find_topic();
  net::Awaitable<protocol::Sequence> next_sequence();
  net::Awaitable<> create_topic();
  net::Awaitable<> read();
  void restore(const protocol::Record& record);
  void pack_changes();
  net::Awaitable<Stored> write_all();
  net::Awaitable<Stored> write(const protocol::RecordBatchBuilder& records);
  net::Awaitable<bool> is_there(protocol::Offset offset, std::vector<std::byte> batch);

  Cluster& cluster_;
  const OffsetSyncsSettings settings_;
  OwnTopic own_topic_;
  const TopicPartition partition_;
  StoredMaps maps_;
  std::vector<std::string> complaints_;
  std::string why_;

  protocol::ProducerId identity_{-1};                  // of this flow in the topic; -1: there is no topic yet
  protocol::Sequence sequence_;                        // of our next record in it
  std::deque<protocol::RecordBatchBuilder> to_write_;  // the first may have been sent before
};

}  // namespace shunt::replicate

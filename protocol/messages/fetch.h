// Fetch (1): record batches from given positions on. The data path reads the answer with fetch_stream.h; a test
// holds it to this list.
//
// Versions: 4 RecordBatch v2, read committed; 7 sessions; 9 leader epochs; 11 fetch from followers; 12 flexible,
// divergence; 13 topic ids instead of names; 16 endpoints of new leaders.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct FetchResponse;

struct FetchRequest {
  using Response = FetchResponse;
  static constexpr Api api{.key = 1, .name = "Fetch", .versions = {4, 18}, .flexible = 12};

  struct ReplicaState {
    BrokerId replica_id{-1};  // -1: a consumer
    std::int64_t replica_epoch = -1;

    static void fields(auto&& f, auto& m) {
      f("ReplicaId", m.replica_id);
      f("ReplicaEpoch", m.replica_epoch);
    }
    bool operator==(const ReplicaState&) const = default;
  };

  struct Partition {
    PartitionIndex partition;
    LeaderEpoch current_leader_epoch{-1};  // fences a fetch sent to a deposed leader (KIP-320)
    Offset fetch_offset;
    LeaderEpoch last_fetched_epoch{-1};  // lets the broker notice divergence (KIP-595)
    Offset log_start_offset{-1};         // a follower's own
    // At least the topic's max.message.bytes, or a large batch can be starved.
    std::int32_t partition_max_bytes = 0;
    std::optional<Uuid> replica_directory_id;  // KIP-853
    std::optional<Offset> high_watermark;      // a follower's own (KIP-1166); absent: not supported, -1: unknown

    static void fields(auto&& f, auto& m) {
      f("Partition", m.partition);
      f("CurrentLeaderEpoch", m.current_leader_epoch, since(9).ignorable());
      f("FetchOffset", m.fetch_offset);
      f("LastFetchedEpoch", m.last_fetched_epoch, since(12));
      f("LogStartOffset", m.log_start_offset, since(5).ignorable());
      f("PartitionMaxBytes", m.partition_max_bytes);
      f("ReplicaDirectoryId", m.replica_directory_id, since(17).ignorable().tag(0));
      f("HighWatermark", m.high_watermark, since(18).ignorable().tag(1));
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string topic;
    Uuid topic_id;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("Topic", m.topic, until(12).ignorable());
      f("TopicId", m.topic_id, since(13).ignorable());
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  struct ForgottenTopic {
    std::string topic;
    Uuid topic_id;
    std::vector<PartitionIndex> partitions;

    static void fields(auto&& f, auto& m) {
      f("Topic", m.topic, until(12).ignorable());
      f("TopicId", m.topic_id, since(13).ignorable());
      f("Partitions", m.partitions);
    }
    bool operator==(const ForgottenTopic&) const = default;
  };

  std::optional<std::string> cluster_id;      // used between KRaft voters only
  BrokerId replica_id{-1};                    // -1: a consumer
  std::optional<ReplicaState> replica_state;  // of a follower (KIP-903)
  std::int32_t max_wait_ms = 0;               // the broker answers at the latest then, with whatever there is
  std::int32_t min_bytes = 0;
  // Of the answer; a first batch that is larger comes all the same (KIP-74).
  std::int32_t max_bytes = std::numeric_limits<std::int32_t>::max();
  std::int8_t isolation_level = 0;                    // 0: read uncommitted, 1: read committed (KIP-98)
  std::int32_t session_id = 0;                        // KIP-227; 0 with epoch 0: open a session
  std::int32_t session_epoch = -1;                    // -1: no session, 0: open one, then 1, 2, ... in every request
  std::vector<Topic> topics;                          // in a session: what is new or has changed
  std::vector<ForgottenTopic> forgotten_topics_data;  // partitions to leave out of the session from now on
  std::string rack_id;                                // lets the broker offer a closer replica (KIP-392)

  static void fields(auto&& f, auto& m) {
    f("ClusterId", m.cluster_id, since(12).ignorable().tag(0).nullable());
    f("ReplicaId", m.replica_id, until(14));
    f("ReplicaState", m.replica_state, since(15).tag(1));
    f("MaxWaitMs", m.max_wait_ms);
    f("MinBytes", m.min_bytes);
    f("MaxBytes", m.max_bytes);
    f("IsolationLevel", m.isolation_level);
    f("SessionId", m.session_id, since(7).ignorable());
    f("SessionEpoch", m.session_epoch, since(7).ignorable());
    f("Topics", m.topics);
    f("ForgottenTopicsData", m.forgotten_topics_data, since(7));
    f("RackId", m.rack_id, since(11).ignorable());
  }
  bool operator==(const FetchRequest&) const = default;
};

struct FetchResponse {
  static constexpr Api api = FetchRequest::api;

  struct EpochEndOffset {
    LeaderEpoch epoch{-1};
    Offset end_offset{-1};

    static void fields(auto&& f, auto& m) {
      f("Epoch", m.epoch);
      f("EndOffset", m.end_offset);
    }
    bool operator==(const EpochEndOffset&) const = default;
  };

  struct LeaderIdAndEpoch {
    BrokerId leader_id{-1};  // -1: unknown
    LeaderEpoch leader_epoch{-1};

    static void fields(auto&& f, auto& m) {
      f("LeaderId", m.leader_id);
      f("LeaderEpoch", m.leader_epoch);
    }
    bool operator==(const LeaderIdAndEpoch&) const = default;
  };

  struct SnapshotId {
    Offset end_offset{-1};
    LeaderEpoch epoch{-1};

    static void fields(auto&& f, auto& m) {
      f("EndOffset", m.end_offset);
      f("Epoch", m.epoch);
    }
    bool operator==(const SnapshotId&) const = default;
  };

  struct AbortedTransaction {
    ProducerId producer_id;
    Offset first_offset;

    static void fields(auto&& f, auto& m) {
      f("ProducerId", m.producer_id);
      f("FirstOffset", m.first_offset);
    }
    bool operator==(const AbortedTransaction&) const = default;
  };

  struct Partition {
    PartitionIndex partition_index;
    std::int16_t error_code = 0;
    Offset high_watermark;
    Offset last_stable_offset{-1};  // no transaction is open before it (KIP-98)
    Offset log_start_offset{-1};
    // The follower's log ends in an epoch that is not the leader's (KIP-595).
    std::optional<EpochEndOffset> diverging_epoch;
    std::optional<LeaderIdAndEpoch> current_leader;  // with NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH
    std::optional<SnapshotId> snapshot_id;           // for KRaft metadata only
    // Null unless read committed; the client leaves out their batches by itself.
    std::optional<std::vector<AbortedTransaction>> aborted_transactions;
    BrokerId preferred_read_replica{-1};  // -1: go on here (KIP-392)
    std::optional<Records> records;       // whole batches, the last one perhaps cut off

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("ErrorCode", m.error_code);
      f("HighWatermark", m.high_watermark);
      f("LastStableOffset", m.last_stable_offset);
      f("LogStartOffset", m.log_start_offset, since(5).ignorable());
      f("DivergingEpoch", m.diverging_epoch, since(12).tag(0));
      f("CurrentLeader", m.current_leader, since(12).tag(1));
      f("SnapshotId", m.snapshot_id, since(12).tag(2));
      f("AbortedTransactions", m.aborted_transactions);
      f("PreferredReadReplica", m.preferred_read_replica, since(11));
      f("Records", m.records);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string topic;
    Uuid topic_id;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("Topic", m.topic, until(12).ignorable());
      f("TopicId", m.topic_id, since(13).ignorable());
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  struct NodeEndpoint {
    BrokerId node_id;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;

    static void fields(auto&& f, auto& m) {
      f("NodeId", m.node_id);
      f("Host", m.host);
      f("Port", m.port);
      f("Rack", m.rack);
    }
    bool operator==(const NodeEndpoint&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;  // of the session (KIP-227)
  std::int32_t session_id = 0;  // 0: no session was opened, the cache of the broker is full
  // In a session: only partitions with news. Empty with a throttle time: over quota, not the log end.
  std::vector<Topic> responses;
  std::vector<NodeEndpoint> node_endpoints;  // addresses of the brokers that current_leader names (KIP-951)

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("ErrorCode", m.error_code, since(7).ignorable());
    f("SessionId", m.session_id, since(7));
    f("Responses", m.responses);
    f("NodeEndpoints", m.node_endpoints, since(16).tag(0));
  }
  bool operator==(const FetchResponse&) const = default;
};

}  // namespace shunt::protocol

// Metadata (3): the brokers of a cluster, its topics, and who leads their partitions.
//
// Versions: 1 rack, controller; 4 no auto-creation; 5 offline replicas; 7 leader epochs; 8 authorized operations;
// 9 flexible; 10 topic ids; 12 topics asked by id; 13 a top-level error (REBOOTSTRAP_REQUIRED, KIP-1102).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct MetadataResponse;

struct MetadataRequest {
  using Response = MetadataResponse;
  static constexpr Api api{.key = 3, .name = "Metadata", .versions = {0, 13}, .flexible = 9};

  struct Topic {
    Uuid topic_id;                    // answered from version 12 on; before, brokers ignore it (KIP-516)
    std::optional<std::string> name;  // null: ask by topic id

    static void fields(auto&& f, auto& m) {
      f("TopicId", m.topic_id, since(10).ignorable());
      f("Name", m.name, nullable_since(10));
    }
    bool operator==(const Topic&) const = default;
  };

  std::optional<std::vector<Topic>> topics;  // null: all topics. Version 0 says that with an empty list instead
  bool allow_auto_topic_creation = true;     // true would create a misspelt topic: say false
  bool include_cluster_authorized_operations = false;  // moved to DescribeCluster (KIP-700)
  bool include_topic_authorized_operations = false;

  static void fields(auto&& f, auto& m) {
    f("Topics", m.topics, nullable_since(1));
    f("AllowAutoTopicCreation", m.allow_auto_topic_creation, since(4));
    f("IncludeClusterAuthorizedOperations", m.include_cluster_authorized_operations, since(8).until(10));
    f("IncludeTopicAuthorizedOperations", m.include_topic_authorized_operations, since(8));
  }
  bool operator==(const MetadataRequest&) const = default;
};

struct MetadataResponse {
  static constexpr Api api = MetadataRequest::api;

  struct Broker {
    BrokerId node_id;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;  // null: none configured

    static void fields(auto&& f, auto& m) {
      f("NodeId", m.node_id);
      f("Host", m.host);
      f("Port", m.port);
      f("Rack", m.rack, since(1).ignorable());
    }
    bool operator==(const Broker&) const = default;
  };

  struct Partition {
    std::int16_t error_code = 0;  // LEADER_NOT_AVAILABLE, REPLICA_NOT_AVAILABLE, LISTENER_NOT_FOUND
    PartitionIndex partition_index;
    BrokerId leader_id;            // -1: no leader now
    LeaderEpoch leader_epoch{-1};  // -1: unknown (KIP-320)
    std::vector<BrokerId> replica_nodes;
    std::vector<BrokerId> isr_nodes;
    std::vector<BrokerId> offline_replicas;

    static void fields(auto&& f, auto& m) {
      f("ErrorCode", m.error_code);
      f("PartitionIndex", m.partition_index);
      f("LeaderId", m.leader_id);
      f("LeaderEpoch", m.leader_epoch, since(7).ignorable());
      f("ReplicaNodes", m.replica_nodes);
      f("IsrNodes", m.isr_nodes);
      f("OfflineReplicas", m.offline_replicas, since(5).ignorable());
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::int16_t error_code = 0;
    std::optional<std::string> name;  // null: asked by an id that the broker does not know
    Uuid topic_id;                    // zero: asked by an unknown name, or the cluster has no topic ids
    bool is_internal = false;
    std::vector<Partition> partitions;
    // Bit field by AclOperation number; the default: not asked for.
    std::int32_t topic_authorized_operations = std::numeric_limits<std::int32_t>::min();

    static void fields(auto&& f, auto& m) {
      f("ErrorCode", m.error_code);
      f("Name", m.name, nullable_since(12));
      f("TopicId", m.topic_id, since(10).ignorable());
      f("IsInternal", m.is_internal, since(1).ignorable());
      f("Partitions", m.partitions);
      f("TopicAuthorizedOperations", m.topic_authorized_operations, since(8));
    }
    bool operator==(const Topic&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Broker> brokers;
  std::optional<std::string> cluster_id;
  BrokerId controller_id{-1};  // with KRaft any live broker, which forwards to the controller
  std::vector<Topic> topics;
  // Bit field by AclOperation number; the default: not asked for.
  std::int32_t cluster_authorized_operations = std::numeric_limits<std::int32_t>::min();
  std::int16_t error_code = 0;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms, since(3).ignorable());
    f("Brokers", m.brokers);
    f("ClusterId", m.cluster_id, since(2).ignorable());
    f("ControllerId", m.controller_id, since(1).ignorable());
    f("Topics", m.topics);
    f("ClusterAuthorizedOperations", m.cluster_authorized_operations, since(8).until(10));
    f("ErrorCode", m.error_code, since(13).ignorable());
  }
  bool operator==(const MetadataResponse&) const = default;
};

}  // namespace shunt::protocol

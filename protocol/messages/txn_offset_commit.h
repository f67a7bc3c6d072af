// TxnOffsetCommit (28): commits offsets of a group inside a transaction, visible when it commits. Sent to the
// coordinator of the group.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct TxnOffsetCommitResponse;

struct TxnOffsetCommitRequest {
  using Response = TxnOffsetCommitResponse;
  static constexpr Api api{.key = 28, .name = "TxnOffsetCommit", .versions = {0, 5}, .flexible = 3};

  struct Partition {
    PartitionIndex partition_index;
    Offset committed_offset;
    // -1 for another cluster's offset: a foreign epoch silences Java consumers.
    LeaderEpoch committed_leader_epoch{-1};
    std::optional<std::string> committed_metadata;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("CommittedOffset", m.committed_offset);
      f("CommittedLeaderEpoch", m.committed_leader_epoch, since(2).ignorable());
      f("CommittedMetadata", m.committed_metadata);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  std::string transactional_id;
  std::string group_id;
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  std::int32_t generation_id = -1;  // -1: not a member (KIP-447)
  std::string member_id;
  std::optional<std::string> group_instance_id;  // static membership (KIP-345)
  std::vector<Topic> topics;

  static void fields(auto&& f, auto& m) {
    f("TransactionalId", m.transactional_id);
    f("GroupId", m.group_id);
    f("ProducerId", m.producer_id);
    f("ProducerEpoch", m.producer_epoch);
    f("GenerationId", m.generation_id, since(3));
    f("MemberId", m.member_id, since(3));
    f("GroupInstanceId", m.group_instance_id, since(3));
    f("Topics", m.topics);
  }
  bool operator==(const TxnOffsetCommitRequest&) const = default;
};

struct TxnOffsetCommitResponse {
  static constexpr Api api = TxnOffsetCommitRequest::api;

  struct Partition {
    PartitionIndex partition_index;
    std::int16_t error_code = 0;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("ErrorCode", m.error_code);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("Topics", m.topics);
  }
  bool operator==(const TxnOffsetCommitResponse&) const = default;
};

}  // namespace shunt::protocol

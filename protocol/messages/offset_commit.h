// OffsetCommit (8): commits offsets of a group. Topic ids instead of names from version 10 on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct OffsetCommitResponse;

struct OffsetCommitRequest {
  using Response = OffsetCommitResponse;
  static constexpr Api api{.key = 8, .name = "OffsetCommit", .versions = {2, 10}, .flexible = 8};

  struct Partition {
    PartitionIndex partition_index;
    Offset committed_offset;
    // -1 for another cluster's offset: a foreign epoch silences Java consumers.
    LeaderEpoch committed_leader_epoch{-1};
    std::optional<std::string> committed_metadata;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("CommittedOffset", m.committed_offset);
      f("CommittedLeaderEpoch", m.committed_leader_epoch, since(6).ignorable());
      f("CommittedMetadata", m.committed_metadata);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string name;
    Uuid topic_id;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name, until(9).ignorable());
      f("TopicId", m.topic_id, since(10).ignorable());
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  std::string group_id;
  std::int32_t generation_id_or_member_epoch = -1;  // -1: not a member; refused while the group is active
  std::string member_id;
  std::optional<std::string> group_instance_id;  // static membership (KIP-345)
  std::int64_t retention_time_ms = -1;           // -1: as the broker is configured
  std::vector<Topic> topics;

  static void fields(auto&& f, auto& m) {
    f("GroupId", m.group_id);
    f("GenerationIdOrMemberEpoch", m.generation_id_or_member_epoch);
    f("MemberId", m.member_id);
    f("GroupInstanceId", m.group_instance_id, since(7));
    f("RetentionTimeMs", m.retention_time_ms, until(4).ignorable());
    f("Topics", m.topics);
  }
  bool operator==(const OffsetCommitRequest&) const = default;
};

struct OffsetCommitResponse {
  static constexpr Api api = OffsetCommitRequest::api;

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
    Uuid topic_id;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name, until(9).ignorable());
      f("TopicId", m.topic_id, since(10).ignorable());
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms, since(3).ignorable());
    f("Topics", m.topics);
  }
  bool operator==(const OffsetCommitResponse&) const = default;
};

}  // namespace shunt::protocol

// OffsetFetch (9): committed offsets of groups. One group up to version 7, many from 8 on (KIP-709); topic ids instead
// of names from 10 on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct OffsetFetchResponse;

struct OffsetFetchRequest {
  using Response = OffsetFetchResponse;
  static constexpr Api api{.key = 9, .name = "OffsetFetch", .versions = {1, 10}, .flexible = 6};

  struct Topic {
    std::string name;
    std::vector<PartitionIndex> partition_indexes;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("PartitionIndexes", m.partition_indexes);
    }
    bool operator==(const Topic&) const = default;
  };

  struct GroupTopic {
    std::string name;
    Uuid topic_id;
    std::vector<PartitionIndex> partition_indexes;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name, until(9).ignorable());
      f("TopicId", m.topic_id, since(10).ignorable());
      f("PartitionIndexes", m.partition_indexes);
    }
    bool operator==(const GroupTopic&) const = default;
  };

  struct Group {
    std::string group_id;
    std::optional<std::string> member_id;
    std::int32_t member_epoch = -1;                 // KIP-848
    std::optional<std::vector<GroupTopic>> topics;  // null: all partitions with an offset

    static void fields(auto&& f, auto& m) {
      f("GroupId", m.group_id);
      f("MemberId", m.member_id, since(9).ignorable());
      f("MemberEpoch", m.member_epoch, since(9).ignorable());
      f("Topics", m.topics);
    }
    bool operator==(const Group&) const = default;
  };

  std::string group_id;
  std::optional<std::vector<Topic>> topics;  // null: all partitions with an offset
  std::vector<Group> groups;                 // many at a time (KIP-709)
  bool require_stable = false;               // UNSTABLE_OFFSET_COMMIT while a transaction commits an offset (KIP-447)

  static void fields(auto&& f, auto& m) {
    f("GroupId", m.group_id, until(7));
    f("Topics", m.topics, until(7).nullable_since(2));
    f("Groups", m.groups, since(8));
    f("RequireStable", m.require_stable, since(7));
  }
  bool operator==(const OffsetFetchRequest&) const = default;
};

struct OffsetFetchResponse {
  static constexpr Api api = OffsetFetchRequest::api;

  struct Partition {
    PartitionIndex partition_index;
    Offset committed_offset;  // -1: none
    LeaderEpoch committed_leader_epoch{-1};
    std::optional<std::string> metadata;
    std::int16_t error_code = 0;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("CommittedOffset", m.committed_offset);
      f("CommittedLeaderEpoch", m.committed_leader_epoch, since(5).ignorable());
      f("Metadata", m.metadata);
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

  struct GroupPartition {
    PartitionIndex partition_index;
    Offset committed_offset;  // -1: none
    LeaderEpoch committed_leader_epoch{-1};
    std::optional<std::string> metadata;
    std::int16_t error_code = 0;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("CommittedOffset", m.committed_offset);
      f("CommittedLeaderEpoch", m.committed_leader_epoch);
      f("Metadata", m.metadata);
      f("ErrorCode", m.error_code);
    }
    bool operator==(const GroupPartition&) const = default;
  };

  struct GroupTopic {
    std::string name;
    Uuid topic_id;
    std::vector<GroupPartition> partitions;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name, until(9).ignorable());
      f("TopicId", m.topic_id, since(10).ignorable());
      f("Partitions", m.partitions);
    }
    bool operator==(const GroupTopic&) const = default;
  };

  struct Group {
    std::string group_id;
    std::vector<GroupTopic> topics;
    std::int16_t error_code = 0;

    static void fields(auto&& f, auto& m) {
      f("GroupId", m.group_id);
      f("Topics", m.topics);
      f("ErrorCode", m.error_code);
    }
    bool operator==(const Group&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  std::int16_t error_code = 0;
  std::vector<Group> groups;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms, since(3).ignorable());
    f("Topics", m.topics, until(7));
    f("ErrorCode", m.error_code, since(2).until(7).ignorable());
    f("Groups", m.groups, since(8));
  }
  bool operator==(const OffsetFetchResponse&) const = default;
};

}  // namespace shunt::protocol

// DescribeShareGroupOffsets (90): where share groups begin in each partition (KIP-932).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"
#include "protocol/uuid.h"

namespace shunt::protocol {

struct DescribeShareGroupOffsetsResponse;

struct DescribeShareGroupOffsetsRequest {
  using Response = DescribeShareGroupOffsetsResponse;
  static constexpr Api api{.key = 90, .name = "DescribeShareGroupOffsets", .versions = {0, 1}, .flexible = 0};

  struct Topic {
    std::string topic_name;
    std::vector<PartitionIndex> partitions;

    static void fields(auto&& f, auto& m) {
      f("TopicName", m.topic_name);
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  struct Group {
    std::string group_id;
    std::optional<std::vector<Topic>> topics;  // null: all partitions with an offset

    static void fields(auto&& f, auto& m) {
      f("GroupId", m.group_id);
      f("Topics", m.topics);
    }
    bool operator==(const Group&) const = default;
  };

  std::vector<Group> groups;

  static void fields(auto&& f, auto& m) { f("Groups", m.groups); }
  bool operator==(const DescribeShareGroupOffsetsRequest&) const = default;
};

struct DescribeShareGroupOffsetsResponse {
  static constexpr Api api = DescribeShareGroupOffsetsRequest::api;

  struct Partition {
    PartitionIndex partition_index;
    Offset start_offset;  // -1: none yet
    LeaderEpoch leader_epoch;
    std::int64_t lag = -1;  // KIP-1226
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("StartOffset", m.start_offset);
      f("LeaderEpoch", m.leader_epoch);
      f("Lag", m.lag, since(1).ignorable());
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string topic_name;
    Uuid topic_id;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("TopicName", m.topic_name);
      f("TopicId", m.topic_id);
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  struct Group {
    std::string group_id;
    std::vector<Topic> topics;
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;

    static void fields(auto&& f, auto& m) {
      f("GroupId", m.group_id);
      f("Topics", m.topics);
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
    }
    bool operator==(const Group&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("Groups", m.groups);
  }
  bool operator==(const DescribeShareGroupOffsetsResponse&) const = default;
};

}  // namespace shunt::protocol

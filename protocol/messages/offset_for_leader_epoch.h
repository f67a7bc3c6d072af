// OffsetForLeaderEpoch (23): where a leader epoch ends in a log (KIP-101). Asked for the current epoch it tells the
// true end of the log, beyond the high watermark.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct OffsetForLeaderEpochResponse;

struct OffsetForLeaderEpochRequest {
  using Response = OffsetForLeaderEpochResponse;
  static constexpr Api api{.key = 23, .name = "OffsetForLeaderEpoch", .versions = {2, 4}, .flexible = 4};

  struct Partition {
    PartitionIndex partition;
    LeaderEpoch current_leader_epoch{-1};  // what the asker believes; -1: do not check (KIP-320)
    LeaderEpoch leader_epoch;              // the epoch asked for; the current one gives the log's true end

    static void fields(auto&& f, auto& m) {
      f("Partition", m.partition);
      f("CurrentLeaderEpoch", m.current_leader_epoch);
      f("LeaderEpoch", m.leader_epoch);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string topic;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("Topic", m.topic);
      f("Partitions", m.partitions);
    }
    bool operator==(const Topic&) const = default;
  };

  BrokerId replica_id{-2};  // -2 may look beyond the high watermark
  std::vector<Topic> topics;

  static void fields(auto&& f, auto& m) {
    f("ReplicaId", m.replica_id, since(3).ignorable());
    f("Topics", m.topics);
  }
  bool operator==(const OffsetForLeaderEpochRequest&) const = default;
};

struct OffsetForLeaderEpochResponse {
  static constexpr Api api = OffsetForLeaderEpochRequest::api;

  struct Partition {
    std::int16_t error_code = 0;
    PartitionIndex partition;
    LeaderEpoch leader_epoch{-1};  // the largest known epoch not above the one asked for; -1: none
    Offset end_offset{-1};         // one after its last offset; -1: unknown

    static void fields(auto&& f, auto& m) {
      f("ErrorCode", m.error_code);
      f("Partition", m.partition);
      f("LeaderEpoch", m.leader_epoch);
      f("EndOffset", m.end_offset);
    }
    bool operator==(const Partition&) const = default;
  };

  struct Topic {
    std::string topic;
    std::vector<Partition> partitions;

    static void fields(auto&& f, auto& m) {
      f("Topic", m.topic);
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
  bool operator==(const OffsetForLeaderEpochResponse&) const = default;
};

}  // namespace shunt::protocol

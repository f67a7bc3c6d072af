// ListOffsets (2): the offset of a timestamp, or the earliest or latest offset. "Latest" is the high watermark (or the
// last stable offset), not the end of the log: OffsetForLeaderEpoch tells that.
//
// Versions: 2 isolation level; 4 leader epochs; 6 flexible; 7 to 11 each add a special timestamp or tiered storage.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct ListOffsetsResponse;

struct ListOffsetsRequest {
  using Response = ListOffsetsResponse;
  static constexpr Api api{.key = 2, .name = "ListOffsets", .versions = {1, 11}, .flexible = 6};

  struct Partition {
    PartitionIndex partition_index;
    LeaderEpoch current_leader_epoch{-1};
    // Ms, or -1 latest, -2 earliest, -3 highest timestamp, -4 local earliest, -5 last tiered.
    std::int64_t timestamp = 0;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("CurrentLeaderEpoch", m.current_leader_epoch, since(4).ignorable());
      f("Timestamp", m.timestamp);
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

  // -1: a consumer; -2: a debugging one, to which the answer is the log end, not the high watermark.
  BrokerId replica_id;
  std::int8_t isolation_level = 0;  // 1: "latest" is the last stable offset
  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;  // for topics in tiered storage (KIP-1075)

  static void fields(auto&& f, auto& m) {
    f("ReplicaId", m.replica_id);
    f("IsolationLevel", m.isolation_level, since(2));
    f("Topics", m.topics);
    f("TimeoutMs", m.timeout_ms, since(10).ignorable());
  }
  bool operator==(const ListOffsetsRequest&) const = default;
};

struct ListOffsetsResponse {
  static constexpr Api api = ListOffsetsRequest::api;

  struct Partition {
    PartitionIndex partition_index;
    std::int16_t error_code = 0;
    std::int64_t timestamp = -1;  // of the record found; -1 for the special offsets
    Offset offset{-1};            // -1: no record that late
    LeaderEpoch leader_epoch{-1};

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("ErrorCode", m.error_code);
      f("Timestamp", m.timestamp);
      f("Offset", m.offset);
      f("LeaderEpoch", m.leader_epoch, since(4));
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
    f("ThrottleTimeMs", m.throttle_time_ms, since(2).ignorable());
    f("Topics", m.topics);
  }
  bool operator==(const ListOffsetsResponse&) const = default;
};

}  // namespace shunt::protocol

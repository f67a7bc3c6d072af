// DeleteRecords (21): moves the log start of partitions forward (KIP-107).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct DeleteRecordsResponse;

struct DeleteRecordsRequest {
  using Response = DeleteRecordsResponse;
  static constexpr Api api{.key = 21, .name = "DeleteRecords", .versions = {0, 2}, .flexible = 2};

  struct Partition {
    PartitionIndex partition_index;
    Offset offset;  // the new log start; -1: the high watermark

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("Offset", m.offset);
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

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;

  static void fields(auto&& f, auto& m) {
    f("Topics", m.topics);
    f("TimeoutMs", m.timeout_ms);
  }
  bool operator==(const DeleteRecordsRequest&) const = default;
};

struct DeleteRecordsResponse {
  static constexpr Api api = DeleteRecordsRequest::api;

  struct Partition {
    PartitionIndex partition_index;
    Offset low_watermark;  // the new log start of all replicas; -1 on errors
    std::int16_t error_code = 0;

    static void fields(auto&& f, auto& m) {
      f("PartitionIndex", m.partition_index);
      f("LowWatermark", m.low_watermark);
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
  bool operator==(const DeleteRecordsResponse&) const = default;
};

}  // namespace shunt::protocol
